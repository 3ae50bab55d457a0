#!/usr/bin/env python3
"""The man pages are clean, complete, and their programs work as printed.

    check_man.py SOURCE_DIR BUILD_DIR LIBRARY CC...

Every page passes mandoc's checks; every function of a public header has a page or a link to
one, with its prototype, all of its parameters and the errors that the header lists; and the
programs of the pages, compiled from what a reader sees, back a store up and restore it.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import prototypes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "system"))

import outcome

WINDOWS_FUNCTIONS = 53
# A pair of pages whose programs save a store and restore it.
PROGRAMS = [("certbcli.3", "CertSrvRestorePrepare.3"), ("ntdsbcli.3", "DsRestorePrepare.3")]
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
FILES = {"index.txt": b"V\t351231235959Z\t\t01\tunknown\t/CN=one\n", "serial": b"02\n",
         "newcerts/01.pem": b"certificate\n"}


def lint(pages):
    problems = []
    for page in pages:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                              capture_output=True, text=True)
        problems += done.stdout.splitlines() + done.stderr.splitlines()
    return problems


def find_page(source, build, name):
    """The page of NAME: its own, or the one that its link leads to."""
    page = os.path.join(source, "docs/man", name + ".3")
    if os.path.isfile(page):
        return page
    try:
        with open(os.path.join(build, "docs", name + ".3")) as f:
            target = re.fullmatch(r"\.so man3/(\w+\.3)\n", f.read())
    except FileNotFoundError:
        return None
    page = target and os.path.join(source, "docs/man", target[1])
    return page if page and os.path.isfile(page) else None


def macros(include):
    """The names without A or W, under which sources call functions."""
    for header in prototypes.WINDOWS:
        with open(os.path.join(include, header)) as f:
            yield from re.findall(r"^#define\s+((?:CertSrv|Ds)\w+)\s", f.read(), re.M)


def check_function(page, declaration):
    """PAGE describes the function that DECLARATION declares, all of it."""
    prototype = declaration.prototype
    if prototype.name not in page.prototypes:
        return [f"{prototype.name}: not in the SYNOPSIS where its page leads"]
    header, told = page.prototypes[prototype.name]
    problems = []
    if header != declaration.header:
        problems.append(f"{prototype.name}: is in {declaration.header}, not in {header}")
    if told != prototype:
        problems.append(f"{prototype.name}: the header has {prototype}, the page {told}")
    names = set(prototype.parameter_names())
    problems += [f"{prototype.name}: its page says nothing about {parameter}"
                 for parameter in sorted(names - page.arguments)]
    return problems + [f"{prototype.name}: its page lacks {code}"
                       for code in declaration.codes
                       if code not in page.codes | names]


def check_functions(source, build, declarations):
    problems, read = [], {}
    for name, declaration in sorted(declarations.items()):
        path = find_page(source, build, name)
        if not path:
            problems.append(f"{name}: no man page")
            continue
        if path not in read:
            read[path] = prototypes.Page(path)
        problems += check_function(read[path], declaration)
    for path, page in read.items():
        problems += [f"{os.path.basename(path)}: {name} is no function of a public header"
                     for name in page.prototypes if name not in declarations]
        # What apropos and whatis find.
        problems += [f"{os.path.basename(path)}: NAME lacks {name}"
                     for name in page.prototypes
                     if name not in page.names and name.rstrip("AW") not in page.names]
    return problems


def check_macros(source, build, include):
    return [f"{name}: no man page" for name in macros(include)
            if not find_page(source, build, name)]


def check_references(source, build, pages):
    """What a page refers to and this project has the name of, is there."""
    own = re.compile(r"^(?:CertSrv|Ds[A-Z]|Sis|backupapi|certb|dsback|ntdsbcli|sis|esecheck)")
    problems = []
    for path in pages:
        with open(path) as f:
            found = re.findall(r"^\.(?:.* )?Xr (\S+) ([1-8])", f.read(), re.M)
        for name, section in sorted(set(found)):
            there = (find_page(source, build, name) if section == "3" else
                     os.path.isfile(os.path.join(source, f"docs/man/{name}.{section}")))
            if own.match(name) and not there:
                problems.append(f"{os.path.basename(path)}: {name}({section}) is nowhere")
    return problems


def printed_program(page):
    """The program in the EXAMPLES of PAGE, as mandoc prints it."""
    text = subprocess.run(["mandoc", "-T", "ascii", page], check=True, capture_output=True,
                          text=True).stdout
    text = re.sub(".\b", "", text)
    section = re.search(r"^EXAMPLES\n(.*?)^\S", text, re.M | re.S)[1]
    lines = [line[5:] for line in section.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("/*"))
    last = max(i for i, line in enumerate(lines) if line == "}")
    return "\n".join(lines[first:last + 1]) + "\n"


def build_program(work, page, source, library, compiler):
    name = os.path.join(work, os.path.basename(page)[:-2])
    with open(name + ".c", "w") as f:
        f.write(printed_program(page))
    directory = os.path.dirname(os.path.abspath(library))
    done = subprocess.run([*compiler, *WARNINGS, "-I", os.path.join(source, "include"),
                           name + ".c", "-o", name, library, "-Wl,-rpath," + directory],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{page}: its program does not compile as printed\n{done.stderr}")
    return name


def write(path, content, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)


def make_store(work):
    data = os.path.join(work, "data")
    for name, content in FILES.items():
        write(os.path.join(data, name), content)
    config = (f"[server]\nname = ca\nfamily = certsrv\nfamily = ds\n"
              f"state_dir = {work}/state\n"
              f"[store]\nengine = flat\ndatabase = {data}/index.txt\n"
              f"database = {data}/serial\ndatabase = {data}/newcerts/*\n")
    write(os.path.join(work, "conf/ca.conf"), config.encode())
    return data


def run(environment, *command):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr}")


def try_programs(source, library, compiler, pages):
    with tempfile.TemporaryDirectory() as work:
        save, restore = (
            build_program(work, os.path.join(source, "docs/man", page), source, library,
                          compiler)
            for page in pages)
        data = make_store(work)
        environment = dict(os.environ, BACKUPAPI_CONFIG_DIR=os.path.join(work, "conf"))
        run(environment, save, os.path.join(work, "set"))
        shutil.rmtree(data)
        os.makedirs(os.path.join(data, "newcerts"))
        write(os.path.join(data, "serial"), b"something else\n")
        run(environment, restore, os.path.join(work, "set"))
        problems = []
        for name, content in FILES.items():
            with open(os.path.join(data, name), "rb") as f:
                if f.read() != content:
                    problems.append(f"{name} was not restored by the programs of {pages}")
        return problems


def main():
    source, build, library, compiler = *sys.argv[1:4], sys.argv[4:]
    if not shutil.which("mandoc"):
        outcome.skip("mandoc is not installed")
    pages = sorted(glob.glob(os.path.join(source, "docs/man/*.[1-8]")))
    include = os.path.join(source, "include")
    declarations = prototypes.declarations(include)
    windows = [d for d in declarations.values() if d.header in prototypes.WINDOWS]
    if len(windows) != WINDOWS_FUNCTIONS:
        sys.exit(f"{len(windows)} functions of Windows' headers, not {WINDOWS_FUNCTIONS}")
    problems = lint(pages) + check_functions(source, build, declarations)
    problems += check_macros(source, build, include)
    problems += check_references(source, build, pages)
    for printed in PROGRAMS:
        problems += try_programs(source, library, compiler, printed)
    print("\n".join(problems))
    print(f"{len(pages)} pages, {len(declarations)} functions, {2 * len(PROGRAMS)} programs")
    return 1 if problems or len(pages) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
