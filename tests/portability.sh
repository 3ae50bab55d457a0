#!/usr/bin/env bash
# What must stay true on other machines, with other C libraries, for other build systems and
# from release to release.
#
#   tests/portability.sh [CHECK...]
#
#   abi        the binary interface is that of the baseline in tests/abi
#   files      meson install puts in place what tests/install/files.txt lists
#   consumers  programs outside the tree, one of them written for Windows, build with Meson,
#              CMake, autotools and make, and work
#   static     the same with libbackupapi.a, and no shared library at all
#   uninstall  nothing is left behind
#   plain      without any optional engine
#   musl       with another C library: every source file, and the tests of base and formats
#   i386       on a machine of 32 bits: the unit suite
#   s390x      on a big-endian machine, under qemu: the unit suite, but for what qemu cannot do
#   renew      no check, and only when named: makes both baselines anew (docs/abi.md)
#
# Without names, all checks. BACKUPAPI_NO_INSTALL=1 never calls apt; BACKUPAPI_JOBS is the
# number of compilers at a time; BACKUPAPI_TEST_NO_SKIP=1 lets nothing be skipped.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
all="abi files consumers static uninstall plain musl i386 s390x"

for check in "$@"; do
  case " $all renew " in
  *" $check "*) ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  esac
done
[ $# -gt 0 ] || set -- $all

. "$top/examples/packages.sh"
need_packages \
  gcc libc6-dev meson ninja-build pkg-config python3 uuid-dev check libsubunit-dev \
  libsqlite3-dev libssl-dev libacl1-dev libxxhash-dev libdb5.3-dev liblmdb-dev libtdb-dev \
  binutils abigail-tools cmake make autoconf automake libtool musl-tools linux-libc-dev qemu-user \
  gcc-s390x-linux-gnu libc6-dev-s390x-cross gcc-i686-linux-gnu libc6-dev-i386-cross \
  acl attr btrfs-progs e2fsprogs ntfs-3g openssl procps sqlite3 util-linux xfsprogs

work=$(mktemp -d "${TMPDIR:-/tmp}/backupapi-portability-XXXXXX")
chmod 711 "$work" # tests become other users, and run what is built here
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# Both libraries, all engines and programs: what a distribution would make.
full_build() {
  [ -d "$work/full" ] && return
  meson setup "$work/full" "$top" --prefix="$work/prefix" -Ddefault_library=both \
    -Dprograms=enabled -Dtests=disabled -Dbdb=enabled -Dlmdb=enabled -Dsqlite=enabled \
    -Dtdb=enabled -Doptimization=1 > "$work/full.log" 2>&1 &&
    ninja -C "$work/full" ${BACKUPAPI_JOBS:+-j "$BACKUPAPI_JOBS"} >> "$work/full.log" 2>&1 &&
    return
  tail -n 40 "$work/full.log" >&2
  return 1
}

shared_library() {
  find "$work/full" -name 'libbackupapi.so.*' -type f ! -name '*.symbols'
}

run_check() {
  mkdir -p "$work/$1"
  case $1 in
  abi) full_build && "$top/tests/abi/abi.sh" compare "$(shared_library)" ;;
  files | consumers | static | uninstall)
    full_build && "$top/tests/install/check.sh" "$work/full" "$work/$1" "$1"
    ;;
  plain | musl) "$top/tests/portability/$1.sh" "$work/$1" ;;
  i386 | s390x) "$top/tests/portability/cross.sh" "$1" "$work/$1" ;;
  renew)
    full_build && "$top/tests/abi/abi.sh" renew "$(shared_library)" &&
      "$top/tests/install/check.sh" --list "$work/full" > "$work/files.txt" &&
      cp "$work/files.txt" "$top/tests/install/files.txt"
    ;;
  esac
}

passed=0 failed=0 skipped=0
for check in "$@"; do
  begin=$SECONDS
  run_check "$check"
  rc=$?
  [ "$rc" = 77 ] && [ "${BACKUPAPI_TEST_NO_SKIP:-}" = 1 ] && rc=1
  case $rc in
  0) word=ok passed=$((passed + 1)) ;;
  77) word=skipped skipped=$((skipped + 1)) ;;
  *) word=FAILED failed=$((failed + 1)) ;;
  esac
  printf '%-10s %s, %d s\n' "$check" "$word" $((SECONDS - begin))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
