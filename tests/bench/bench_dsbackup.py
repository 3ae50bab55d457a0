"""A live Berkeley DB environment of 1 GiB, warm: dsbackup beside cp -r, sha256sum and sync of
the same files, one after the other.

dsbackup writes, checksums and syncs the same bytes, and one state of them, which cp does
not. Fails where it is slower.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

MIB = int(os.environ.get("DSBACKUP_BENCH_MIB", "1024"))
ROUNDS = int(os.environ.get("DSBACKUP_BENCH_ROUNDS", "3"))


def run(*command, **kwargs):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   **kwargs)


def configure(top):
    os.mkdir(os.path.join(top, "config"), 0o700)
    path = os.path.join(top, "config", "bench.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"""[server]
name = bench
family = ds
state_dir = {top}/state

[store]
engine = bdb
database = {top}/env
""")
    os.chmod(path, 0o600)
    os.environ["BACKUPAPI_CONFIG_DIR"] = os.path.join(top, "config")


def stored_files(env):
    """What both save: no region files."""
    return [os.path.join(env, name) for name in sorted(os.listdir(env))
            if not name.startswith("__db.")]


def by_hand(env, target):
    os.mkdir(target)
    run("cp", "-r", *stored_files(env), target)
    run("sha256sum", *stored_files(env))
    run("sync", "-f", target)


def by_dsbackup(_, target):
    run(os.environ["DSBACKUP"], "backup", "--quiet", "bench", target)


def measure(top, ways):
    """The best of some rounds, by turns: into a new place that is removed again, with nothing
    left to be written when it begins."""
    times = [[] for _ in ways]
    for n in range(ROUNDS * len(ways)):
        target = os.path.join(top, "sets", str(n))
        os.sync()
        started = time.monotonic()
        ways[n % len(ways)](os.path.join(top, "env"), target)
        times[n % len(ways)].append(time.monotonic() - started)
        shutil.rmtree(target)
    return [min(each) for each in times]


def main():
    top = tempfile.mkdtemp(prefix="backupapi-bench-")
    server = None
    try:
        for name in ("env", "sets"):
            os.mkdir(os.path.join(top, name), 0o700)
        configure(top)
        server = subprocess.Popen([os.environ["BDB_SERVER"], os.path.join(top, "env"), str(MIB)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not re.match(rb"ready\n", server.stdout.readline()):
            sys.exit("the environment could not be made")
        size = sum(os.path.getsize(path) for path in stored_files(os.path.join(top, "env")))
        run("cat", *stored_files(os.path.join(top, "env")))
        hand, ours = measure(top, (by_hand, by_dsbackup))
    finally:
        if server:
            server.stdin.close()
            server.wait()
        shutil.rmtree(top)
    print(f"{size / 2**20:.0f} MiB: cp -r, sha256sum, sync {hand:.2f} s; dsbackup {ours:.2f} s: "
          f"ratio {ours / hand:.2f}, target at most 1.00")
    sys.exit(ours > hand)


if __name__ == "__main__":
    main()
