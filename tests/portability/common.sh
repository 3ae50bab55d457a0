# common.sh - to be sourced by the checks beside it: how they skip, fail, build and test.

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

# setup BUILD [OPTION...]: a build of this tree, with nothing that other machines lack.
setup() {
  local build=$1
  shift
  quietly "$build.setup" meson setup "$build" "$top" -Dbdb=disabled -Dlmdb=disabled \
    -Dsqlite=disabled -Dtdb=disabled -Dprograms=disabled -Dtests=enabled "$@"
}

wanted_tests() {
  grep -v '^#' "$here/tests_to_run" | xargs -n 1
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
  local build=$1
  shift
  compile "$build" "${@/#/tests/test_}"
  quietly "$build.test" env -u BACKUPAPI_TEST_NO_SKIP meson test -C "$build" --no-rebuild --print-errorlogs \
    -t "${BACKUPAPI_PATIENCE:-5}" ${BACKUPAPI_JOBS:+--num-processes "$BACKUPAPI_JOBS"} "$@"
  echo "$# test programs passed"
}
