#!/usr/bin/env bash
# With musl: the whole library compiles and links, every source file of the store worker and
# its engines compiles, and the tests of base and of what is on disk pass.
#
#   tests/portability/musl.sh WORKDIR
set -euo pipefail
. "$(dirname "$0")/common.sh"
work=$1

command -v musl-gcc > /dev/null || skip "no musl-gcc (musl-tools)"

# The kernel's headers are every C library's; those of glibc in the same place are not.
mkdir -p "$work/kernel" "$work/standins"
multiarch=$(gcc -print-multiarch)
for name in linux asm-generic; do
  ln -sfn "/usr/include/$name" "$work/kernel/$name"
done
ln -sfn "/usr/include/$multiarch/asm" "$work/kernel/asm"
for header in /usr/include/xxhash.h /usr/include/xxh3.h; do
  ln -sfn "$header" "$work/kernel/${header##*/}"
done

cp -r "$here/musl/." "$work/standins"
sed -i -e "1i libdir=$work/standins" -e "1i kernel=$work/kernel" \
  "$work"/standins/pkgconfig/*.pc
for name in check uuid; do
  musl-gcc -std=gnu11 -Wall -Wextra -Werror -O1 -fPIC -c "$here/musl/$name.c" \
    -o "$work/standins/$name.o"
done
ar rcs "$work/standins/libstandin.a" "$work"/standins/*.o

printf "[constants]\nstandins = '%s'\nkernel = '%s'\n" "$work/standins" "$work/kernel" \
  > "$work/places.ini"
# shellcheck disable=SC2086 # options, one by one
setup "$work/build" --cross-file "$work/places.ini" --cross-file "$here/musl.ini" \
  -Doptimization=0 $no_engines
compile "$work/build" lib/api/libbackupapi.so.1.0.0

# The engines' libraries are glibc's; their headers need no C library in particular.
mkdir -p "$work/engines" "$work/objects"
for header in db lmdb sqlite3 tdb; do
  [ -f "/usr/include/$header.h" ] || skip "no /usr/include/$header.h"
  ln -sfn "/usr/include/$header.h" "$work/engines/$header.h"
done
python3 "$here/compile_rest.py" "$top" "$work/build" "$work/engines" "$work/objects" ||
  fail "not every source file compiles"

run_tests "$work/build" $(names_in tests_to_run)
