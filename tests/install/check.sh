#!/usr/bin/env bash
# Installed, used, removed: the installed files are those of files.txt; a program outside
# the tree builds against them with each build system, and works; uninstalling leaves
# nothing behind.
#
#   tests/install/check.sh BUILD WORKDIR [files|consumers|static|uninstall]...
#
# BUILD is a build of both libraries with all engines and programs (tests/portability.sh
# makes one). Without names, everything. Update the list with
#
#   tests/install/check.sh --list BUILD > tests/install/files.txt
set -euo pipefail
. "$(dirname "$0")/../portability/common.sh"
install=$top/tests/install

# Prefixes, with what belongs to the machine (the directory of libraries) made alike.
list_files() {
  (cd "$1" && find . ! -type d -printf '%P\n') |
    sed -e "s|^lib/$(gcc -print-multiarch)/|lib/|" | LC_ALL=C sort
}

stage() {
  rm -rf "$2"
  DESTDIR=$2 quietly "$2.log" meson install -C "$1" --no-rebuild
}

prefix_of() {
  meson introspect --buildoptions "$1" | python3 -c '
import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))'
}

check_files() {
  stage "$build" "$work/staged"
  list_files "$work/staged$prefix" > "$work/installed"
  # What is outside of the prefix is in no list, and must not be there.
  stray=$(find "$work/staged" ! -type d ! -path "$work/staged$prefix/*")
  [ -z "$stray" ] || fail "installed outside of the prefix: $stray"
  diff -u "$install/files.txt" "$work/installed" >&2 ||
    fail "not what tests/install/files.txt lists"
  echo "$(wc -l < "$work/installed") files installed, as listed"
}

check_uninstall() {
  stage "$build" "$work/staged"
  DESTDIR=$work/staged quietly "$work/uninstall.log" ninja -C "$build" uninstall
  # The staging directory goes too when it is empty.
  [ ! -e "$work/staged" ] || fail "uninstall left behind: $(find "$work/staged")"
  echo "uninstall left nothing behind"
}

make_authority() {
  mkdir -p "$work/ca" "$work/conf"
  mkdir -p -m 700 "$work/state"
  chmod 755 "$work"
  printf 'V\t351231235959Z\t\t01\tunknown\t/CN=one\n' > "$work/ca/index.txt"
  echo 02 > "$work/ca/serial"
  cat > "$work/conf/ca.conf" <<END
[server]
name = ca
family = certsrv
state_dir = $work/state
[store]
engine = flat
database = $work/ca/index.txt
database = $work/ca/serial
END
  printf '%s\n' "$work/ca/index.txt" "$work/ca/serial" > "$work/expected"
}

# What the program prints must be what is configured, in any order.
try_consumer() {
  BACKUPAPI_CONFIG_DIR=$work/conf LD_LIBRARY_PATH=${2-$libdir} "$1" > "$work/said" ||
    fail "$1 does not work"
  diff <(sort "$work/expected") <(sort "$work/said") >&2 || fail "$1 lists something else"
  echo "$(basename "$(dirname "$1")"): builds and works"
}

build_meson() { meson setup out . && ninja -C out && cp out/consumer .; }
build_cmake() { cmake -S . -B out && cmake --build out && cp out/consumer .; }
build_autotools() { autoreconf --install && ./configure && make; }
build_make() { make; }
build_make_static() { make STATIC=--static LDFLAGS=-static; }
build_meson_static() {
  meson setup out . -Dprefer_static=true && ninja -C out && cp out/consumer .
}

# consumer SYSTEM [static]
consumer() {
  local system=$1 name=$1${2:+_$2}
  rm -rf "${work:?}/$name"
  cp -r "$install/$system" "$work/$name"
  cp "$install/consumer.c" "$work/$name"
  (cd "$work/$name" && quietly "$work/$name.log" "build_$name")
  try_consumer "$work/$name/consumer" ${2:+""}
}

install_for_use() {
  [ -d "$prefix/include/backupapi" ] ||
    quietly "$work/install.log" meson install -C "$build" --no-rebuild
  libdir=$(dirname "$(find "$prefix" -name libbackupapi.so)")
  export PKG_CONFIG_PATH=$libdir/pkgconfig
  make_authority
}

check_consumers() {
  install_for_use
  for system in meson cmake autotools make; do
    consumer "$system"
  done
}

check_static() {
  install_for_use
  for system in meson make; do
    consumer "$system" static
    if readelf -d "$work/${system}_static/consumer" | grep NEEDED >&2; then
      fail "$system: not linked statically"
    fi
  done
}

if [ "$1" = --list ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  stage "$2" "$work/staged"
  list_files "$work/staged$(prefix_of "$2")"
  exit
fi
build=$1 work=$2
shift 2
prefix=$(prefix_of "$build")
case $prefix in
/usr | /usr/local | /) fail "$build would install into $prefix; give it a --prefix of its own" ;;
esac
[ $# -gt 0 ] || set -- files consumers static uninstall
for check in "$@"; do
  "check_$check"
done
