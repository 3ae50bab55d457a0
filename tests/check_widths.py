#!/usr/bin/env python3
"""What docs/widths.md says about the symbols for UTF-16 is so.

Its table names just the functions that have one, its example in Python works as printed on
a store with odd names, and so do those in other languages whose compilers are installed.

    check_widths.py SOURCE_DIR NM LIBRARY
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Names of files, as bytes, and what is in them.
FILES = {"index.txt".encode(): b"V\t351231235959Z\t\t01\tunknown\t/CN=one\n",
         "serial".encode(): b"02\n",
         "newcerts/\U0001f600 \U00101234.pem".encode(): b"certificate\n",
         b"newcerts/\x80\xff\\.pem": b"",
         b"newcerts/\xed\xa0\xbd\xed\xb8\x80.pem": b"surrogates\n"}


def block(text, language):
    return re.search(rf"^```{language}\n(.*?)^```", text, re.M | re.S)[1]


def check_symbols(text, nm, library):
    listing = subprocess.run([nm, "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    there = set(re.findall(r"\b(\w+)_utf16\b", listing))
    table = re.search(r"^## Symbols\n(.*?)^## ", text, re.M | re.S)[1]
    told = {name for row in re.findall(r"^\| [\w/]+\.h \| (.*) \|$", table, re.M)
            for name in row.split(", ")}
    return ([f"{name}: has a second symbol, but is not in the table"
             for name in sorted(there - told)] +
            [f"{name}: is in the table, but has no second symbol"
             for name in sorted(told - there)])


def make_store(work):
    data = os.path.join(os.fsencode(work), b"data")
    os.makedirs(os.path.join(data, b"newcerts"))
    for name, content in FILES.items():
        with open(os.path.join(data, name), "wb") as f:
            f.write(content)
    conf = os.path.join(work, "conf")
    os.mkdir(conf)
    with open(os.path.join(conf, "ca.conf"), "w") as f:
        f.write(f"[server]\nname = ca01\nfamily = certsrv\nstate_dir = {work}/state\n"
                f"[store]\nengine = flat\ndatabase = {work}/data/index.txt\n"
                f"database = {work}/data/serial\ndatabase = {work}/data/newcerts/*.pem\n")
    return conf


def run(name, command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True,
                          errors="surrogateescape")
    if done.returncode == 0:
        return done.stdout, []
    return "", [f"{name}: exit status {done.returncode}: {done.stderr}"]


def try_python(work, text, environment):
    script = os.path.join(work, "example.py")
    with open(script, "w") as f:
        f.write(block(text, "python"))
    output, problems = run("Python", [sys.executable, script], environment)
    wanted = sorted(f"{os.path.join(os.fsencode(work), b'data', name)} {len(content)}"
                    for name, content in FILES.items())
    if not problems and sorted(output.splitlines()) != wanted:
        problems.append(f"Python: printed {output}, not {wanted}")
    return problems


def try_compiled(name, work, build, program, environment):
    """What BUILD makes prints the names of all files, those that are no Unicode in its way."""
    _, problems = run(f"{name}'s compiler", build, environment)
    if problems:
        return problems
    output, problems = run(name, program, environment)
    lines = output.splitlines()
    if not problems and (len(lines) != len(FILES) or not any(
            line.endswith(work.replace("/", "\\") + "\\data\\serial") for line in lines)):
        problems.append(f"{name}: printed {output}")
    return problems


def save(work, name, content):
    with open(os.path.join(work, name), "w") as f:
        f.write(content)
    return os.path.join(work, name)


def try_rust(work, text, _, environment):
    source = save(work, "example.rs", block(text, "rust"))
    program = os.path.join(work, "rust")
    return try_compiled("Rust", work, ["rustc", "-L", work, source, "-o", program], [program],
                        environment)


def try_csharp(work, text, _, environment):
    source = save(work, "example.cs", block(text, "csharp"))
    program = os.path.join(work, "example.exe")
    return try_compiled("C#", work, ["mcs", "-out:" + program, source], ["mono", program],
                        environment)


def try_go(work, text, include, environment):
    source = save(work, "example.go", block(text, "go"))
    program = os.path.join(work, "go")
    save(work, "backupapi.pc", "Name: backupapi\nDescription: of a build\nVersion: 1\n"
         f"Cflags: -I{include}\nLibs: -L{work} -lbackupapi\n")
    environment = dict(environment, PKG_CONFIG_PATH=work, GOCACHE=os.path.join(work, "cache"),
                       GO111MODULE="off")
    return try_compiled("Go", work, ["go", "build", "-o", program, source], [program],
                        environment)


# What each language needs, and a try of its example.
COMPILED = [(("rustc",), try_rust), (("mcs", "mono"), try_csharp),
            (("go", "pkg-config", "gcc"), try_go)]


def main():
    source, nm, library = sys.argv[1:]
    with open(os.path.join(source, "docs/widths.md")) as f:
        text = f.read()
    problems = check_symbols(text, nm, library)
    with tempfile.TemporaryDirectory() as work:
        environment = dict(os.environ, BACKUPAPI_CONFIG_DIR=make_store(work),
                           LIBBACKUPAPI=os.path.abspath(library), LD_LIBRARY_PATH=work)
        problems += try_python(work, text, environment)
        for name in ("libbackupapi.so", "libbackupapi.so.1"):
            os.symlink(os.path.abspath(library), os.path.join(work, name))
        for tools, attempt in COMPILED:
            if all(map(shutil.which, tools)):
                problems += attempt(work, text, os.path.abspath(source + "/include"),
                                    environment)
                print(f"tried with {tools[0]}")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
