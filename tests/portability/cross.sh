#!/usr/bin/env bash
# On another machine: the unit suite, compiled for it.
#
#   tests/portability/cross.sh s390x|i386 WORKDIR
#
# The compiler brings its C library; the other libraries are Debian's packages for that
# machine, fetched by apt and unpacked into WORKDIR: nothing foreign is installed.
set -euo pipefail
. "$(dirname "$0")/common.sh"
machine=$1 work=$2

# What qemu-user 7.2 cannot do for a program, which says nothing about the library:
# - memory-limits: setrlimit(RLIMIT_AS) says yes and sets nothing, so that a program which
#   allocates until it may not any more takes all of the machine
# - wiping-on-fork: madvise(MADV_WIPEONFORK) says yes and does not reach the kernel
# - closing-of-surplus-descriptors: recvmsg gives the kernel twice the room that the program
#   gave; descriptors for which that was too small stay open, and nobody knows them
# - silent-aborts: it writes a line of its own to stderr
# For such reasons some tests are left out as a whole: not_under_qemu names them.
qemu_lacks="memory-limits wiping-on-fork closing-of-surplus-descriptors silent-aborts"

case $machine in
s390x)
  compiler=s390x-linux-gnu-gcc runner=qemu-s390x
  options="-Dsqlite=disabled -Doptimization=1"
  export BACKUPAPI_TEST_LACKS=$qemu_lacks CK_TIMEOUT_MULTIPLIER=10 LMDB_FLIPS=100
  # Its C library comes without locales.
  export LOCPATH=$work/root/usr/lib/locale
  left_out="not_cross not_under_qemu"
  ;;
i386)
  compiler=i686-linux-gnu-gcc runner=''
  options="-Dsqlite=enabled -Doptimization=0"
  left_out=not_cross
  ;;
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
  libuuid1 uuid-dev check libsubunit0 libsubunit-dev libxxhash-dev libc-bin \
  libdb5.3 libdb5.3-dev liblmdb0 liblmdb-dev libsqlite3-0 libsqlite3-dev libtdb1 libtdb-dev
for package in *.deb; do
  dpkg-deb -x "$package" "$work/root"
done
cd "$top"

printf "[constants]\nroot = '%s'\n" "$work/root" > "$work/root.ini"
# shellcheck disable=SC2086 # options, one by one
setup "$work/build" --cross-file "$work/root.ini" --cross-file "$here/$machine.ini" \
  -Dbdb=enabled -Dlmdb=enabled -Dtdb=enabled $options
# shellcheck disable=SC2086 # names, one by one
tests=$(unit_tests "$work/build" $left_out)
# shellcheck disable=SC2086 # names, one by one
run_tests "$work/build" $tests
