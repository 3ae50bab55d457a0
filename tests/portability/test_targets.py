#!/usr/bin/env python3
"""What to build for tests: the ninja targets of those named.

    test_targets.py BUILD NAME...
"""
import json
import os
import subprocess
import sys


def introspect(build, what):
    done = subprocess.run(["meson", "introspect", "--" + what, build], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def main():
    build, names = os.path.abspath(sys.argv[1]), set(sys.argv[2:])
    tests = [test for test in introspect(build, "tests") if test["name"] in names]
    if missing := names - {test["name"] for test in tests}:
        sys.exit(f"no such test: {' '.join(sorted(missing))}")
    files = {target["id"]: target["filename"] for target in introspect(build, "targets")}
    wanted = {os.path.relpath(name, build) for test in tests for target in test["depends"]
              for name in files[target]}
    print("\n".join(sorted(wanted)))


if __name__ == "__main__":
    main()
