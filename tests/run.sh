#!/usr/bin/env bash
# Installs what the tests need, builds, runs everything, ends with the summary.
#
#   tests/run.sh [BUILDDIR [MESON-SETUP-OPTION...]]
#
# BUILDDIR is build/tests unless given. CC, MESON_TEST_ARGS (say, "--suite unit") and
# BACKUPAPI_NO_INSTALL=1 (never call apt) are taken from the environment.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build/tests}
[ $# -gt 0 ] && shift

. "$top/examples/packages.sh"
need_packages \
  gcc g++ clang libc6-dev meson ninja-build pkg-config python3 git \
  uuid-dev check libsubunit-dev libsqlite3-dev libssl-dev libacl1-dev \
  libxxhash-dev libtalloc-dev sqlite3 openssl acl attr procps strace mandoc \
  e2fsprogs xfsprogs btrfs-progs ntfs-3g util-linux uthash-dev libglib2.0-dev \
  gcc-mingw-w64-x86-64 mingw-w64-x86-64-dev autoconf automake cmake make \
  libdb5.3-dev db5.3-util liblmdb-dev lmdb-utils libtdb-dev tdb-tools ldb-tools \
  389-ds-base ldap-utils slapd libesedb-utils \
  samba samba-dsdb-modules samba-vfs-modules samba-ad-provision

cd "$top"
if [ -d "$build/meson-private" ]; then
  meson configure "$build" "$@" -Dwerror=true > /dev/null
else
  meson setup "$build" -Dwerror=true -Dtests=enabled -Dprograms=enabled "$@"
fi
meson compile -C "$build"

rc=0
# shellcheck disable=SC2086 # the arguments are meant to be split
meson test -C "$build" --print-errorlogs ${MESON_TEST_ARGS:-} || rc=$?

# One line that a person and a machine can read. (A test setup has a log of its own.)
log=$(ls -t "$build"/meson-logs/testlog*.json | head -n 1)
python3 - "$log" <<'EOF' || rc=1
import collections, json, os, sys

results = collections.defaultdict(list)
with open(sys.argv[1]) as log:
    for line in log:
        test = json.loads(line)
        results[test["result"]].append(test["name"])
passed, skipped = results.pop("OK", []), results.pop("SKIP", [])
print(f"{len(passed)} passed, {sum(map(len, results.values()))} failed, {len(skipped)} skipped")
if skipped and os.environ.get("BACKUPAPI_TEST_NO_SKIP") == "1":
    sys.exit("nothing may be skipped here: " + ", ".join(skipped))
EOF
exit "$rc"
