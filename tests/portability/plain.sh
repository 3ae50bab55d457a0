#!/usr/bin/env bash
# Without any optional engine: library and programs compile, and the library says that those
# engines are not there.
#
#   tests/portability/plain.sh WORKDIR
set -euo pipefail
. "$(dirname "$0")/common.sh"
work=$1

# shellcheck disable=SC2086 # options, one by one
setup "$work/build" $no_engines -Dprograms=enabled -Dwerror=true -Doptimization=0
programs=$(meson introspect --targets "$work/build" | python3 -c '
import json, sys
for target in json.load(sys.stdin):
    if target["type"] == "executable" and "/examples/" in target["defined_in"]:
        print(target["filename"][0])')
# shellcheck disable=SC2046,SC2086 # names, one by one
compile "$work/build" $(realpath --relative-to="$work/build" $programs)
run_tests "$work/build" engine flat probe backupapi
