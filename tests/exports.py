#!/usr/bin/env python3
"""The library exports what the headers declare and this version implements; nothing else.

    exports.py NM LIBRARY INCLUDE_DIR
"""
import os
import re
import subprocess
import sys

VERSION = "BACKUPAPI_1"
NATIVE = ["backupapi/backupapi.h", "backupapi/sis.h"]


def declared(include):
    def names(header, pattern):
        with open(os.path.join(include, header)) as f:
            text = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
        return set(re.findall(pattern, text))

    certsrv = names("certbcli.h", r"\bCERTBCLI_API\s+(\w+)\s*\(")
    sis = names("sisbkup.h", r"\bBACKUPAPI_EXPORT\s[\w\s]*?\b(Sis\w+)\s*\(")
    native = set()
    for header in NATIVE:
        found = names(header, r"\bBACKUPAPI_EXPORT\s[\w\s*]*?\b(backupapi_\w+)\s*\(")
        if not found:
            sys.exit(f"{header} declares no function")
        native |= found
    if len(certsrv) != 18:
        sys.exit(f"certbcli.h declares {len(certsrv)} functions, not 18")
    if len(sis) != 8:
        sys.exit(f"sisbkup.h declares {len(sis)} functions, not 8")
    return certsrv | sis | native


def exported(nm, library):
    listing = subprocess.run([nm, "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    names, problems = set(), []
    for line in listing.splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition("@")
        if kind == "A" and name == VERSION:
            continue
        if kind != "T":
            problems.append(f"{name}: exported, but no function ({kind})")
        if version.lstrip("@") != VERSION:
            problems.append(f"{name}: not of version {VERSION}")
        names.add(name)
    return names, problems


def main():
    nm, library, include = sys.argv[1:]
    wanted = declared(include)
    names, problems = exported(nm, library)
    problems += [f"{name}: declared, but not exported" for name in sorted(wanted - names)]
    problems += [f"{name}: exported, but not declared" for name in sorted(names - wanted)]
    print("\n".join(problems))
    print(f"{len(names)} functions exported, {len(wanted)} declared")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
