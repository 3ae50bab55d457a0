"""sisbackup where something fails, is in the way, or ends it."""

import errno
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
SHIM = {"LD_PRELOAD": os.environ["ENOSPC_SHIM"], "ASAN_OPTIONS": "verify_asan_link_order=0"}


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

    # ---- killed at each step ----

    def make_sparse_links(self, volume):
        """Two contents whose holes make a copy of them take several steps."""
        for name in ("one", "two"):
            with open(os.path.join(volume, name), "wb") as f:
                for n in range(4):
                    f.seek(n * 100000)
                    f.write(os.urandom(20000))
            shutil.copy(os.path.join(volume, name), os.path.join(volume, name + " again"))
        os.link(os.path.join(volume, "one"), os.path.join(volume, "hard link"))
        with open(os.path.join(volume, "plain"), "wb") as f:
            f.write(os.urandom(30000))
        self.sislink("link", volume)

    def killed_ahead_of(self, step, volume, *args):
        """Did sisbackup get as far as its STEPth write to VOLUME? There it is killed."""
        env = dict(self.env, **SHIM, ENOSPC_AT=str(step), ENOSPC_STOPS="1",
                   ENOSPC_BELOW=volume)
        program = subprocess.Popen([sissite.SISBACKUP, *args], env=env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        _, status = os.waitpid(program.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            program.kill()
            _, status = os.waitpid(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        self.assertIn(program.returncode, (0, -signal.SIGKILL))
        return program.returncode != 0

    def said_of(self, program, *args):
        return subprocess.run([program, *args], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300, check=False)

    def unlike(self, source, volume):
        """The files of SOURCE that are on VOLUME with another content."""
        for name in os.listdir(source):
            path = os.path.join(volume, name)
            if (os.path.isfile(os.path.join(source, name)) and os.path.lexists(path) and
                    sha256(path) != sha256(os.path.join(source, name))):
                yield name

    def count_unfinished(self, source, volume):
        """They are named, and not saved. How many have data?"""
        found = sorted(self.unlike(source, volume))
        checked = self.said_of(sissite.SISLINK, "check", volume)
        saved = self.said_of(sissite.SISBACKUP, "backup", volume, self.path("second"))
        paths = [line.split("\t")[1] for line in self.manifest(self.path("second"))[1:]]
        for name in found:
            self.assertNotIn(name, paths)
            self.assertIn(f"/{name}: ".encode(), saved.stderr)
        # Of several names of a file check tells one.
        for name in set(found) - {"hard link", "one"}:
            self.assertIn(f"/{name}: ".encode(), checked.stderr)
        if found:
            self.assertEqual((saved.returncode, checked.returncode), (1, 1))
        shutil.rmtree(self.path("second"))
        return sum(any(part for part in self.data(volume, name)) for name in found)

    def data(self, volume, name):
        with open(os.path.join(volume, name), "rb") as f:
            return f.read()

    def test_a_killed_restore_leaves_no_half_file_that_passes_for_a_whole_one(self):
        source, volume = self.mount("xfs", "source"), self.mount("ext4")
        self.make_sparse_links(source)
        self.sisbackup("backup", source, self.path("set"))
        halves = step = 0
        while self.killed_ahead_of(step + 1, volume, "restore", self.path("set"), volume):
            step += 1
            halves += self.count_unfinished(source, volume)
            if step % 10 == 0:
                self.sisbackup("restore", "--force", self.path("set"), volume)
                self.assert_same_tree(source, volume)
                self.sislink("check", volume)
            self.clear(volume)
        self.assertGreater(step, 30)
        self.assertGreater(halves, 8)
        self.assert_same_tree(source, volume)
        self.sislink("check", volume)

    # ---- stopped at any time ----

    def assert_whole_files(self, source, volume):
        self.assert_no_partial(volume)
        for name in os.listdir(volume):
            path = os.path.join(volume, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                self.assertEqual(sha256(path), sha256(os.path.join(source, name)), name)

    def make_pairs(self, volume):
        for n in range(4):
            with open(os.path.join(volume, f"file{n}"), "wb") as f:
                f.write(os.urandom(50000 + n))
            shutil.copy(os.path.join(volume, f"file{n}"), os.path.join(volume, f"copy{n}"))
        os.sync()
        return {name: sha256(os.path.join(volume, name)) for name in os.listdir(volume)}

    def fill_up(self, path):
        size = 64 << 20
        with open(path, "wb") as f:
            while size >= 4096:
                try:
                    os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), size)
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
                    size //= 2
        os.sync()

    def assert_linked_or_told(self, done, volume, before):
        if done.returncode != 0:
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, b"(?m)^sislink: /.*(DISK_FULL|No space left)")
        for name, content in before.items():
            self.assertEqual(sha256(os.path.join(volume, name)), content, name)
        if os.path.exists(os.path.join(volume, sissite.STORE, "MaxIndex")):
            self.sislink("check", volume)

    def test_linking_on_a_full_disk_changes_no_content(self):
        for kind in sissite.SHARING:
            volume = self.mount(kind)
            filler = os.path.join(volume, "filler")
            for room in (0, 20000, 80000, 300000):
                before = self.make_pairs(volume)
                self.fill_up(filler)
                os.truncate(filler, os.path.getsize(filler) - room)
                os.sync()
                done = self.said_of(sissite.SISLINK, "link", volume)
                os.unlink(filler)
                os.sync()
                self.assert_linked_or_told(done, volume, before)
                self.sislink("link", volume)
                self.assert_linked_or_told(self.sislink("check", volume), volume, before)
                self.assertEqual(self.links(volume), 8)
                self.clear(volume)

    def test_linking_where_the_disk_is_full_from_any_step_on_changes_no_content(self):
        volume = self.mount("xfs")
        failures, full = 0, True
        while full:
            self.clear(volume)
            before = self.make_pairs(volume)
            env = dict(self.env, **SHIM, ENOSPC_AT=str(failures + 1), ENOSPC_STAYS="1",
                       ENOSPC_BELOW=volume, ENOSPC_MARK=self.path("mark"))
            done = subprocess.run([sissite.SISLINK, "link", volume], env=env,
                                  stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=300, check=False)
            full = os.path.exists(self.path("mark"))
            self.assert_linked_or_told(done, volume, before)
            if full:
                os.unlink(self.path("mark"))
                failures += 1
                self.sislink("link", volume)
            self.sislink("check", volume)
            self.assertEqual(self.links(volume), 8)
        self.assertGreater(failures, 8)

    def links(self, volume):
        return json.loads(self.sislink("check", "--json", volume).stdout)["summary"]["links"]

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
