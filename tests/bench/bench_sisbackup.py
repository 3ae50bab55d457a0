"""A volume of 20,000 files, half of them duplicates: sisbackup beside tar and rsync -a.

Each in turn, from a cold cache, into a new target, and with the same sync of the target's
file system at the end, though only sisbackup does that by itself. Prints bytes written and
the best times; a failure where sisbackup writes more than either, or takes longer for the
volume, that is to say for each byte in its files.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import sissite  # noqa: E402 - found by the line before

FILES = int(os.environ.get("SIS_BENCH_FILES", "20000"))
ROUNDS = int(os.environ.get("SIS_BENCH_ROUNDS", "5"))


def fill(volume):
    """Half of the files have a content that another one has too."""
    total = 0
    for n in range(FILES):
        directory = os.path.join(volume, "d%d" % (n // 200))
        if n % 200 == 0:
            os.mkdir(directory)
        if n % 2 == 0:
            content = os.urandom(2000 + n * 7919 % 30000)
        with open(os.path.join(directory, "file%d" % n), "wb") as f:
            f.write(content)
        total += len(content)
    return total


def written(path):
    return int(sissite.run(["du", "-s", "-B1", path]).stdout.split()[0])


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")


def measure(command, directory):
    drop_caches()
    started = time.monotonic()
    sissite.run(command)
    sissite.run(["sync", "-f", directory])
    return time.monotonic() - started


def main():
    if not shutil.which("rsync"):
        sissite.skip("no rsync")
    sissite.private_mounts()
    top = tempfile.mkdtemp(prefix="backupapi-bench-")
    volume, image = os.path.join(top, "volume"), os.path.join(top, "volume.img")
    try:
        os.mkdir(volume)
        for command in (f"truncate -s 2G {image}", f"mkfs.xfs -q {image}",
                        f"mount -o loop {image} {volume}"):
            sissite.run(command.split())
        total = fill(volume)
        started = time.monotonic()
        sissite.run([sissite.SISLINK, "link", "--quiet", volume])
        print(f"{FILES} files, {total / 1e6:.0f} MB; linked in "
              f"{time.monotonic() - started:.1f} s")
        results = compare(volume, top)
        sys.exit(judge(results, total))
    finally:
        subprocess.run(["umount", "-l", volume], check=False)
        shutil.rmtree(top)


def compare(volume, top):
    store = "--exclude=" + sissite.STORE
    commands = {
        "sisbackup": lambda to: [sissite.SISBACKUP, "backup", "--quiet", volume, to],
        "tar": lambda to: ["tar", "--xattrs", "--acls", "-S", "-C", volume, store, "-cf", to, "."],
        "rsync -a": lambda to: ["rsync", "-a", store, volume + "/", to],
    }
    times = {name: [] for name in commands}
    for name in commands:
        os.mkdir(os.path.join(top, name))
    # Nothing is removed meanwhile: ext4 creates files slowly right after that.
    for n in range(ROUNDS):
        for name, command in commands.items():
            target = os.path.join(top, name, str(n))
            times[name].append(measure(command(target), top))
    return {name: (min(times[name]), written(os.path.join(top, name, "0")))
            for name in commands}


def judge(results, total):
    for name, (seconds, size) in results.items():
        print(f"{name:10} {size / 1e6:8.1f} MB written  {seconds:6.2f} s  "
              f"{total / 1e6 / seconds:7.1f} MB of the volume a second")
    own_time, own_size = results["sisbackup"]
    met = True
    for name, (seconds, size) in results.items():
        if name == "sisbackup":
            continue
        good = own_size < size and own_time <= seconds
        met = met and good
        print(f"against {name}: {own_size / size:.2f} times the bytes, "
              f"{own_time / seconds:.2f} times the time for the volume, "
              f"{own_time / own_size * size / seconds:.2f} times that for each byte "
              f"written: {'met' if good else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    main()
