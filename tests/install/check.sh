#!/usr/bin/env bash
# Installed, used, removed: the installed files are those of files.txt; programs outside the
# tree, one of them written for Windows, build against them with each build system and work;
# uninstalling leaves nothing behind.
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
  stage "$build_dir" "$work/staged"
  list_files "$work/staged$prefix" > "$work/installed"
  # What is outside of the prefix is in no list, and must not be there.
  stray=$(find "$work/staged" ! -type d ! -path "$work/staged$prefix/*")
  [ -z "$stray" ] || fail "installed outside of the prefix: $stray"
  diff -u "$install/files.txt" "$work/installed" >&2 ||
    fail "not what tests/install/files.txt lists"
  echo "$(wc -l < "$work/installed") files installed, as listed"
}

check_uninstall() {
  stage "$build_dir" "$work/staged"
  DESTDIR=$work/staged quietly "$work/uninstall.log" ninja -C "$build_dir" uninstall
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
  printf '%s\n' "$work/ca/index.txt" "$work/ca/serial" > "$work/paths"
  # The file type, the share of all paths, and separators as on Windows.
  sed -e 's|/|\\|g' -e 's|^|D\\\\ca\\posix$|' "$work/paths" > "$work/names"
}

# What each program prints must be what is configured, in any order: paths by the one that
# knows of the library, names as on Windows by the other.
try_program() {
  BACKUPAPI_CONFIG_DIR=$work/conf LD_LIBRARY_PATH=$3 "$1" > "$work/said" ||
    fail "$1 does not work"
  diff <(sort "$2") <(sort "$work/said") >&2 || fail "$1 lists something else"
}

try_programs() {
  try_program "$1/consumer" "$work/paths" "$2"
  try_program "$1/tool" "$work/names" "$2"
  echo "$(basename "$1"): two programs build and work"
}

build_meson() { meson setup out . && ninja -C out && cp out/consumer out/tool .; }
build_cmake() { cmake -S . -B out && cmake --build out && cp out/consumer out/tool .; }
build_autotools() { autoreconf --install && ./configure && make; }
build_make() { make; }
build_make_static() { make STATIC=--static LDFLAGS=-static; }
build_meson_static() {
  meson setup out . -Dprefer_static=true && ninja -C out && cp out/consumer out/tool .
}
# Of WCHARs of 16 bits, and of Windows' functions with them.
build_make_utf16() { make CFLAGS="-DBACKUPAPI_UTF16 -DUNICODE"; }
build_make_short() { make CFLAGS="-fshort-wchar -DUNICODE" tool; }

# build SYSTEM [VARIANT]
build() {
  local name=$1${2:+_$2}
  rm -rf "${work:?}/$name"
  cp -r "$install/$1" "$work/$name"
  cp "$install"/*.c "$work/$name"
  chmod -R u+w "$work/$name"
  (cd "$work/$name" && quietly "$work/$name.log" "build_$name")
}

install_for_use() {
  [ -d "$prefix/include/backupapi" ] ||
    quietly "$work/install.log" meson install -C "$build_dir" --no-rebuild
  libdir=$(dirname "$(find "$prefix" -name libbackupapi.so)")
  export PKG_CONFIG_PATH=$libdir/pkgconfig
  make_authority
}

check_consumers() {
  install_for_use
  for system in meson cmake autotools make; do
    build "$system"
    try_programs "$work/$system" "$libdir"
  done
  for width in utf16 short; do
    build make "$width"
    try_program "$work/make_$width/tool" "$work/names" "$libdir"
    nm -D "$work/make_$width/tool" | grep -q " backupapi_.*_utf16" ||
      fail "make_$width: not for WCHARs of 16 bits"
  done
  echo "make_utf16, make_short: one program builds and works"
}

check_static() {
  install_for_use
  for system in meson make; do
    build "$system" static
    try_programs "$work/${system}_static" ''
    for program in consumer tool; do
      if readelf -d "$work/${system}_static/$program" | grep NEEDED >&2; then
        fail "$system: $program is not linked statically"
      fi
    done
  done
}

if [ "$1" = --list ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  stage "$2" "$work/staged"
  list_files "$work/staged$(prefix_of "$2")"
  exit
fi
build_dir=$1 work=$2
shift 2
prefix=$(prefix_of "$build_dir")
case $prefix in
/usr | /usr/local | /) fail "$build_dir would install into $prefix; give it a --prefix of its own" ;;
esac
[ $# -gt 0 ] || set -- files consumers static uninstall
for check in "$@"; do
  "check_$check"
done
