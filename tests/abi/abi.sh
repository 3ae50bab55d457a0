#!/usr/bin/env bash
# The library's binary interface against its baseline: names, types, layouts.
#
#   tests/abi/abi.sh compare LIBRARY    the differences; exit status 1 where there are any
#   tests/abi/abi.sh renew LIBRARY      makes the baseline anew (docs/abi.md says when)
#
# LIBRARY is a libbackupapi.so with debug information, compiled by gcc.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
baseline=$top/tests/abi/libbackupapi.abi
mode=${1-} library=${2-}

for program in abidw abidiff; do
  command -v "$program" > /dev/null || {
    echo "skipped: no $program (abigail-tools)"
    exit 77
  }
done

# What the public headers define is the interface; the rest of the debug information is not.
# Paths begin in the tree, wherever the build was.
describe() {
  abidw --headers-dir "$top/include" --drop-private-types --exported-interfaces-only \
    --no-elf-needed --no-corpus-path --no-comp-dir-path --no-show-locs \
    --type-id-style hash "$library" | sed "s|path='[^']*/\(lib/[^']*'\)|path='\1|"
}

case $mode in
renew)
  describe > "$baseline.new"
  mv "$baseline.new" "$baseline"
  echo "$(grep -c '<elf-symbol ' "$baseline") symbols in the baseline"
  ;;
compare)
  # Text with text: abidiff alone takes the WCHARs of both widths for one type.
  now=$(mktemp)
  trap 'rm -f "$now"' EXIT
  describe > "$now"
  if ! diff -u "$baseline" "$now" >&2; then
    abidiff --no-show-locs "$baseline" "$now" >&2 || true # the same in words
    echo "The interface is not that of tests/abi/libbackupapi.abi (docs/abi.md)." >&2
    exit 1
  fi
  echo "$(grep -c '<elf-symbol ' "$baseline") symbols as in the baseline"
  ;;
*)
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
