#!/usr/bin/env python3
"""The man pages are clean, complete, and their programs work as printed.

    check_man.py SOURCE_DIR BUILD_DIR LIBRARY CC...

Every page passes mandoc's checks; every exported function has a page or a link to one; and
the programs of the pages, compiled from what a reader sees, back a store up and restore it.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
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


def functions(include):
    text = ""
    for header in ("certbcli.h", "ntdsbcli.h", "backupapi/backupapi.h",
                   "backupapi/compat.h", "backupapi/ese.h"):
        with open(os.path.join(include, header)) as f:
            text += re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
    names = set(re.findall(r"\b(?:CERTBCLI|NTDSBCLI)_API\s+(\w+)\s*\(", text))
    names |= set(re.findall(r"\b(backupapi_\w+)\s*\(", text))
    names |= set(re.findall(r"#define\s+((?:CertSrv|Ds)\w+)\s", text))
    if len(names) < 80:
        sys.exit(f"only {len(names)} functions found in the headers")
    return names


def missing_pages(source, build, names):
    problems = []
    for name in sorted(names):
        page = os.path.join(source, "docs/man", name + ".3")
        link = os.path.join(build, "docs", name + ".3")
        if os.path.isfile(page):
            continue
        if not os.path.isfile(link):
            problems.append(f"{name}: no man page")
            continue
        with open(link) as f:
            target = re.fullmatch(r"\.so man3/(\w+\.3)\n", f.read())
        target = target and os.path.join(source, "docs/man", target[1])
        if not target or not os.path.isfile(target):
            problems.append(f"{name}.3: leads to no page")
            continue
        with open(target) as f:
            if not re.search(rf"\b{name}W?\b", f.read()):
                problems.append(f"{name}: not described where its link leads")
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
        print("skipped: mandoc is not installed")
        return SKIPPED
    pages = sorted(glob.glob(os.path.join(source, "docs/man/*.[1-8]")))
    names = functions(os.path.join(source, "include"))
    problems = lint(pages) + missing_pages(source, build, names)
    for printed in PROGRAMS:
        problems += try_programs(source, library, compiler, printed)
    print("\n".join(problems))
    print(f"{len(pages)} pages, {len(names)} functions, {2 * len(PROGRAMS)} programs")
    return 1 if problems or len(pages) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
