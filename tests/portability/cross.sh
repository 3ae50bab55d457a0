#!/usr/bin/env bash
# On another machine: the tests of base, of records and of what is on disk, compiled for it.
#
#   tests/portability/cross.sh s390x|i386 WORKDIR
#
# The compiler brings its C library; libuuid, Check and xxHash are Debian's packages for
# that machine, fetched by apt and unpacked into WORKDIR: nothing foreign is installed.
set -euo pipefail
. "$(dirname "$0")/common.sh"
machine=$1 work=$2

# What qemu-user cannot do, which says nothing about the library: a program that starts
# itself again (no kernel knows how to run it), child processes made by _Fork, locales that
# come with glibc, and a message with more descriptors than there is room for.
not_under_qemu="alloc alloc_refused handle message trace wildcard"

case $machine in
s390x) compiler=s390x-linux-gnu-gcc runner=qemu-s390x leave_out=$not_under_qemu ;;
i386) compiler=i686-linux-gnu-gcc runner='' leave_out='' ;;
*) fail "$machine: no such machine" ;;
esac
for program in "$compiler" $runner apt-get dpkg-deb; do
  command -v "$program" > /dev/null || skip "no $program"
done
[ "${BACKUPAPI_NO_INSTALL:-}" != 1 ] || skip "BACKUPAPI_NO_INSTALL=1: apt is not to be used"

# An apt of its own: its lists are of that machine, and it takes nothing for installed.
foreign_apt() {
  apt-get -qq -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" \
    -o Dir::Cache="$work/apt/cache" -o APT::Architecture="$machine" \
    -o APT::Architectures="$machine" -o APT::Sandbox::User=root "$@"
}
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/root"
touch "$work/apt/status"
foreign_apt update > "$work/apt.log" 2>&1 || true # sources that lack this machine do not matter
cd "$work/apt"
quietly "$work/download.log" foreign_apt download \
  libuuid1 uuid-dev check libsubunit0 libsubunit-dev libxxhash-dev
for package in *.deb; do
  dpkg-deb -x "$package" "$work/root"
done
cd "$top"

printf "[constants]\nroot = '%s'\n" "$work/root" > "$work/root.ini"
setup "$work/build" --cross-file "$work/root.ini" --cross-file "$here/$machine.ini" \
  -Doptimization=0
tests=$(comm -23 <(wanted_tests | sort) <(xargs -n 1 <<< "$leave_out" | sort))
# shellcheck disable=SC2086 # names, one by one
run_tests "$work/build" $tests
