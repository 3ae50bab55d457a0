#!/usr/bin/env python3
"""What became of tests in the last run: how many passed, and which were skipped.

    test_results.py BUILD NAME...

Fails where one of those named neither passed nor was skipped.
"""
import json
import os
import sys


def main():
    build, names = sys.argv[1], set(sys.argv[2:])
    results = {}
    with open(os.path.join(build, "meson-logs/testlog.json")) as log:
        for line in log:
            result = json.loads(line)
            results[result["name"].split(" / ")[-1]] = result["result"]
    skipped = sorted(name for name in names if results.get(name) == "SKIP")
    others = sorted(name for name in names if results.get(name) not in ("OK", "SKIP"))
    print(f"{len(names) - len(skipped) - len(others)} test programs passed, "
          f"{len(skipped)} skipped{': ' if skipped else ''}{' '.join(skipped)}")
    if others:
        sys.exit(f"neither passed nor skipped: {' '.join(others)}")


if __name__ == "__main__":
    main()
