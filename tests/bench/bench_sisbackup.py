"""A volume of 20,000 files, half of them duplicates: sisbackup beside tar and rsync -a.

Prints bytes written and time, the disk's included, from a cold cache; a failure where
sisbackup writes more than either.
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
ROUNDS = int(os.environ.get("SIS_BENCH_ROUNDS", "3"))


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


def measure(command, directory):
    """The best of some rounds, each into a new target: creating files right after others
    were deleted is slow on ext4."""
    times = []
    for n in range(ROUNDS):
        target = os.path.join(directory, str(n))
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3")
        started = time.monotonic()
        sissite.run(command(target))
        sissite.run(["sync", "-f", directory])
        times.append(time.monotonic() - started)
    return min(times), written(target)


def main():
    if not shutil.which("rsync"):
        print("skipped: no rsync")
        sys.exit(77)
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
    results = {}
    for name, command in commands.items():
        directory = os.path.join(top, name)
        os.mkdir(directory)
        results[name] = measure(command, directory)
    return results


def judge(results, total):
    for name, (seconds, size) in results.items():
        print(f"{name:10} {size / 1e6:8.1f} MB written  {seconds:6.2f} s  "
              f"{total / 1e6 / seconds:7.1f} MB of the volume a second")
    own_time, own_size = results["sisbackup"]
    others = {name: result for name, result in results.items() if name != "sisbackup"}
    for name, (seconds, size) in others.items():
        print(f"against {name}: {own_size / size:.2f} times the bytes, "
              f"{own_time / seconds:.2f} times the time")
    smaller = all(own_size <= size for _, size in others.values())
    print("more bytes than either:", "no" if smaller else "YES")
    return 0 if smaller else 1


if __name__ == "__main__":
    main()
