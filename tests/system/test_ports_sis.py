"""examples/ports/siswalk saves a volume, each shared content once."""

import hashlib
import os
import subprocess

import sissite

SISWALK = os.environ["SISWALK"]


class Siswalk(sissite.Volumes):
    def walk(self, volume, target, expect=0):
        done = subprocess.run([SISWALK, volume, target], env=self.env, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def files(self, top):
        found = {}
        for directory, _, names in os.walk(os.fsencode(top)):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, os.fsencode(top))] = f.read()
        return found

    def assert_saved(self, volume, target):
        """TARGET has all of VOLUME; returns how many of its files are links."""
        store = os.fsencode(sissite.STORE) + b"/"
        files = self.files(target + "/files")
        links = self.files(target + "/links")
        contents = self.files(target + "/store")
        shared = set()
        for name, content in self.files(volume).items():
            if name.startswith(store):
                continue
            path = os.path.join(os.fsencode(volume), name)
            if name in links:
                self.assertNotIn(name, files)
                self.assertEqual(links.pop(name), os.getxattr(path, sissite.REPARSE))
                shared.add(hashlib.sha256(content).digest())
            else:
                self.assertEqual(files.pop(name), content)
        self.assertEqual((files, links), ({}, {}))
        saved = [hashlib.sha256(content).digest() for name, content in contents.items()
                 if name.endswith(b".sis")]
        self.assertEqual(sorted(saved), sorted(shared))
        self.assertIn(store + b"MaxIndex", contents)
        return len(shared)

    def test_shared_contents_are_saved_once(self):
        volume = self.mount("xfs")
        self.fill(volume)
        self.sislink("link", volume)
        done = self.walk(volume, self.path("set"))
        self.assertEqual(self.assert_saved(volume, self.path("set")), 2)
        self.assertIn(f"common store: {volume}/{sissite.STORE}".encode(), done.stdout)

    def test_a_link_that_was_written_to_is_a_plain_file(self):
        volume = self.mount("btrfs")
        self.fill(volume)
        self.sislink("link", volume)
        with open(volume + "/two", "r+b") as f:
            f.write(b"changed")
        self.walk(volume, self.path("set"))
        self.assert_saved(volume, self.path("set"))
        self.assertIn(b"two", self.files(self.path("set/files")))

    def test_a_volume_without_a_common_store_is_none(self):
        volume = self.mount("tmpfs")
        done = self.walk(volume, self.path("set"), expect=1)
        self.assertIn(b"0x00000003", done.stderr)
        self.assertFalse(os.path.exists(self.path("set")))


if __name__ == "__main__":
    sissite.main()
