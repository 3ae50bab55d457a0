"""sisbackup among sets and users that are not to be trusted, and beside other programs."""

import fcntl
import os
import signal
import struct
import threading

import sissite
from sissite import LINK_ATTRIBUTES, REPARSE, STORE, Volumes, sha256

SECRET = b"for root's eyes only\n" * 1000


def guid_of(reparse):
    a, b, c = struct.unpack("<IHH", reparse[16:24])
    rest = reparse[24:32].hex()
    return f"{a:08x}-{b:04x}-{c:04x}-{rest[:4]}-{rest[4:]}"


def with_guid(reparse, other, marked):
    """The link with the store file of OTHER, and a checksum that is right."""
    data = reparse[8:12] + (reparse[12:16] if marked else b"\0\0\0\0")
    data += other[16:32] + reparse[32:64]
    checksum = 0
    for word in struct.unpack("<14I", data):
        checksum = (checksum * 131 + word) % 2 ** 64
    return reparse[:8] + data + struct.pack("<Q", checksum)


class Trust(Volumes):
    def secret(self, kind="xfs"):
        """A volume with a link that is root's alone; its reparse point."""
        volume = self.mount("xfs", "victim")
        for name in ("secret", "secret too"):
            with open(os.path.join(volume, name), "wb") as f:
                f.write(SECRET)
            os.chmod(os.path.join(volume, name), 0o600)
        self.sislink("link", volume)
        if kind != "xfs":
            self.sisbackup("backup", volume, self.path("victims-set"))
            volume = self.mount(kind, "victim-" + kind)
            self.sisbackup("restore", self.path("victims-set"), volume)
        return volume, os.getxattr(os.path.join(volume, "secret"), REPARSE)

    def forged_set(self, reparse, marked=False):
        """A set with a link to the store file of REPARSE, and Zs for its content."""
        volume, path = self.mount("btrfs", f"forger-{marked}"), self.path(f"forged-{marked}")
        for name in ("mine", "mine too"):
            with open(os.path.join(volume, name), "wb") as f:
                f.write(b"Z" * len(SECRET))
            os.chown(os.path.join(volume, name), 1000, 1000)
        self.sislink("link", volume)
        self.sisbackup("backup", volume, path)
        text = "\n".join(self.manifest(path)) + "\n"
        for name in ("mine", "mine too"):
            own = os.getxattr(os.path.join(volume, name), REPARSE)
            text = text.replace(own.hex(), with_guid(own, reparse, marked).hex())
        text = text.replace(guid_of(own), guid_of(reparse))
        os.rename(os.path.join(path, "store", guid_of(own) + ".sis"),
                  os.path.join(path, "store", guid_of(reparse) + ".sis"))
        sums = os.path.join(path, "SHA256SUMS")
        with open(sums, encoding="ascii") as f:
            lines = f.read().replace(guid_of(own), guid_of(reparse)).splitlines()
        with open(sums, "w", encoding="ascii") as f:
            f.write("\n".join(sorted(lines, key=lambda line: line[66:])) + "\n")
        self.replace_manifest(path, text)
        self.assert_good_set(path)
        return path

    def assert_victim_is_well(self, volume):
        for name in ("secret", "secret too"):
            self.assertEqual(sha256(os.path.join(volume, name)),
                             sissite.hashlib.sha256(SECRET).hexdigest())
        self.sislink("check", volume)

    def test_a_link_gets_no_store_file_whose_content_its_set_does_not_hold(self):
        volume, reparse = self.secret()
        for marked in (False, True):
            self.sisbackup("restore", "--force", self.forged_set(reparse, marked), volume)
            for name in ("mine", "mine too"):
                with open(os.path.join(volume, name), "rb") as f:
                    self.assertEqual(f.read(), b"Z" * len(SECRET))
            self.assertNotEqual(guid_of(os.getxattr(os.path.join(volume, "mine"), REPARSE)),
                                guid_of(reparse))
            self.assert_victim_is_well(volume)

    def test_a_list_of_checksums_is_no_content(self):
        volume, reparse = self.secret()
        path = self.forged_set(reparse)
        self.replace_sum(path, f"store/{guid_of(reparse)}.sis",
                         sissite.hashlib.sha256(SECRET).hexdigest())
        self.sisbackup("restore", path, volume, expect=1)
        self.assertFalse(os.path.exists(os.path.join(volume, "mine")))
        self.assert_victim_is_well(volume)

    def test_the_volumes_own_store_files_are_used_again(self):
        volume, reparse = self.secret()
        self.sisbackup("backup", volume, self.path("set"))
        before = sorted(os.listdir(os.path.join(volume, STORE)))
        os.unlink(os.path.join(volume, "secret"))
        self.sisbackup("restore", self.path("set"), volume, "secret")
        self.assertEqual(sorted(os.listdir(os.path.join(volume, STORE))), before)
        self.assertEqual(os.getxattr(os.path.join(volume, "secret"), REPARSE), reparse)
        self.assert_victim_is_well(volume)

    def test_a_set_brings_no_record_of_its_own(self):
        volume = self.mount("ext4")
        with open(os.path.join(volume, "file"), "wb") as f:
            f.truncate(1000)
        os.mkdir(os.path.join(volume, "directory"))
        for name in ("file", "directory"):
            os.setxattr(os.path.join(volume, name), "user.kept", b"kept")
        self.sisbackup("backup", volume, self.path("set"))
        forged = "".join(f",{name}=00" for name in (*LINK_ATTRIBUTES,
                                                    "system.ntfs_reparse_data"))
        text = "\n".join(self.manifest(self.path("set"))) + "\n"
        self.assertEqual(text.count("user.kept=6b657074"), 2)
        self.replace_manifest(self.path("set"), text.replace(
            "user.kept=6b657074", "user.kept=6b657074" + forged))
        for kind in ("xfs", "tmpfs"):
            back = self.mount(kind)
            self.sisbackup("restore", self.path("set"), back)
            for name in ("file", "directory"):
                self.assertEqual(os.listxattr(os.path.join(back, name)), ["user.kept"])

    def test_a_store_inside_of_anothers_volume(self):
        volume, reparse = self.secret("ext4")
        home = os.path.join(volume, "home")
        os.mkdir(home)
        os.chown(home, 1000, 1000)
        os.chmod(volume, 0o755)
        path = self.forged_set(reparse)
        sissite.run(["chown", "-R", "1000:1000", path])
        self.as_user("restore", "--bare-links", path, home)
        mine = os.path.join(home, "mine")
        self.assertLess(os.stat(mine).st_blocks * 512, 8192)
        self.assertEqual(guid_of(os.getxattr(mine, REPARSE)), guid_of(reparse))
        self.sisbackup("backup", volume, self.path("set"), expect=1)
        self.assertTrue(self.is_link(self.path("set"), "secret"))
        self.assertFalse(self.is_link(self.path("set"), "home/mine"))
        back = self.mount("tmpfs", "back")
        self.sisbackup("restore", self.path("set"), back)
        self.assertFalse(os.path.exists(os.path.join(back, "home", "mine")))

    def test_a_forged_attribute_gives_nobody_another_users_content(self):
        volume, _ = self.secret()
        forged = os.path.join(volume, "forged")
        with open(forged, "wb") as f:
            f.truncate(len(SECRET))
        for name in ("trusted.backupapi_sis", REPARSE):
            os.setxattr(forged, name.replace("trusted", "user"),
                        os.getxattr(os.path.join(volume, "secret"), name))
        os.chown(forged, 1000, 1000)
        done = self.sisbackup("backup", volume, self.path("set"), expect=1)
        self.assertIn(b"forged: not saved", done.stderr)
        names = [line.split("\t")[1] for line in self.manifest(self.path("set"))[1:]]
        self.assertNotIn("forged", names)
        self.assertIn("secret", names)

    def test_names_that_change_while_they_are_looked_at(self):
        volume, _ = self.secret()
        for name in ("a", "b"):
            os.mkdir(os.path.join(volume, name))
        os.rename(os.path.join(volume, "secret too"), os.path.join(volume, "a", "file"))
        forged = os.path.join(volume, "b", "file")
        with open(forged, "wb") as f:
            f.truncate(len(SECRET))
        for name in (REPARSE, "user.backupapi_sis"):
            os.setxattr(forged, name, os.getxattr(os.path.join(volume, "secret"), REPARSE))
        os.chown(forged, 1000, 1000)
        ended = threading.Event()

        def swap():
            a, b, c = (os.path.join(volume, name) for name in "abc")
            while not ended.is_set():
                os.rename(a, c)
                os.rename(b, a)
                os.rename(c, b)
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for n in range(12):
                self.run_any("backup", volume, self.path(f"set-{n}"))
        finally:
            ended.set()
            thread.join()
        for n in range(12):
            for line in self.manifest(self.path(f"set-{n}"))[1:]:
                fields = line.split("\t")
                if fields[0] == "link":
                    self.assertNotIn("1000", fields[3:7], "a link that is not root's")

    def run_any(self, *args):
        program = self.start(*args)
        _, err = program.communicate(timeout=120)
        self.assertIn(program.returncode, (0, 1), err)


class Beside(Volumes):
    def two_sets(self):
        for letter, mode in ((b"a", 0o600), (b"b", 0o644)):
            volume = self.mount("tmpfs", letter.decode(), size="128m")
            for n in range(150):
                path = os.path.join(volume, f"file{n}")
                with open(path, "wb") as f:
                    f.write(letter * 300000)
                os.chmod(path, mode)
            self.sisbackup("backup", volume, self.path("set-" + letter.decode()))

    def test_two_restores_at_once_do_not_mix(self):
        self.two_sets()
        target = self.mount("tmpfs", "target", size="128m")
        both = [self.start("restore", "--force", self.path("set-" + letter), target)
                for letter in "ab"]
        for program in both:
            _, err = program.communicate(timeout=120)
            self.assertEqual(program.returncode, 0, err)
        self.assertEqual(len(os.listdir(target)), 150)
        for name in os.listdir(target):
            path = os.path.join(target, name)
            with open(path, "rb") as f:
                content = f.read()
            expected = b"a" if os.stat(path).st_mode & 0o777 == 0o600 else b"b"
            self.assertEqual(content.count(expected), 300000, name)

    def test_what_a_killed_restore_left_is_removed_by_the_next(self):
        _, set_path = self.source(invalid=False)
        target = self.mount("ext4")
        os.mkdir(os.path.join(target, "same"))
        for name in (".sisbackup.partial-1", "same/.sisbackup.partial-2",
                     "same/.sisbackup.replaced-3"):
            with open(os.path.join(target, name), "wb"):
                pass
        lock = os.open(target, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        self.sisbackup("restore", set_path, target, "plain", "same/two")
        self.assertIn(".sisbackup.partial-1", os.listdir(target), "another restore's")
        os.close(lock)
        done = self.sisbackup("restore", "--force", set_path, target)
        self.assert_no_partial(target)
        self.assertIn(b"same/.sisbackup.replaced-3", done.stderr)
        self.assertIn(".sisbackup.replaced-3", os.listdir(os.path.join(target, "same")))

    def test_force_keeps_what_it_cannot_replace(self):
        _, set_path = self.source(invalid=False)
        store = os.path.join(set_path, "store")
        damaged = max((n for n in os.listdir(store) if n.endswith(".sis")),
                      key=lambda n: os.path.getsize(os.path.join(store, n)))
        for kind in ("ext4", "btrfs", "ntfs"):
            target = self.mount(kind)
            os.mkdir(os.path.join(target, "same"))
            old = ("one", "same/three", "same/hard link")
            for name in old:
                with open(os.path.join(target, name), "wb") as f:
                    f.write(b"old " + name.encode())
            with open(os.path.join(store, damaged), "r+b") as f:
                f.write(b"damage")
            self.sisbackup("restore", "--force", set_path, target, expect=1)
            for name in old:
                with open(os.path.join(target, name), "rb") as f:
                    self.assertEqual(f.read(), b"old " + name.encode())
            self.assertFalse(self.leftovers(target))

    def leftovers(self, top):
        return [name for _, directories, files in os.walk(top)
                for name in directories + files if name.startswith(".sisbackup")]

    def test_force_replaces_and_leaves_nothing_behind(self):
        source, set_path = self.source(invalid=False)
        for kind in ("ext4", "btrfs", "ntfs"):
            target = self.mount(kind)
            os.mkdir(os.path.join(target, "same"))
            for name in ("one", "same/three", "same/hard link"):
                with open(os.path.join(target, name), "wb") as f:
                    f.write(b"old")
            self.sisbackup("restore", "--force", set_path, target)
            self.assertFalse(self.leftovers(target))
            self.assert_same_tree(source, target, poor=kind == "ntfs")

    def test_links_that_a_restore_did_not_finish(self):
        source, set_path = self.source(invalid=False)
        target = self.mount("ext4")
        self.sisbackup("restore", set_path, target)
        with open(os.path.join(target, "unfinished"), "wb") as f:
            f.truncate(5000)
        os.setxattr(os.path.join(target, "unfinished"), REPARSE,
                    os.getxattr(os.path.join(source, "one"), REPARSE))
        done = self.sisbackup("backup", target, self.path("again"), expect=1)
        self.assertIn(b"unfinished: not saved", done.stderr)
        self.assertFalse([line for line in self.manifest(self.path("again"))
                          if "\tunfinished\t" in line])
        self.assert_good_set(self.path("again"))

    def test_a_link_on_ntfs_that_was_about_to_be_filled(self):
        """Its reparse point has to go first; what is left is a file of zeros and the mark."""
        source, set_path = self.source(invalid=False)
        target = self.mount("ntfs")
        self.sisbackup("restore", set_path, target)
        path = os.path.join(target, "unfinished")
        with open(path, "wb") as f:
            f.truncate(5000)
        os.setxattr(path, "trusted.backupapi_sis",
                    b"filling\0" + os.getxattr(os.path.join(source, "one"), REPARSE))
        done = self.sisbackup("backup", target, self.path("again"), expect=1)
        self.assertRegex(done.stderr, b"unfinished.*a restore of this link did not end")
        self.assertFalse([line for line in self.manifest(self.path("again"))
                          if "\tunfinished\t" in line])
        self.assert_good_set(self.path("again"))

    def test_a_file_under_a_lease(self):
        volume = self.mount("ext4")
        path = os.path.join(volume, "leased")
        with open(path, "wb") as f:
            f.write(b"under a lease\n")
        fd = os.open(path, os.O_RDWR)
        broken = []

        def give_up(_signal, _frame):
            broken.append(True)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        before = signal.signal(signal.SIGIO, give_up)
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            self.sisbackup("backup", volume, self.path("set"))
        finally:
            os.close(fd)
            signal.signal(signal.SIGIO, before)
        self.assertTrue(broken)
        self.assertEqual(sha256(self.path("set", "files", "leased")), sha256(path))


if __name__ == "__main__":
    sissite.main()
