"""sisbackup where store files are not what links were made from, on volumes and in sets."""

import hashlib
import json
import os
import shutil
import struct

import sissite
from sissite import STORE, Volumes, extents, run, sha256
from test_sis import REAL, REAL_STORE_FILE

BLOCK = 4096
LARGE = ("one", "same/as one", "same/as/one, too", "same/three")
SMALL = ("two", "same/two")


def change_byte(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def word_hash(content):
    value = 0
    for (word,) in struct.iter_unpack("<I", content + bytes(-len(content) % 4)):
        value = (value * 131 + word) % 2**64
    return value


def sum_record(content):
    """What <guid>.sum says of a store file with CONTENT."""
    record = (b"BKSUM 1\n" + struct.pack("<QQ", len(content), word_hash(content)) +
              hashlib.sha256(content).digest())
    check = 0xcbf29ce484222325
    for byte in record:
        check = (check ^ byte) * 0x100000001b3 % 2**64
    return record + struct.pack("<Q", check)


class Damage(Volumes):
    def store_file(self, top):
        """The larger of the two, where LARGE is."""
        directory = os.path.join(top, STORE) if STORE in os.listdir(top) else (
            os.path.join(top, "store"))
        return max((os.path.join(directory, name) for name in os.listdir(directory)
                    if name.endswith(".sis")), key=os.path.getsize)

    def restored_from(self, volume, damaged):
        """A backup of VOLUME that finds the store file DAMAGED, restored."""
        done = self.sisbackup("backup", volume, self.path("damaged"), expect=1)
        self.assertRegex(done.stderr.decode(),
                         rf"{os.path.basename(damaged)}: damaged: .*ERROR_CRC")
        self.assertEqual(done.stderr.count(b"ERROR_CRC"), 1, done.stderr)
        self.assert_good_set(self.path("damaged"))
        for name in LARGE:
            self.assertFalse(self.is_link(self.path("damaged"), name.replace(" ", "%20")))
        for name in SMALL:
            self.assertTrue(self.is_link(self.path("damaged"), name))
        back = self.mount("xfs", "back")
        self.sisbackup("restore", self.path("damaged"), back)
        self.sislink("check", back)
        self.assertTrue(os.path.samefile(os.path.join(back, "one"),
                                         os.path.join(back, "same", "hard link")))
        return back

    def assert_content(self, back, names, digest):
        for name in names:
            self.assertEqual(sha256(os.path.join(back, name)), digest, name)

    def test_bare_links_to_a_damaged_store_file(self):
        source, set_path = self.source()
        volume = self.mount("ext4")
        self.sisbackup("restore", "--bare-links", set_path, volume)
        damaged = self.store_file(volume)
        change_byte(damaged, 5000)
        self.settle()
        back = self.restored_from(volume, damaged)
        self.assert_content(back, LARGE, sha256(damaged))
        self.assert_content(back, SMALL, sha256(os.path.join(source, "two")))
        metadata = os.stat(os.path.join(source, "one"))
        found = os.stat(os.path.join(back, "one"))
        self.assertEqual((found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns),
                         (metadata.st_mode, metadata.st_uid, metadata.st_gid,
                          metadata.st_mtime_ns))

    def test_links_with_content_of_their_own_keep_it(self):
        source, set_path = self.source()
        volume = self.mount("ext4")
        self.sisbackup("restore", set_path, volume)
        damaged = self.store_file(volume)
        change_byte(damaged, 5000)
        back = self.restored_from(volume, damaged)
        self.assert_same_tree(source, back)

    def test_bit_rot_in_extents_that_links_share(self):
        volume = self.mount("xfs", "rotten")
        self.fill(volume)
        self.sislink("link", volume)
        damaged = self.store_file(volume)
        before = sha256(damaged)
        _, physical, _ = extents(damaged)[0]
        run(["umount", volume])
        with open(volume + ".img", "r+b") as image:
            image.seek(int(physical) * BLOCK + 5000)
            image.write(b"ROT")
        run(["mount", "-o", "loop", volume + ".img", volume])
        rotten = sha256(damaged)
        self.assertNotEqual(rotten, before)
        back = self.restored_from(volume, damaged)
        self.assert_content(back, LARGE, rotten)
        self.assert_same_tree(volume, back)

    def test_plain_files_that_do_not_fit(self):
        first, volume, sets = self.mount("xfs"), self.mount("ext4"), self.mount(
            "tmpfs", "sets", size="12m")
        content = os.urandom(5 << 20)
        for name in ("a", "b", "c"):
            with open(os.path.join(first, name), "wb") as f:
                f.write(content)
        self.sislink("link", first)
        self.sisbackup("backup", first, self.path("linked"))
        self.sisbackup("restore", "--bare-links", self.path("linked"), volume)
        self.sisbackup("backup", volume, os.path.join(sets, "good"))
        shutil.rmtree(os.path.join(sets, "good"))
        change_byte(self.store_file(volume), 5)
        done = self.sisbackup("backup", volume, os.path.join(sets, "damaged"), expect=1)
        self.assertIn(b"ERROR_CRC", done.stderr)
        self.assertIn(b"ERROR_DISK_FULL", done.stderr)
        self.assertEqual(os.listdir(sets), [])

    def test_a_set_whose_checksums_were_made_anew(self):
        _, set_path = self.source()
        damaged = self.store_file(set_path)
        name = "store/" + os.path.basename(damaged)
        change_byte(damaged, 777)
        self.replace_sum(set_path, name, sha256(damaged))
        run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=set_path)
        done = self.sisbackup("verify", set_path, expect=1)
        self.assertRegex(done.stderr.decode(), rf"{name}: not the content .*ERROR_CRC")
        said = json.loads(self.sisbackup("verify", "--json", set_path, expect=1).stdout)[0]
        self.assertFalse(said["good"])
        self.assertEqual(len(said["problems"]), 1)

    def test_a_link_of_another_size_than_its_store_file(self):
        _, set_path = self.source()
        size = str(os.path.getsize(self.store_file(set_path)))
        text = "\n".join(line.replace(f"\t{size}\t", f"\t{int(size) + 1}\t", 1)
                         if line.startswith("link\tone\t") else line
                         for line in self.manifest(set_path)) + "\n"
        self.replace_manifest(set_path, text)
        self.assertIn(b"ERROR_CRC", self.sisbackup("verify", set_path, expect=1).stderr)

    def test_store_files_with_holes(self):
        volume = self.mount("xfs")
        for name in ("a", "b"):
            with open(os.path.join(volume, name), "wb") as f:
                f.seek(1 << 20)
                f.write(b"in the middle " * 1000)
                f.truncate((3 << 20) + 1)
        self.sislink("link", volume)
        self.sisbackup("backup", volume, self.path("set"))
        for kind in ("ext4", "tmpfs"):
            other, again = self.mount(kind), self.path("again-" + kind)
            self.sisbackup("restore", "--bare-links", self.path("set"), other)
            self.sisbackup("backup", other, again)
            self.assert_good_set(again)
            self.assertEqual(self.kinds(again).count("link"), 2)
            self.assertLess(os.path.getsize(self.store_file(again)), 1 << 18)

    def windows_volume(self, content):
        volume = self.mount("ntfs")
        os.mkdir(os.path.join(volume, STORE))
        path = os.path.join(volume, "link")
        record = REAL_STORE_FILE.replace(".sis", ".sum")
        for name, what in ((f"{STORE}/{REAL_STORE_FILE}", content),
                           (f"{STORE}/{record}", sum_record(content)), ("link", b"")):
            with open(os.path.join(volume, name), "wb") as f:
                f.write(what)
        run(["setfattr", "-h", "-n", "system.ntfs_reparse_data", "-v",
             "0x" + REAL.hex(), path])
        self.remount("ntfs", volume)
        return volume

    def test_links_made_by_windows_to_what_is_not_as_recorded(self):
        volume = self.windows_volume(b"the content of a Windows link\n" * 100)
        self.sisbackup("backup", volume, self.path("set"))
        self.assertTrue(self.is_link(self.path("set"), "link"))
        damaged = self.store_file(volume)
        change_byte(damaged, 700)
        done = self.sisbackup("backup", volume, self.path("damaged"), expect=1)
        self.assertRegex(done.stderr.decode(),
                         rf"{REAL_STORE_FILE}: damaged: .*recorded.*ERROR_CRC")
        self.assertFalse(self.is_link(self.path("damaged"), "link"))
        back = self.mount("tmpfs")
        self.sisbackup("restore", self.path("damaged"), back)
        self.assertEqual(read(os.path.join(back, "link")), read(damaged))


if __name__ == "__main__":
    sissite.main()
