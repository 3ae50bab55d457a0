"""A provisioned Samba private directory, saved by dsbackup, against `samba-tool domain backup
offline` of the same domain; the passes alternate, the ratio is of the medians."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PASSES = int(os.environ.get("BENCH_PASSES", "3"))
WANTED = 5
SAMBA_TOOL = shutil.which("samba-tool")
TOP = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-bench-"))


def run(*args, **kwargs):
    subprocess.run(args, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **kwargs)


def timed(*args, **kwargs):
    begin = time.monotonic()
    run(*args, **kwargs)
    return time.monotonic() - begin


def make():
    run(SAMBA_TOOL, "domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE",
        "--server-role=dc", "--adminpass=Passw0rd.of.the.test", f"--targetdir={TOP}/dc",
        "--host-name=dc1", "--host-ip=127.0.0.1", "--option=interfaces=127.0.0.1",
        "--option=bind interfaces only=yes", "--option=vfs objects=")
    os.mkdir(TOP + "/config", 0o700)
    path = TOP + "/config/dc1.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[server]\nname = dc1\nfamily = ds\nstate_dir = {TOP}/state\n"
                f"[store]\nengine = tdb\ndatabase = {TOP}/dc/private\n"
                f"dynamic = {TOP}/dc/etc/smb.conf\n")
    os.chmod(path, 0o600)


def main():
    if not SAMBA_TOOL:
        print("samba-tool is not installed")
        return 77
    make()
    env = dict(os.environ, BACKUPAPI_CONFIG_DIR=TOP + "/config")
    ours, theirs = [], []
    for n in range(PASSES):
        ours.append(timed(os.environ["DSBACKUP"], "backup", "--quiet", "dc1", f"{TOP}/set{n}",
                          env=env))
        os.mkdir(f"{TOP}/offline{n}")
        theirs.append(timed(SAMBA_TOOL, "domain", "backup", "offline",
                            f"--targetdir={TOP}/offline{n}", "-s", TOP + "/dc/etc/smb.conf"))
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"samba-tool domain backup offline {a:.3f} s, dsbackup backup (synced to disk) "
          f"{b:.3f} s, ratio of times {a / b:.1f} (wanted: at least {WANTED})")
    return 0 if a >= WANTED * b else 1


try:
    sys.exit(main())
finally:
    shutil.rmtree(TOP)
