"""sisbackup where something fails, is in the way, or ends it."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time

import sissite
from sissite import Volumes, run, sha256

KILLS = int(os.environ.get("SIS_KILLS", "6"))


class Trouble(Volumes):
    def test_what_cannot_be_read_is_skipped_with_a_message(self):
        volume = self.mount("ext4")
        self.fill(volume)
        locked = os.path.join(volume, "locked")
        with open(locked, "wb") as f:
            f.write(b"secret")
        os.chown(locked, 1000, 1000)
        os.chmod(locked, 0)
        done = subprocess.run(
            ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sissite.SISBACKUP,
             "backup", volume, self.path("set")], env=self.env, capture_output=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"locked", done.stderr)
        self.assert_good_set(self.path("set"))
        paths = [line.split("\t")[1] for line in self.manifest(self.path("set"))[1:]]
        self.assertNotIn("locked", paths)
        self.assertIn("two", paths)
        listed = json.loads(self.sisbackup("list", "--json", self.path("set")).stdout)
        self.assertGreaterEqual(listed["skipped"], 1)

    def test_a_set_on_the_volume_itself_does_not_hold_itself(self):
        volume = self.mount("xfs")
        self.make_large(volume)
        sets = os.path.join(volume, "sets")
        os.mkdir(sets)
        self.sisbackup("backup", volume, os.path.join(sets, "one"))
        said = json.loads(self.sisbackup("list", "--json", os.path.join(sets, "one")).stdout)
        self.assertEqual([e["path"] for e in said["files"] if e["path"].startswith("sets")],
                         ["sets"])

    def test_a_name_that_the_file_system_cannot_have(self):
        source, set_path = self.source()
        volume = self.mount("ntfs")
        done = self.sisbackup("restore", set_path, volume, expect=1)
        self.assertIn(rb"invalid \xff name", done.stderr)
        for name in ("one", "two", "plain"):
            self.assertEqual(sha256(os.path.join(volume, name)),
                             sha256(os.path.join(source, name)))

    def test_what_was_lost_is_said_once(self):
        _, set_path = self.source(invalid=False)
        done = self.sisbackup("restore", set_path, self.mount("ntfs"))
        self.assertEqual(done.stderr.count(b"owners, modes"), 1)

    def test_paths_longer_than_the_system_takes_at_once(self):
        volume, back = self.mount("ext4"), self.mount("btrfs")
        self.make_deep(volume)
        self.sisbackup("backup", volume, self.path("set"))
        self.sisbackup("verify", self.path("set"))
        self.sisbackup("restore", self.path("set"), back)
        self.assertEqual(run(["find", back, "-type", "f", "-size", "5c"]).stdout.count(b"\n"), 1)
        for top in (volume, back, self.path("set")):
            run(["rm", "-rf", os.path.join(top, "d" * 200), os.path.join(top, "files")])

    def make_deep(self, volume):
        here = os.open(volume, os.O_RDONLY)
        for _ in range(30):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        fd = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here)
        os.write(fd, b"deep\n")
        os.close(fd)
        os.close(here)

    def make_large(self, volume):
        for n in range(40):
            with open(os.path.join(volume, "file%d" % n), "wb") as f:
                f.write(os.urandom(4096) * random.randrange(1, 100))
            shutil.copy(os.path.join(volume, "file%d" % n), os.path.join(volume, "copy%d" % n))
        self.sislink("link", volume)
        for n in range(20):
            with open(os.path.join(volume, "plain%d" % n), "wb") as f:
                f.write(os.urandom(300000))

    def stopped(self, number, *args):
        """Starts sisbackup and stops it somewhere. Did it end before?"""
        started = time.monotonic()
        program = self.start(*args)
        try:
            program.wait(random.random() * self.duration)
        except subprocess.TimeoutExpired:
            program.send_signal(number)
        _, err = program.communicate(timeout=120)
        if program.returncode == 0:
            return True
        self.assertIn(program.returncode, (-number, 128 + number),
                      f"after {time.monotonic() - started}: {err.decode()}")
        return False

    def time_backup(self, volume, target):
        started = time.monotonic()
        self.sisbackup("backup", volume, target)
        self.duration = time.monotonic() - started

    def test_stopped_backups_leave_all_or_nothing(self):
        volume, sets = self.mount("xfs"), self.path("sets")
        os.mkdir(sets)
        self.make_large(volume)
        self.settle()
        self.time_backup(volume, os.path.join(sets, "first"))
        for number in (signal.SIGINT, signal.SIGKILL):
            for n in range(KILLS):
                target = os.path.join(sets, f"{number}-{n}")
                if self.stopped(number, "backup", volume, target):
                    self.assert_good_set(target)
                    continue
                if os.path.exists(target):
                    self.assert_good_set(target)
                    continue
                if number == signal.SIGINT:
                    self.assert_no_partial(sets)
                # What was killed is cleaned up by the next, and stands in nobody's way.
                self.sisbackup("backup", volume, target)
                self.assert_no_partial(sets)
                self.assert_good_set(target)
                shutil.rmtree(target)

    def test_stopped_restores_can_be_repeated(self):
        source = self.mount("xfs", "source")
        self.make_large(source)
        self.time_backup(source, self.path("set"))
        volume = self.mount("ext4")
        for number in (signal.SIGINT, signal.SIGKILL):
            for _ in range(KILLS):
                self.clear(volume)
                if not self.stopped(number, "restore", self.path("set"), volume):
                    if number == signal.SIGINT:
                        self.assert_whole_files(source, volume)
                    self.sisbackup("restore", "--force", self.path("set"), volume)
                self.assert_same_tree(source, volume)
                self.assert_no_partial(volume)

    def assert_whole_files(self, source, volume):
        self.assert_no_partial(volume)
        for name in os.listdir(volume):
            path = os.path.join(volume, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                self.assertEqual(sha256(path), sha256(os.path.join(source, name)), name)

    def test_a_full_disk(self):
        source = self.mount("btrfs", "source")
        self.make_large(source)
        self.settle()
        small = self.mount("tmpfs", "small", size="4m")
        before = os.stat(small).st_mtime_ns
        done = self.sisbackup("backup", source, os.path.join(small, "set"), expect=1)
        self.assertIn(b"free", done.stderr)
        self.assertEqual(os.listdir(small), [])
        self.assertEqual(os.stat(small).st_mtime_ns, before, "it was begun")
        few = self.path("few")
        os.mkdir(few)
        run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=20", "none", few])
        self.mounted.append(few)
        self.sisbackup("backup", source, os.path.join(few, "set"), expect=1)
        self.assertEqual(os.listdir(few), [])
        self.sisbackup("backup", source, self.path("set"))
        self.sisbackup("restore", self.path("set"), small, expect=1)
        self.assert_whole_files(source, small)


if __name__ == "__main__":
    sissite.main()
