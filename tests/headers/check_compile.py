#!/usr/bin/env python3
"""Public headers compile alone, and together in any order, as C11 and as C++17.

With and without UNICODE, with WCHARs of 32 and of 16 bits, with every compiler that is
found, without a single warning; and behind another windows.h, whose types they must leave
alone.

    check_compile.py INCLUDE_DIR
"""
import itertools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))

import outcome

FOREIGN = os.path.join(HERE, "foreign")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Werror", "-fsyntax-only"]
COMPILERS = [("gcc", "c", "c11"), ("clang", "c", "c11"),
             ("g++", "c++", "c++17"), ("clang++", "c++", "c++17")]
PLAIN = []
UNICODE = ["-DUNICODE"]
# Defines variables, so certbcli.h can be included once only, as on Windows.
TYPECHECK = ["-D_CERTBCLI_TYPECHECK"]
BARE = ["-D_NO_W32_PSEUDO_MODIFIERS"]
# The two ways to a WCHAR of 16 bits.
UTF16 = ["-DBACKUPAPI_UTF16"]
SHORT = ["-fshort-wchar"]


def find_headers(include):
    return sorted(os.path.relpath(os.path.join(directory, name), include)
                  for directory, _, files in os.walk(include)
                  for name in files if name.endswith(".h")
                  # Those that are windows.h themselves: tests/compat/check_compat.py.
                  and not os.path.relpath(directory, include).startswith("compat"))


def sources(headers):
    for header in headers:
        for switches in (PLAIN, UNICODE, TYPECHECK, BARE):
            yield [header], switches
            yield ["windows.h", header], switches
        for switches in (UTF16, SHORT, UTF16 + UNICODE, SHORT + UNICODE, UTF16 + SHORT):
            yield [header], switches
        yield ["windows.h", header], SHORT
    for pair in itertools.permutations(headers, 2):
        yield list(pair), PLAIN
    for switches in (PLAIN, UNICODE, UTF16, SHORT):
        yield headers, switches
        yield headers[::-1], switches


def compile_one(job):
    compiler, language, standard, include, headers, switches = job
    text = "".join(f"#include <{h}>\n" for h in headers) + "typedef int not_empty;\n"
    command = [compiler, "-x", language, "-std=" + standard, *WARNINGS, *switches,
               "-I", include, "-isystem", FOREIGN, "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode == 0:
        return None
    return f"{' '.join(command)} < {headers}\n{done.stderr.decode()}"


def main():
    include = sys.argv[1]
    found = [c for c in COMPILERS if shutil.which(c[0])]
    for compiler in COMPILERS:
        if compiler not in found:
            outcome.leave_out(f"{compiler[0]} is not installed")
    if not any(language == "c++" for _, language, _ in found):
        sys.exit("no C++ compiler (g++ or clang++) is installed")
    jobs = [(*compiler, include, headers, switches)
            for compiler in found
            for headers, switches in sources(find_headers(include))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for p in pool.map(compile_one, jobs) if p]
    print("\n".join(problems[:20]))
    print(f"{len(jobs)} compilations with {', '.join(c[0] for c in found)}: "
          f"{len(problems)} failed")
    return 1 if problems or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
