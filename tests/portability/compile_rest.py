#!/usr/bin/env python3
"""Compiles the library's source files that a build without optional engines leaves out.

    compile_rest.py SOURCE_DIR BUILD_DIR INCLUDE_DIR OUT_DIR

As the build does those that it has, without a warning, and with the engines' headers from
INCLUDE_DIR; and once more those that it has of the engines' floor, of which parts are for
stores with a worker. Every source file of the library is then compiled one way or the other.
"""
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ENGINES = ["-DHAVE_WORKER", "-DHAVE_BDB", "-DHAVE_LMDB", "-DHAVE_SQLITE", "-DHAVE_TDB"]
FLOORS = ("lib/engine/", "lib/worker/")


def sources(top):
    """Every .c below lib, as a path from TOP."""
    return {os.path.relpath(os.path.join(where, name), top)
            for where, _, names in os.walk(os.path.join(top, "lib"))
            for name in names if name.endswith(".c")}


def built(top, build):
    """Of the library's objects that are there: source file to command."""
    with open(os.path.join(build, "compile_commands.json")) as f:
        entries = json.load(f)
    return {os.path.relpath(os.path.join(build, entry["file"]), top):
            shlex.split(entry["command"])
            for entry in entries if entry["output"].startswith("lib/") and
            os.path.isfile(os.path.join(build, entry["output"]))}


def options(command):
    """Those of COMMAND that are the same for every file."""
    left = iter(command)
    for word in left:
        if word in ("-o", "-c", "-MF", "-MQ"):
            next(left)
        # A floor's own folder, which no source file counts on, has headers of its own that
        # are called like the engines'.
        elif word != "-MD" and not (word.startswith("-I") and "lib/engine" in word):
            yield word


def main():
    top, build, include, out = (os.path.abspath(path) for path in sys.argv[1:5])
    done = built(top, build)
    everything = sources(top)
    rest = sorted(name for name in everything
                  if name not in done or name.startswith(FLOORS))
    if not done or not all(any(name.startswith(floor) for name in rest) for floor in FLOORS):
        sys.exit("the build or the source tree is not what it was")
    usual = list(options(done["lib/engine/worker.c"]))

    def compile_one(name):
        command = [*usual, *ENGINES, "-Werror", "-isystem", include, "-c",
                   os.path.join(top, name), "-o",
                   os.path.join(out, name.replace("/", "-") + ".o")]
        return subprocess.run(command, cwd=build, capture_output=True, text=True)

    with ThreadPoolExecutor(int(os.environ.get("BACKUPAPI_JOBS", os.cpu_count()))) as pool:
        results = list(pool.map(compile_one, rest))
    for result in results:
        if result.returncode != 0:
            print(result.stderr, file=sys.stderr)
    print(f"{len(everything)} source files: {len(set(done) & everything)} in the library, "
          f"{len(rest)} with all engines")
    if everything - set(done) - set(rest) or any(r.returncode for r in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
