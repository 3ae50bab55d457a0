#!/usr/bin/env python3
"""The library exports what the headers declare and this version implements; nothing else.

The 53 functions of the Windows headers by their names; every function with WCHAR text a
second time, for WCHARs of 16 bits, as NAME_utf16.

    exports.py NM LIBRARY INCLUDE_DIR
"""
import os
import re
import subprocess
import sys

VERSION = "BACKUPAPI_1"
NATIVE = ["backupapi/backupapi.h", "backupapi/compat.h", "backupapi/ese.h",
          "backupapi/sis.h"]
WINDOWS = ["certbcli.h", "ntdsbcli.h", "sisbkup.h"]
WIDE_TYPE = re.compile(r"\b(?:WCHAR|PWCHAR|LPWSTR|LPCWSTR|\w*EDB_RSTMAPW)\b")


def without_comments(include, header):
    with open(os.path.join(include, header)) as f:
        return re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)


def declared(include):
    def names(header, pattern):
        return set(re.findall(pattern, without_comments(include, header)))

    certsrv = names("certbcli.h", r"\bCERTBCLI_API\s+(\w+)\s*\(")
    ds = names("ntdsbcli.h", r"\bNTDSBCLI_API\s+(\w+)\s*\(")
    sis = names("sisbkup.h", r"\bBACKUPAPI_EXPORT\s[\w\s]*?\b(Sis\w+)\s*\(")
    native = set()
    for header in NATIVE:
        found = names(header, r"\bBACKUPAPI_EXPORT\s[\w\s*]*?\b(backupapi_\w+)\s*\(")
        if not found:
            sys.exit(f"{header} declares no function")
        native |= found
    if len(certsrv) != 18:
        sys.exit(f"certbcli.h declares {len(certsrv)} functions, not 18")
    if len(ds) != 27:
        sys.exit(f"ntdsbcli.h declares {len(ds)} functions, not 27")
    if len(sis) != 8:
        sys.exit(f"sisbkup.h declares {len(sis)} functions, not 8")
    return certsrv | ds | sis, native


def wide(include):
    """The functions with WCHAR text, and those whose declaration leads to a wrong symbol."""
    names, problems = set(), []
    for header in WINDOWS + NATIVE:
        text = without_comments(include, header)
        for statement in re.split(r"[;{}]", re.sub(r"^\s*#.*", " ", text, flags=re.M)):
            found = re.search(r"\b(\w+)\s*\(", statement)
            if "EXPORT" not in statement and "_API" not in statement or not found:
                continue
            if not WIDE_TYPE.search(statement):
                continue
            names.add(found[1])
            label = re.search(r"BACKUPAPI_TEXT\((\w+)\)\s*$", statement)
            if not label or label[1] != found[1]:
                problems.append(f"{header}: {found[1]}: no BACKUPAPI_TEXT({found[1]}) "
                                "behind its declaration")
    return names, problems


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
    windows, native = declared(include)
    text, unlabelled = wide(include)
    wanted = windows | native | {name + "_utf16" for name in text}
    names, problems = exported(nm, library)
    problems += unlabelled
    if len(text & windows) != 26:
        problems.append(f"{len(text & windows)} of the Windows functions have text, not 26")
    problems += [f"{name}: declared, but not exported" for name in sorted(wanted - names)]
    problems += [f"{name}: exported, but not declared" for name in sorted(names - wanted)]
    print("\n".join(problems))
    print(f"{len(names)} functions exported, {len(wanted)} declared, {len(windows)} of "
          f"them as on Windows, {len(text)} with a second symbol for UTF-16")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
