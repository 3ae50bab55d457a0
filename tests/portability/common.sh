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

wanted_tests() {
  grep -v '^#' "$here/tests_to_run" | xargs -n 1
}

# The whole unit suite, but for what asks a program of this machine to load what is compiled
# for that one.
unit_tests() {
  meson test -C "$1" --list --suite unit 2> /dev/null | sed -n 's|.* / ||p' |
    grep -vxF flat_openssl
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
  echo "$# test programs passed"
}
