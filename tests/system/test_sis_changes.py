"""sisbackup on volumes that change, and what it does while it still looks for files."""

import contextlib
import fcntl
import glob
import os
import pty
import re
import signal
import subprocess
import threading
import time

import sissite
from sissite import REPARSE, SISBACKUP, STORE, Volumes, run, sha256

SIS_TAG = b"\x07\0\0\x80"


class Changing(Volumes):
    def test_a_file_that_changes_all_the_time_is_saved_as_it_was_read(self):
        volume, ended = self.mount("xfs"), threading.Event()
        with open(os.path.join(volume, "before"), "wb") as f:
            f.write(b"quiet\n")
        path = os.path.join(volume, "log")

        def grow():
            while not ended.is_set():
                with open(path, "ab") as f:
                    f.write(b"line\n" * 100)
                time.sleep(0.0005)

        with open(path, "wb") as f:
            f.write(os.urandom(8 << 20))
        writer = threading.Thread(target=grow)
        writer.start()
        try:
            done = self.sisbackup("backup", volume, self.path("set"), expect=1)
        finally:
            ended.set()
            writer.join()
        self.assertIn(b"changes while it is read", done.stderr)
        self.assert_good_set(self.path("set"))
        with open(path, "rb") as now, open(self.path("set", "files", "log"), "rb") as then:
            saved = then.read()
            self.assertEqual(now.read(len(saved)), saved)


class Walk(Volumes):
    """A directory with a gate: sisbackup waits for the lease on a file there, which it has
    to look into as soon as it finds it."""

    def stages(self, volume):
        """Four directories, in the order in which they are walked; the second has enough
        files for copying to begin."""
        for n in range(4):
            os.mkdir(os.path.join(volume, f"stage{n}"))
        stages = [name for name in os.listdir(volume) if name != "lost+found"]
        for n in range(40):
            self.put(os.path.join(volume, stages[1], f"file{n}"), b"file\n" * 2000)
        return [os.path.join(volume, name) for name in stages]

    def put(self, path, content):
        with open(path, "wb") as f:
            f.write(content)

    def get(self, path):
        with open(path, "rb") as f:
            return f.read()

    @contextlib.contextmanager
    def gate(self, directory, meanwhile):
        path = os.path.join(directory, "gate")
        self.put(path, b"open\n")
        os.setxattr(path, REPARSE, SIS_TAG + bytes(4))
        fd, called = os.open(path, os.O_RDWR), []

        def open_gate(_signal, _frame):
            called.append(True)
            try:
                meanwhile()
            finally:
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        before = signal.signal(signal.SIGIO, open_gate)
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            yield
        finally:
            os.close(fd)
            signal.signal(signal.SIGIO, before)
        self.assertEqual(called, [True])

    def copied(self, directory):
        return glob.glob(self.path(".set.partial-*", "files", os.path.basename(directory), "*"))

    def wait_until(self, condition, what):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def wait_for_first(self, stages):
        """Until what is in the first directory was copied: the second's turn has come."""
        self.wait_until(lambda: self.copied(stages[1]), "nothing is copied meanwhile")

    def saved(self, path, volume):
        return self.path("set", "files", os.path.relpath(path, volume))

    def test_a_name_of_a_file_that_was_written_to_since_it_was_copied(self):
        volume = self.mount("ext4")
        stages = self.stages(volume)
        first, other = (os.path.join(stages[n], "name") for n in (0, 3))
        self.put(first, b"old\n")
        os.link(first, other)
        self.settle()

        def write():
            self.wait_for_first(stages)
            self.put(other, b"new\n")
        with self.gate(stages[2], write):
            self.sisbackup("backup", volume, self.path("set"))
        self.assertEqual(self.get(self.saved(first, volume)), b"old\n")
        self.assertEqual(self.get(self.saved(other, volume)), b"new\n")
        self.sisbackup("restore", self.path("set"), self.mount("tmpfs"))

    def test_a_new_file_with_the_number_of_one_that_is_gone(self):
        volume = self.mount("ext4")
        stages = self.stages(volume)
        names = [os.path.join(stages[0], name) for name in ("a", "b")]
        new = [os.path.join(stages[3], name) for name in ("c", "d")]
        self.put(names[0], b"gone\n")
        os.link(*names)
        number = os.stat(names[0]).st_ino
        self.settle()

        def replace():
            self.wait_for_first(stages)
            for name in names:
                os.unlink(name)
            for n in range(1000):
                path = os.path.join(stages[0], f"try{n}")
                self.put(path, b"something else\n")
                if os.stat(path).st_ino == number:
                    os.link(path, new[0])
                    os.rename(path, new[1])
                    return
            self.fail("the number is not used again")
        with self.gate(stages[2], replace):
            self.sisbackup("backup", volume, self.path("set"))
        back = self.mount("tmpfs")
        self.sisbackup("restore", self.path("set"), back)
        for name in new:
            self.assertEqual(self.get(os.path.join(back, os.path.relpath(name, volume))),
                             b"something else\n")

    def test_another_name_of_a_file_that_was_replaced(self):
        volume = self.mount("ext4")
        stages = self.stages(volume)
        first, other = (os.path.join(stages[n], "name") for n in (0, 1))
        self.put(first, b"old\n")
        os.link(first, other)

        def replace():
            self.put(first + ".new", b"new\n")
            os.rename(first + ".new", first)
        with self.gate(stages[2], replace):
            program = self.start("backup", volume, self.path("set"))
            _, err = program.communicate(timeout=120)
        back = self.mount("tmpfs")
        self.sisbackup("restore", self.path("set"), back)
        other = os.path.join(back, os.path.relpath(other, volume))
        if os.path.exists(other):
            self.assertEqual(self.get(other), b"old\n")
        else:
            self.assertEqual(program.returncode, 1)
            self.assertIn(b"another name of a file that was replaced", err)

    def test_what_changed_just_now_is_copied_after_the_walk(self):
        volume, stop, seen = self.mount("ext4"), threading.Event(), []
        stages = self.stages(volume)

        def touch():
            while not stop.wait(0.2):
                for name in os.listdir(stages[1]):
                    os.utime(os.path.join(stages[1], name))

        def look():
            stop.set()
            toucher.join()
            time.sleep(0.5)
            seen.extend(self.copied(stages[1]))
        self.settle()
        toucher = threading.Thread(target=touch)
        toucher.start()
        try:
            time.sleep(0.5)
            with self.gate(stages[2], look):
                self.sisbackup("backup", volume, self.path("set"))
        finally:
            stop.set()
            toucher.join()
        self.assertEqual(seen, [])
        self.assertEqual(len(os.listdir(self.saved(stages[1], volume))), 40)
        self.assert_good_set(self.path("set"))

    def links_with_content(self, *options):
        """On ext4, restored with OPTIONS: four stages with a link each, to one store file."""
        first, volume = self.mount("xfs"), self.mount("ext4")
        for n in range(4):
            os.mkdir(os.path.join(first, f"stage{n}"))
            self.put(os.path.join(first, f"stage{n}", "link"), b"the same\n" * 1000)
        self.sislink("link", first)
        self.sisbackup("backup", first, self.path("linked"))
        self.sisbackup("restore", *options, self.path("linked"), volume)
        stages = [name for name in os.listdir(volume) if name.startswith("stage")]
        return volume, [os.path.join(volume, name) for name in stages]

    def remove_store_files(self, volume):
        for path in glob.glob(os.path.join(volume, STORE, "*.sis")):
            os.unlink(path)

    def test_links_with_content_whose_store_file_is_gone_meanwhile(self):
        volume, stages = self.links_with_content()
        with self.gate(stages[2], lambda: self.remove_store_files(volume)):
            self.sisbackup("backup", volume, self.path("set"))
        self.assert_good_set(self.path("set"))
        back = self.mount("tmpfs")
        self.sisbackup("restore", self.path("set"), back)
        for stage in stages:
            path = os.path.join(back, os.path.basename(stage), "link")
            self.assertEqual(self.get(path), b"the same\n" * 1000)

    def test_links_without_content_whose_store_file_is_gone_meanwhile(self):
        volume, stages = self.links_with_content("--bare-links")
        with self.gate(stages[2], lambda: self.remove_store_files(volume)):
            done = self.sisbackup("backup", volume, self.path("set"), expect=1)
        self.assert_good_set(self.path("set"))
        back = self.mount("tmpfs")
        self.sisbackup("restore", self.path("set"), back)
        for stage in stages:
            path = os.path.join(os.path.basename(stage), "link")
            if os.path.exists(os.path.join(back, path)):
                self.assertEqual(self.get(os.path.join(back, path)), b"the same\n" * 1000)
            else:
                self.assertIn(f"{path}: ".encode(), done.stderr)

    def assert_shown_at_gate(self, volume, stages, pattern):
        """On the terminal, while files are still looked for."""
        terminal, slave = pty.openpty()
        os.set_blocking(terminal, False)
        shown = bytearray()

        def is_shown():
            with contextlib.suppress(BlockingIOError):
                shown.extend(os.read(terminal, 4096))
            return re.search(pattern, shown)
        try:
            with self.gate(stages[2], lambda: self.wait_until(is_shown, repr(shown))):
                subprocess.run([SISBACKUP, "backup", volume, self.path("set")], env=self.env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=slave, timeout=300, check=True)
        finally:
            os.close(slave)
            os.close(terminal)

    def test_progress_is_shown_from_the_beginning(self):
        volume = self.mount("ext4")
        stages = self.stages(volume)
        self.settle()
        self.assert_shown_at_gate(volume, stages, rb"backup \[[#.]+\] +\d+%  .* of [\d.]+ \w*B")

    def test_progress_where_nobody_knows_how_much_it_will_be(self):
        part = os.path.join(self.mount("ext4"), "part")
        os.mkdir(part)
        stages = self.stages(part)
        self.settle()
        self.assert_shown_at_gate(part, stages, rb"backup [\d.]+ \w*B")

    def test_a_set_that_is_on_the_volume_by_another_way(self):
        below, volume = self.mount("tmpfs", "below"), self.path("volume")
        for name in ("lower", "upper", "work", "upper/sets"):
            os.mkdir(os.path.join(below, name))
        os.mkdir(volume)
        run(["mount", "-t", "overlay", "-o",
             ",".join(f"{name}dir={below}/{name}" for name in ("lower", "upper", "work")),
             "none", volume])
        self.mounted.append(volume)
        self.put(os.path.join(volume, "file"), b"file\n")
        one = os.path.join(below, "upper", "sets", "one")
        self.sisbackup("backup", volume, one)
        paths = {line.split("\t")[1] for line in self.manifest(one)[1:]}
        self.assertEqual(paths, {".", "file", "sets"})


if __name__ == "__main__":
    sissite.main()
