#!/usr/bin/env python3
"""Compares this library's Windows headers with mingw-w64's, name by name.

values.c is compiled against both. Ours runs and prints; mingw-w64's stays an object file,
whose constant data is read here. Then every macro, type and function that mingw-w64's headers
define is looked up in values.c, so that the comparison cannot silently miss one.

    check_values.py INCLUDE_DIR CC...
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "values.c")
MINGW = "x86_64-w64-mingw32-"
HEADERS = ["certbcli.h", "ntdsbcli.h", "ntdsbmsg.h", "sisbkup.h"]
SKIPPED = 77

# Names that are not compared by value, and why. Ours must define all but the last kind.
PLATFORM = {"CERTBCLI_API", "CERTBCLI_CALL", "NTDSBCLI_API", "_HRESULT_DEFINED",
            "__WCHAR_DEFINED"}
GUARDS = {"__CERTBCLI_H__", "_CERTSRV_H_", "_NTDSBCLI_H_", "_NTDSBMSG_", "__SISBKUP_H__"}
TYPECHECK = re.compile(r"pfnCertSrv\w+")
REDEFINED = {"WCHAR", "HRESULT"}  # fallback typedefs of ntdsbcli.h for lack of a windows.h

KINDS = {"type", "structure", "function", "function type", "pointer type"}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


def values_of_ours(work, compiler, include, flags):
    program = os.path.join(work, "values")
    run(*compiler, "-std=c11", "-I", include, *flags, SOURCE, "-o", program)
    result = {}
    for line in run(program).decode().splitlines():
        name, value, text = line.split("\t")
        result[name] = (value, text)
    return result


def section(work, name):
    binary = os.path.join(work, name)
    run(MINGW + "objcopy", "-O", "binary", "--only-section=" + name,
        os.path.join(work, "values.o"), binary)
    with open(binary, "rb") as f:
        return f.read()


def until_nul(data):
    return data.split(b"\0", 1)[0].decode()


def values_of_mingw(work, flags):
    run(MINGW + "gcc", "-std=gnu11", *flags, "-c", SOURCE, "-o",
        os.path.join(work, "values.o"))
    result = {}
    entry = struct.Struct("<64sq64s")
    data = section(work, "values")  # padded at its end
    for name, value, text in entry.iter_unpack(data[:len(data) // entry.size * entry.size]):
        if until_nul(name):
            result[until_nul(name)] = (str(value), until_nul(text))
    data = section(work, "wide")
    size = 64 + 40 * 2
    for at in range(0, len(data) - size + 1, size):
        name = until_nul(data[at:at + 64])
        if name:
            text = data[at + 64:at + size].decode("utf-16-le").split("\0", 1)[0]
            result[name] = ("wide", text)
    return result


def compare(what, ours, theirs):
    problems = []
    for name in sorted(set(ours) | set(theirs)):
        if ours.get(name) != theirs.get(name):
            problems.append(f"{what}: {name}: ours {ours.get(name)}, "
                            f"mingw-w64 {theirs.get(name)}")
    for name, (value, text) in ours.items():
        if text in KINDS and value != "1":
            problems.append(f"{what}: {name}: not the {text} that values.c expects")
    print(f"{what}: {len(ours)} values compared")
    return problems


def mingw_header(name):
    listing = run(MINGW + "gcc", "-M", "-x", "c", "-",
                  input=f"#include <windows.h>\n#include <{name}>\n".encode()).decode()
    return next(word for word in listing.replace("\\\n", " ").split()
                if os.path.basename(word) == name)


def names_in(text):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    names = set(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.M))
    code = re.sub(r"^\s*#(?:\\\n|[^\n])*", " ", text, flags=re.M)
    code = re.sub(r'extern "C" \{', " ", code)
    names |= set(re.findall(r"(?:CERTBCLI_API|NTDSBCLI_API|__stdcall)\s+(\w+)\s*\(", code))
    names |= set(re.findall(r"\((?:WINAPI|__stdcall)\s*\*?\s*(\w+)\)", code))
    names |= set(re.findall(r"\bstruct\s+(\w+)\s*\{", code))
    names |= set(re.findall(r"\btypedef\s+[^;{}()]*?(\w+)\s*;", code))
    for declared in re.findall(r"\}\s*([\w\s,*]+);", code):
        names |= set(re.findall(r"\w+", declared))
    names |= set(re.findall(r"\*\s*(pfn\w+)\s*=", code))
    return names


def names_of_mingw():
    names = set()
    for header in HEADERS:
        with open(mingw_header(header)) as f:
            found = names_in(f.read())
        print(f"mingw-w64 {header}: {len(found)} names")
        names |= found
    with open(mingw_header("certsrv.h")) as f:
        if "#include <certbcli.h>" not in f.read():
            sys.exit("mingw-w64's certsrv.h no longer includes certbcli.h")
    return names


def missing_names(names, ours):
    known = set()
    for name in ours:
        known |= set(re.findall(r"\w+", name))
    missing = names - known - PLATFORM - GUARDS - REDEFINED
    return sorted(name for name in missing if not TYPECHECK.fullmatch(name))


def check_definitions(work, compiler, include, names):
    """Names that values.c leaves out are defined by ours all the same."""
    source = os.path.join(work, "definitions.c")
    with open(source, "w") as f:
        f.write("#define _CERTBCLI_TYPECHECK\n")
        # With type checks certbcli.h can be included once: through certsrv.h.
        f.write("".join(f"#include <{h}>\n" for h in HEADERS[1:] + ["certsrv.h"]))
        for name in sorted((PLATFORM | GUARDS)):
            f.write(f"#ifndef {name}\n#error {name} is not defined\n#endif\n")
        pointers = [n for n in sorted(names) if TYPECHECK.fullmatch(n)]
        f.write("const void *const pointers[] = {\n")
        f.write("".join(f"\t&{name},\n" for name in pointers))
        f.write("};\n")
    run(*compiler, "-std=c11", "-I", include, "-c", source, "-o", source + ".o")
    print(f"{len(pointers)} type check variables, {len(PLATFORM | GUARDS)} other names")
    return [] if len(pointers) == 17 else [f"{len(pointers)} pfn... variables, not 17"]


def main():
    include, compiler = sys.argv[1], sys.argv[2:]
    if not shutil.which(MINGW + "gcc"):
        print(f"skipped: {MINGW}gcc (Debian: gcc-mingw-w64-x86-64) is not installed")
        return SKIPPED
    problems = []
    names = names_of_mingw()
    with tempfile.TemporaryDirectory() as work:
        for what, flags in (("char", []), ("UNICODE", ["-DUNICODE", "-D_UNICODE"])):
            ours = values_of_ours(work, compiler, include, flags)
            theirs = values_of_mingw(work, flags)
            problems += compare(what, ours, theirs)
            for width, switch in (("UTF-16", "-DBACKUPAPI_UTF16"),
                                  ("short wchar_t", "-fshort-wchar")):
                narrow = values_of_ours(work, compiler, include, [*flags, switch])
                problems += compare(f"{what}, {width}", narrow, theirs)
            problems += [f"{what}: {name} of mingw-w64 is not in values.c"
                         for name in missing_names(names, ours)]
        problems += check_definitions(work, compiler, include, names)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)}\n{error.stderr.decode()}")
