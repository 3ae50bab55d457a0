#!/usr/bin/env python3
"""Each floor of lib/ includes from itself and from lower floors only (docs/architecture.md).

Also: one engine never includes another's header, only api knows the Windows functions, and no
public header includes a private one.

    check_includes.py SOURCE_DIR
"""
import os
import re
import sys

# What each floor may include besides itself.
BELOW = {
    "base": set(),
    "sis": {"base"},
    "server": {"base"},
    "engine": {"base", "server"},
    "session": {"base", "server", "engine"},
    "worker": {"base", "server", "engine"},  # the program backupapi-worker
    "api": {"base", "sis", "server", "engine", "session"},
}
ENGINES = {"flat", "sqlite", "ese", "bdb", "lmdb", "tdb"}
TABLE_OF_ENGINES = {"engine.c", "owner.c"}  # owner.c: whose the logs of one are
API_ONLY = {"certbcli.h", "certsrv.h", "ntdsbcli.h", "sisbkup.h", "backupapi/backupapi.h",
            "backupapi/compat.h"}
STANDARD = {"stdarg.h", "stddef.h", "stdint.h", "uchar.h", "wchar.h"}
# And those of the compatibility headers, which are programs' own part.
COMPAT_STANDARD = {"cstdio", "cwchar", "errno.h", "limits.h", "stdio.h", "stdlib.h",
                   "string.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(top):
    for directory, _, files in sorted(os.walk(top)):
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(directory, name), top)


def includes(path):
    with open(path) as f:
        return INCLUDE.findall(f.read())


def engine_of(path):
    prefix = re.split(r"[_.]", os.path.basename(path))[0]
    return prefix if prefix in ENGINES else None


def check_include(lib, source, bracket, header):
    floor = source.split(os.sep)[0]
    if bracket == "<":
        if header in API_ONLY and floor != "api":
            return f"only api may include <{header}>"
        return None
    if os.path.isfile(os.path.join(lib, os.path.dirname(source), header)):
        header = os.path.join(floor, header)
    target = header.split("/")[0]
    if not os.path.isfile(os.path.join(lib, header)):
        return f'"{header}" is not a file of lib/'
    if target != floor and target not in BELOW[floor]:
        return f'{floor} may not include "{header}"'
    mine, other = engine_of(source), engine_of(header)
    if (target == floor == "engine" and other and other != mine
            and os.path.basename(source) not in TABLE_OF_ENGINES):
        return f'sideways to another engine: "{header}"'
    return None


def check_lib(lib):
    count, problems = 0, []
    for source in sources(lib):
        if source.split(os.sep)[0] not in BELOW:
            problems.append(f"lib/{source}: not on a floor")
            continue
        for bracket, header in includes(os.path.join(lib, source)):
            count += 1
            problem = check_include(lib, source, bracket, header)
            if problem:
                problems.append(f"lib/{source}: {problem}")
    return count, problems


def check_public(include, public):
    count, problems = 0, []
    for header in sorted(public):
        for bracket, name in includes(os.path.join(include, header)):
            count += 1
            if header.startswith("compat" + os.sep):
                here = os.path.join(os.path.dirname(header), name)
                if here in public or "compat/" + name in public or name in COMPAT_STANDARD:
                    continue
            if bracket != "<" or name not in public | STANDARD:
                problems.append(f"include/{header}: includes {name}")
    return count, problems


def main():
    top = sys.argv[1]
    public = set(sources(os.path.join(top, "include")))
    lib_count, problems = check_lib(os.path.join(top, "lib"))
    public_count, more = check_public(os.path.join(top, "include"), public)
    problems += more
    print("\n".join(problems))
    print(f"{lib_count} includes of lib/ and {public_count} of include/ checked")
    return 1 if problems or lib_count < 100 or public_count < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
