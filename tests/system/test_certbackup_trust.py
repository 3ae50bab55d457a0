"""certbackup run by root on a store whose files and directories belong to somebody else."""

import os
import re
import shutil
import signal
import stat
import unittest

import testsite
from testsite import ROOT, Site, sha256, snapshot

NOBODY = 65534


def edit_manifest(backup, pattern, replacement):
    """Changes MANIFEST, and its checksum, so that the set stays a good one."""
    manifest, sums = os.path.join(backup, "MANIFEST"), os.path.join(backup, "SHA256SUMS")
    old = sha256(manifest)
    with open(manifest, "rb") as f:
        content, count = re.subn(pattern, replacement, f.read())
    with open(manifest, "wb") as f:
        f.write(content)
    with open(sums, "rb") as f:
        listed = f.read()
    with open(sums, "wb") as f:
        f.write(listed.replace(old.encode(), sha256(manifest).encode()))
    return count


class Modes(Site):
    """No saved file comes back as a program that runs as its owner or group."""

    def setUp(self):
        super().setUp()
        os.chmod(self.path("ca/newcerts"), 0o3775)
        for name in ("ca/serial", "ca/ca.pem"):
            os.chmod(self.path(name), 0o7755)

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_not_recorded(self):
        self.certbackup("backup", "ca01", self.path("sets/full"))
        manifest = self.read(self.path("sets/full/MANIFEST")).decode().splitlines()[1:]
        modes = {tuple(line.split("\t")[:2]): line.split("\t")[3] for line in manifest}
        self.assertEqual(modes["database", self.path("ca/serial")], "0755")
        self.assertEqual(modes["dynamic", self.path("ca/ca.pem")], "0755")
        self.assertEqual(modes["directory", self.path("ca/newcerts")], "3775")

    def test_not_restored_from_a_set_that_says_so(self):
        self.certbackup("backup", "ca01", self.path("sets/full"))
        changed = edit_manifest(self.path("sets/full"),
                                rb"(?m)^((?:database|dynamic)\t.*)\t0755\t", rb"\1\t7755\t")
        self.assertEqual(changed, 2)
        self.certbackup("verify", self.path("sets/full"))
        shutil.rmtree(self.path("ca"))
        self.certbackup("restore", "--dynamic", "ca01", self.path("sets/full"))
        self.recover()
        self.assertEqual(self.mode("ca/serial"), 0o755)
        self.assertEqual(self.mode("ca/ca.pem"), 0o755)
        self.assertEqual(self.mode("ca/newcerts"), 0o3775)


@unittest.skipUnless(ROOT, "needs root")
class OthersLinks(Site):
    """A symbolic link counts for root only where it belongs to root."""

    def setUp(self):
        super().setUp()
        self.large = self.make_large()
        self.write(self.path("large/zz.dat"), "the user's own")
        os.mkdir(self.path("extra"))
        self.write(self.path("extra/file"), "a dynamic one")
        os.mkdir(self.path("secret"), 0o700)
        self.write(self.path("secret/file"), "root's")
        os.chmod(self.path("secret/file"), 0o4700)
        self.configure("large", store=f"engine = flat\ndatabase = {self.large}/*.dat\n"
                                      f"dynamic = {self.path('extra')}/file\n")

    def link(self, target, path, owner=NOBODY):
        """PATH becomes a symbolic link of OWNER."""
        if os.path.lexists(path):
            os.rename(path, path.rstrip("/") + ".aside")
        os.symlink(target, path)
        os.chown(path, owner, owner, follow_symlinks=False)

    def disturb(self, below, change, *args):
        """Runs certbackup and, once it has begun to write BELOW, CHANGE() in the midst of it."""
        program = self.start_stopped(below, *args)
        change()
        program.send_signal(signal.SIGCONT)
        _, stderr = program.communicate(timeout=300)
        return program.returncode, stderr

    def assert_link_named(self, link, stderr):
        """By the program or, where that gets there first, by the library."""
        self.assertRegex(stderr.decode(), f"(?m)^certbackup: {re.escape(link)}: .*"
                                          f"symbolic link of user {NOBODY}")

    def refuse_backup(self, change, name):
        status, stderr = self.disturb(
            self.path("sets"), change, "backup", "large", self.path("sets/full"))
        self.assertEqual(status, 1, stderr)
        self.assert_link_named(self.path(name), stderr)
        self.assertIn(b"ERROR_ACCESS_DENIED", stderr)
        self.assertEqual(os.listdir(self.path("sets")), [])

    def test_a_database_that_becomes_a_link_has_no_metadata(self):
        self.refuse_backup(
            lambda: self.link(self.path("secret/file"), self.path("large/zz.dat")),
            "large/zz.dat")

    def test_a_dynamic_file_that_becomes_a_link_is_not_read(self):
        self.refuse_backup(
            lambda: self.link(self.path("secret/file"), self.path("extra/file")), "extra/file")

    def test_a_directory_that_becomes_a_link_is_not_read_through(self):
        self.refuse_backup(lambda: self.link(self.path("secret"), self.path("extra")), "extra")

    def test_roots_own_links_are_followed(self):
        os.mkdir(self.path("real"))
        for name in ("large", "extra"):
            os.rename(self.path(name), self.path("real", name))
        self.link("./real/../real/large", self.large, owner=0)
        self.link(self.path("real/extra"), self.path("extra"), owner=0)
        os.chmod(self.path("real/extra/file"), 0o640)
        self.certbackup("backup", "large", self.path("sets/full"))
        self.assert_good_set(self.path("sets/full"))
        before = snapshot(self.path("real"))
        shutil.rmtree(self.path("real/extra"))
        os.mkdir(self.path("real/extra"))
        self.write(self.path("real/large/zz.dat"), "changed")
        self.certbackup("restore", "--dynamic", "large", self.path("sets/full"))
        self.recover("large")
        self.assertEqual(
            {path: what[3] for path, what in snapshot(self.path("real")).items()},
            {path: what[3] for path, what in before.items()})
        self.assertEqual(stat.S_IMODE(os.stat(self.path("extra/file")).st_mode), 0o640)

    def test_a_loop_of_links_ends(self):
        self.certbackup("backup", "large", self.path("sets/full"))
        self.link("extra", self.path("extra"), owner=0)
        done = self.certbackup("restore", "--dynamic", "large", self.path("sets/full"), expect=1)
        self.assertIn(f"certbackup: {self.path('extra')}: ".encode(), done.stderr)

    def assert_refused_before_anything(self, link, *options):
        before, service = snapshot(self.path("secret")), self.read(self.path("service"))
        done = self.certbackup("restore", *options, "large", self.path("sets/full"), expect=1)
        self.assert_link_named(link, done.stderr)
        self.assertEqual(snapshot(self.path("secret")), before)
        self.assertEqual(self.read(self.path("service")), service)

    def test_nothing_is_restored_through_a_users_link(self):
        self.configure("large", service=self.service_commands(),
                       store=f"engine = flat\ndatabase = {self.large}/*.dat\n"
                             f"dynamic = {self.path('extra')}/file\n")
        self.certbackup("backup", "large", self.path("sets/full"))
        self.link(self.path("secret"), self.path("extra"))
        self.assert_refused_before_anything(self.path("extra"), "--dynamic")
        place = f"{self.large}={self.path('extra/new/deep')}"
        self.assert_refused_before_anything(self.path("extra"), "--map", place)
        self.link(self.path("secret"), self.large)
        self.assert_refused_before_anything(self.large)
        os.unlink(self.large)
        os.rename(self.large + ".aside", self.large)
        self.assertEqual(self.status("large")["restore"]["state"], "none")

    def test_nor_through_one_that_appears_meanwhile(self):
        self.certbackup("backup", "large", self.path("sets/full"))
        before = snapshot(self.path("secret"))
        status, stderr = self.disturb(
            self.large, lambda: self.link(self.path("secret"), self.path("extra")),
            "restore", "--dynamic", "large", self.path("sets/full"))
        self.assertEqual(status, 1, stderr)
        self.assert_link_named(self.path("extra"), stderr)
        self.assertEqual(snapshot(self.path("secret")), before)
        self.recover("large")


if __name__ == "__main__":
    testsite.main()
