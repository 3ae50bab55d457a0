"""certbackup on damaged sets, and on full disks."""

import json
import os
import shutil

import testsite
from testsite import Site, snapshot


class Damage(Site):
    """Whatever was changed in a set, verify tells, and restore changes nothing."""

    def setUp(self):
        super().setUp()
        self.set = self.path("sets/full")
        self.certbackup("backup", "ca01", self.set)

    def assert_refused(self, what, restore=True):
        done = self.certbackup("verify", self.set, expect=None)
        self.assertEqual(done.returncode, 1, f"{what}: verify saw nothing\n{done.stdout}")
        self.assertNotIn(b"good", done.stdout)
        if restore:
            before = snapshot(self.top)
            self.certbackup("restore", "ca01", self.set, expect=1)
            self.assertEqual(snapshot(self.top), before, what)

    def files(self):
        return [os.path.join(d, f) for d, _, files in os.walk(self.set) for f in files]

    def test_one_byte_changed_anywhere(self):
        for path in self.files():
            content = self.read(path)
            step = max(1, len(content) // 12)
            places = {0, len(content) - 1, *range(1, len(content), step)}
            for n, at in enumerate(sorted(p for p in places if 0 <= p < len(content))):
                changed = bytearray(content)
                changed[at] ^= (1, 0x20, 0x80, 0x0b)[n % 4]
                self.write(path, bytes(changed))
                self.assert_refused(f"{path}, byte {at}", restore=n == 0)
            self.write(path, content)
        self.certbackup("verify", self.set)

    def test_every_byte_of_what_describes_the_checksums(self):
        path = os.path.join(self.set, "SHA256SUMS")
        content = self.read(path)
        for at in range(0, 2 * (content.index(b"\n") + 1)):
            changed = bytearray(content)
            changed[at] ^= 1
            self.write(path, bytes(changed))
            self.assert_refused(f"SHA256SUMS, byte {at}", restore=False)

    def test_cut_short_or_longer_or_empty(self):
        for path in self.files():
            content = self.read(path)
            for changed in (content[:-1], content + b"\n", b""):
                self.write(path, changed)
                if changed != content:
                    self.assert_refused(f"{path}: {len(changed)} bytes", restore=False)
            self.write(path, content)

    def test_missing_file(self):
        for path in self.files():
            os.rename(path, self.path("aside"))
            self.assert_refused(f"{path} is missing")
            os.rename(self.path("aside"), path)

    def test_what_is_not_part_of_the_set(self):
        for make in (lambda p: self.write(p, "x"), os.mkdir, os.mkfifo,
                     lambda p: os.symlink("backup.ini", p)):
            for directory in (self.set, os.path.join(self.set, "databases"),
                              os.path.join(self.set, "logs")):
                extra = os.path.join(directory, "extra")
                make(extra)
                self.assert_refused(f"{extra} was added", restore=False)
                if os.path.isdir(extra) and not os.path.islink(extra):
                    os.rmdir(extra)
                else:
                    os.unlink(extra)

    def test_symbolic_links_are_not_followed(self):
        for path in self.files() + [os.path.join(self.set, "databases")]:
            os.rename(path, self.path("aside"))
            os.symlink(self.path("aside"), path)
            self.assert_refused(f"{path} became a symbolic link")
            os.unlink(path)
            os.rename(self.path("aside"), path)

    def test_a_fifo_does_not_block(self):
        for path in self.files():
            os.rename(path, self.path("aside"))
            os.mkfifo(path)
            self.assert_refused(f"{path} became a FIFO", restore=False)
            os.unlink(path)
            os.rename(self.path("aside"), path)

    def test_names_that_lead_out_of_the_set(self):
        sums = os.path.join(self.set, "SHA256SUMS")
        good = self.read(sums)
        zero = b"0" * 64
        for name in (b"../../private/ca.key", b"/etc/passwd", b"./MANIFEST", b"a//b", b""):
            self.write(sums, zero + b"  " + name + b"\n" + good)
            self.assert_refused(name)
        self.write(sums, good)
        manifest = os.path.join(self.set, "MANIFEST")
        text = self.read(manifest)
        for path in (b"/../../etc/passwd", b"relative", b"/a/./b", b"/", b"/a//b", b"%00/x"):
            self.write(manifest, text + b"database\t" + path +
                       b"\t0\t0600\t0\t0\t-\t-\t0.000000000\t0.000000000\t-\t-\n")
            self.assert_refused(path)

    def test_noise_instead_of_each_description(self):
        for name in ("SHA256SUMS", "MANIFEST", "backup.ini"):
            path = os.path.join(self.set, name)
            content = self.read(path)
            for noise in (os.urandom(100000), b"\0" * 4096, b"\n" * 4096, b"[" * 4096,
                          b"\t" * 4096, b"x" * 1000000, content * 2):
                self.write(path, noise)
                self.assert_refused(f"noise in {name}", restore=False)
            self.write(path, content)

    def test_json_tells_the_problems(self):
        os.unlink(os.path.join(self.set, "databases") + self.path("ca/serial"))
        done = self.certbackup("verify", "--json", self.set, expect=1)
        result = json.loads(done.stdout)[0]
        self.assertFalse(result["good"])
        self.assertTrue(any("ca/serial" in p for p in result["problems"]))
        good = self.path("sets/good")
        self.certbackup("backup", "ca01", good)
        done = self.certbackup("verify", "--json", good, self.set, expect=1)
        self.assertEqual([r["good"] for r in json.loads(done.stdout)], [True, False])

    def test_not_a_set(self):
        for path in (self.path("nowhere"), self.path("ca"), os.path.join(self.set, "MANIFEST")):
            self.certbackup("verify", path, expect=1)
            self.certbackup("list", path, expect=1)
            self.certbackup("restore", "ca01", path, expect=1)


class FullDisk(Site):
    """The disk is full at each step in turn, for once or from then on."""

    def sweep(self, below, run, check):
        """Calls RUN with the environment that lets step n fail, and CHECK after it."""
        mark = self.path("mark")
        for stays in ({}, {"ENOSPC_STAYS": "1"}):
            n = 0
            while True:
                n += 1
                done = run(n, dict(stays, LD_PRELOAD=testsite.SHIM, ENOSPC_AT=str(n),
                                   ENOSPC_BELOW=below, ENOSPC_MARK=mark,
                                   ASAN_OPTIONS="verify_asan_link_order=0"))
                failed = os.path.exists(mark)
                if failed:
                    os.unlink(mark)
                check(n, done, failed)
                if not failed:
                    break
            self.assertGreater(n, 10, "the steps were not counted")

    def test_backup_leaves_no_set_and_no_partial_one(self):
        target = self.path("sets/full")

        def run(_, env):
            return self.certbackup("backup", "ca01", target, expect=None, env=env)

        def check(n, done, failed):
            self.assert_no_partial()
            if not failed:
                self.assertEqual(done.returncode, 0)
                self.assert_good_set(target)
                shutil.rmtree(target)
                shutil.rmtree(self.path("state/ca01"))
                return
            self.assertEqual(done.returncode, 1, f"step {n}: {done.stderr}")
            self.assertFalse(os.path.lexists(target), f"step {n} left a set")
            self.assertRegex(done.stderr, rb"sets.*ERROR_DISK_FULL", f"step {n}")
            self.assertIsNone(self.status()["last_full"], f"step {n} was recorded")

        self.sweep(self.path("sets"), run, check)

    def test_backup_with_a_full_state_directory(self):
        """Then the library fails. A set that is there must be whole, and the message says
        that it was not recorded."""
        target = self.path("sets/full")
        self.certbackup("status", "ca01")

        def run(_, env):
            return self.certbackup("backup", "ca01", target, expect=None, env=env)

        def check(n, done, failed):
            self.assert_no_partial()
            if failed and done.returncode != 0:
                self.assertRegex(done.stderr, rb"(?m)^certbackup: ", f"step {n}")
            if os.path.exists(target):
                self.assert_good_set(target)
                if done.returncode != 0:
                    self.assertIn(b"not recorded", done.stderr, f"step {n}")
                shutil.rmtree(target)
            else:
                self.assertEqual(done.returncode, 1, f"step {n}")
            if not failed:
                self.assertEqual(done.returncode, 0)
                shutil.rmtree(self.path("state/ca01"))

        self.sweep(self.path("state"), run, check)

    def test_restore_leaves_the_ca_as_it_was(self):
        self.configure(service=self.service_commands())
        self.certbackup("backup", "ca01", self.path("sets/full"))
        self.issue("later.example.test")
        before = snapshot(self.path("ca"))

        def run(_, env):
            return self.certbackup("restore", "ca01", self.path("sets/full"), expect=None,
                                   env=env)

        def check(n, done, failed):
            self.assertEqual(snapshot(self.path("ca")) if failed else before, before,
                             f"step {n}: {done.stderr}")
            if failed:
                self.assertEqual(done.returncode, 1, f"step {n}: {done.stderr}")
                self.assertIn(b"ERROR_DISK_FULL", done.stderr)
                self.assertEqual(self.read(self.path("service")), b"0",
                                 f"step {n}: {done.stderr}")
                self.assertEqual(self.status()["restore"]["state"], "none", f"step {n}")
                return
            self.assertEqual(done.returncode, 0)
            self.certbackup("cancel", "ca01")
            self.certbackup("start", "ca01")

        self.sweep(self.path("ca"), run, check)

    def test_destroyed_ca_with_a_full_disk_then_with_room(self):
        self.certbackup("backup", "ca01", self.path("sets/full"))
        before = snapshot(self.path("ca"))
        shutil.rmtree(self.path("ca"))

        def run(_, env):
            return self.certbackup("restore", "--dynamic", "ca01", self.path("sets/full"),
                                   expect=None, env=env)

        def check(n, done, failed):
            state = self.status()["restore"]["state"]
            if done.returncode == 0:
                self.assertEqual(state, "complete")
            elif state == "none":
                self.assertFalse(os.path.exists(self.path("ca")), f"step {n}: {done.stderr}")
                return
            # Only dynamic files were left to do.
            self.assertEqual(state, "complete", f"step {n}: {done.stderr}")
            self.recover()
            after = snapshot(self.path("ca"))
            self.assertEqual(after, {path: before[path] for path in after}, f"step {n}")
            shutil.rmtree(self.path("ca"))
            self.assertEqual(failed, done.returncode != 0)

        self.sweep(self.path("ca"), run, check)


if __name__ == "__main__":
    testsite.main()
