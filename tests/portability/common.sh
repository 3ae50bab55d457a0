# common.sh - to be sourced by the checks beside it: how they skip, fail, build and test.
# shellcheck shell=bash disable=SC2034 # used by those who source it

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$top/tests/portability

skip() {
  echo "skipped: $*"
  exit 77
}

fail() {
  echo "failed: $*" >&2
  exit 1
}

# quietly LOG COMMAND...: its output goes to LOG, which is shown where it fails.
quietly() {
  local log=$1
  shift
  "$@" > "$log" 2>&1 || {
    cat "$log" >&2
    fail "$*"
  }
}

# setup BUILD [OPTION...]: a build of this tree, without the programs.
setup() {
  local build=$1
  shift
  quietly "$build.setup" meson setup "$build" "$top" -Dprograms=disabled -Dtests=enabled "$@"
}

no_engines="-Dbdb=disabled -Dlmdb=disabled -Dsqlite=disabled -Dtdb=disabled"

# names_in LIST: the tests that a file beside this one names.
names_in() {
  grep -v '^#' "$here/$1" | xargs -n 1
}

# unit_tests BUILD LIST...: the whole unit suite, but for what is in one of the lists. A name
# there that the suite has not is a mistake.
unit_tests() {
  local build=$1 list all name
  shift
  all=$(meson test -C "$build" --list --suite unit 2> /dev/null | sed -n 's|.* / ||p')
  for list in "$@"; do
    [ -s "$here/$list" ] || fail "$list: there is no such list"
    for name in $(names_in "$list"); do
      grep -qxF "$name" <<< "$all" || fail "$list: there is no test $name"
      all=$(grep -vxF "$name" <<< "$all")
    done
  done
  echo "$all"
}

# compile BUILD TARGET...: without a warning about the library's own files.
compile() {
  local build=$1
  shift
  quietly "$build.compile" ninja -C "$build" -k 0 ${BACKUPAPI_JOBS:+-j "$BACKUPAPI_JOBS"} "$@"
  if grep -E '(lib|include)/[^ ]*: warning:' "$build.compile" >&2; then
    fail "warnings, in $build"
  fi
}

# run_tests BUILD TEST...: compiles and runs them; timeouts are those of slow machines. They
# may skip what this machine cannot do for that one; the native runs of the suite may not.
run_tests() {
  local build=$1 targets
  shift
  targets=$(python3 "$here/test_targets.py" "$build" "$@") || fail "no tests in $build"
  # shellcheck disable=SC2086 # names, one by one
  compile "$build" $targets
  quietly "$build.test" env -u BACKUPAPI_TEST_NO_SKIP meson test -C "$build" --no-rebuild \
    --print-errorlogs -t "${BACKUPAPI_PATIENCE:-5}" \
    ${BACKUPAPI_JOBS:+--num-processes "$BACKUPAPI_JOBS"} "$@"
  python3 "$here/test_results.py" "$build" "$@" || fail "tests that did not pass, in $build"
}
