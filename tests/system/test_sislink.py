"""sislink as a program: what each command prints, for people and for programs, and how it
ends."""

import json
import os
import pty
import re
import subprocess
import threading

import sissite
from sissite import REPARSE, SISLINK, STORE, Volumes, extents, sha256

SIZE = 200000
NAMES = ("a", "b", "sub/c")
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
SUMMARY = ("files", "links", "duplicates", "bytes", "saved_bytes", "store_files", "changed",
           "skipped", "damaged", "orphaned")


class Volume(Volumes):
    """An XFS volume with three files of one content, two small ones of another, and one that
    is alone."""

    def setUp(self):
        super().setUp()
        self.volume = self.mount("xfs", "volume")
        os.mkdir(self.at("sub"))
        content = os.urandom(SIZE)
        for name in NAMES:
            self.put(name, content)
        for name in ("small", "sub/small"):
            self.put(name, b"small\n" * 1000)
        self.put("alone", b"alone\n")

    def at(self, *parts):
        return os.path.join(self.volume, *parts)

    def put(self, name, content):
        with open(self.at(name), "wb") as f:
            f.write(content)

    def text(self, *args, expect=0):
        """The lines of a command that says nothing else."""
        done = self.sislink(*args, expect=expect)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().splitlines()

    def json(self, command, *options, expect=0, volume=None):
        """Events, as pairs of kind and path, and the summary."""
        done = self.sislink(command, "--json", *options, volume or self.volume, expect=expect)
        said = json.loads(done.stdout)
        self.assertEqual(list(said), ["command", "volume", "events", "summary"])
        self.assertEqual((said["command"], said["volume"]), (command, volume or self.volume))
        self.assertEqual(tuple(said["summary"]), SUMMARY)
        for event in said["events"]:
            self.assertIsInstance(event["bytes"], int)
        return said["events"], said["summary"]

    def assert_summary(self, summary, **expected):
        self.assertEqual({key: summary[key] for key in expected}, expected)

    def store_files(self):
        return sorted(name for name in os.listdir(self.at(STORE)) if name.endswith(".sis"))

    def guid_of(self, name):
        return self.show(name)[0]["guid"]

    def show(self, *names, expect=0):
        return json.loads(self.sislink("show", "--json", self.volume, *map(self.at, names),
                                       expect=expect).stdout)


class Commands(Volume):
    def test_scan(self):
        lines = self.text("scan", self.volume)
        pairs = [re.fullmatch(r"(.*) is the same as (.*)", line) for line in lines]
        same = [{os.path.relpath(path, self.volume) for path in found.groups()}
                for found in pairs if found]
        self.assertEqual(len(same), 3)
        self.assertEqual(set.union(*(pair for pair in same if "small" not in pair)), set(NAMES))
        self.assertIn({"small", "sub/small"}, same)
        self.assertEqual(lines[3:], [
            "6 files (597.7 KiB), 0 of them links; 0 in the common store", "duplicates: 3",
            "linking them would save: 396.5 KiB"])
        events, summary = self.json("scan")
        self.assertEqual({event["event"] for event in events}, {"duplicate"})
        self.assertEqual({event["bytes"] for event in events}, {SIZE, 6000})
        for event in events:
            self.assertEqual(sha256(event["path"]), sha256(event["other"]))
        self.assert_summary(summary, files=6, links=0, duplicates=3, bytes=3 * SIZE + 12006,
                            saved_bytes=2 * SIZE + 6000, store_files=0, changed=0)
        self.assertNotIn(STORE, os.listdir(self.volume), "scan changes nothing")

    def test_minimum(self):
        for minimum, duplicates in (("6000", 3), ("6001", 2), ("5K", 3), ("6K", 2),
                                    (str(SIZE), 2), (str(SIZE + 1), 0), ("1G", 0)):
            _, summary = self.json("scan", "--minimum", minimum)
            self.assertEqual(summary["duplicates"], duplicates, minimum)
        _, summary = self.json("link", "--minimum", "7000")
        self.assert_summary(summary, links=3, store_files=1)
        self.sislink("show", self.volume, self.at("small"), expect=1)
        for wrong in ("", "K", "1X", "-1", "1.5K", "99999999999999999999", "99999999T"):
            done = self.sislink("scan", "--minimum", wrong, self.volume, expect=2)
            self.assertIn(b"not a size", done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_link(self):
        before = sissite.tree(self.volume)
        lines = self.text("link", self.volume)
        linked = [re.fullmatch(rf"(.*) is now a link to .*/{STORE}/({GUID}\.sis)", line)
                  for line in lines]
        linked = [found.groups() for found in linked if found]
        self.assertEqual({os.path.relpath(path, self.volume) for path, _ in linked},
                         {*NAMES, "small", "sub/small"})
        self.assertEqual({name for _, name in linked}, set(self.store_files()))
        self.assertEqual(lines[5:], [
            "6 files (597.7 KiB), 5 of them links; 2 in the common store", "duplicates: 3",
            "changed: 5", "saved: 396.5 KiB"])
        self.assertEqual(sissite.tree(self.volume), before)
        self.assertEqual(extents(self.at("a")), extents(self.at("sub/c")))
        self.assertEqual(self.text("link", self.volume)[-1], "saved: 0 B")

    def test_link_as_json(self):
        events, summary = self.json("link")
        self.assertEqual({(event["event"], event["bytes"]) for event in events},
                         {("linked", SIZE), ("linked", 6000)})
        for event in events:
            self.assertEqual(sha256(event["path"]), sha256(event["other"]))
        self.assert_summary(summary, links=5, changed=5, store_files=2,
                            saved_bytes=2 * SIZE + 6000, skipped=0)
        self.put("d", b"alone\n")
        with open(self.at("alone"), "ab"):
            events, summary = self.json("link")
        self.assertIn(("skipped", self.at("alone")),
                      [(event["event"], event["path"]) for event in events])
        self.assertTrue(all(event["reason"] for event in events if event["event"] == "skipped"))
        self.assert_summary(summary, skipped=1, changed=1, links=6)

    def test_show(self):
        self.sislink("link", self.volume)
        path = self.at("a")
        lines = self.text("show", self.volume, path)
        self.assertEqual(lines[0], path + ":")
        fields = dict(re.fullmatch(r"  (\w+(?: \w+)*)  +(.*)", line).groups()
                      for line in lines[1:])
        said = self.show("a", "sub/c")
        self.assertEqual([link["path"] for link in said], [path, self.at("sub/c")])
        first, other = said
        self.assertEqual(list(first), [
            "path", "guid", "version", "link_index", "link_file_id", "store_file_id",
            "content_checksum", "size", "intact", "vouched", "store_file", "made_here"])
        self.assertIn(first["guid"] + ".sis", self.store_files())
        stored = os.stat(self.at(STORE, first["guid"] + ".sis"))
        self.assertEqual(int(first["store_file_id"], 16), stored.st_ino)
        self.assertEqual(int(first["link_file_id"], 16), os.stat(path).st_ino)
        self.assertEqual(first["size"], SIZE)
        for key in ("intact", "vouched", "store_file", "made_here"):
            self.assertIs(first[key], True, key)
        for key in ("guid", "store_file_id", "content_checksum", "size"):
            self.assertEqual(first[key], other[key])
        self.assertNotEqual(first["link_index"], other["link_index"])
        self.assertEqual(fields, {
            "store file": first["guid"] + ".sis", "size": str(SIZE), "format version": "5",
            "link index": str(int(first["link_index"], 16)),
            "link file id": first["link_file_id"], "store file id": first["store_file_id"],
            "content checksum": first["content_checksum"], "made by": "this library",
            "vouched for": "yes", "intact": "yes"})

    def test_show_of_a_link_that_was_written_to(self):
        self.sislink("link", self.volume)
        with open(self.at("a"), "r+b") as f:
            f.write(b"new")
        self.assertIs(self.show("a")[0]["intact"], False)
        self.assertIn("  intact            no: does not read as its store file",
                      self.text("show", self.volume, self.at("a")))

    def test_unlink(self):
        self.sislink("link", self.volume)
        before = sissite.tree(self.volume)
        self.assertEqual(self.text("unlink", self.volume, self.at("a"), self.at("sub/c")),
                         [self.at("a") + " is a plain file", self.at("sub/c") + " is a plain file"])
        self.assertEqual(sissite.tree(self.volume), before)
        self.assertNotIn(REPARSE, os.listxattr(self.at("a")))
        self.assert_summary(self.json("check")[1], links=3, orphaned=0, damaged=0)
        done = self.sislink("unlink", self.volume, self.at("a"), self.at("b"), expect=1)
        self.assertIn(b"ERROR_NOT_A_REPARSE_POINT", done.stderr)
        self.assertEqual(done.stdout.decode(), self.at("b") + " is a plain file\n")
        self.assertEqual(self.text("unlink", "--quiet", self.volume, self.at("small")), [])

    def test_check(self):
        self.sislink("link", self.volume)
        self.assertEqual(self.text("check", self.volume), [
            "6 files (597.7 KiB), 5 of them links; 2 in the common store"])
        events, summary = self.json("check")
        self.assertEqual(events, [])
        self.assert_summary(summary, files=6, links=5, store_files=2, damaged=0, orphaned=0)

    def test_check_of_a_damaged_store_file(self):
        self.sislink("link", self.volume)
        name = self.guid_of("a") + ".sis"
        with open(self.at(STORE, name), "r+b") as f:
            f.write(b"damage")
        done = self.sislink("check", "--quiet", self.volume, expect=1)
        said = done.stderr.decode().splitlines()
        self.assertEqual(done.stdout, b"")
        self.assertIn(f"sislink: {self.at(STORE, name)}: has not the content that is recorded "
                      "for it", said)
        self.assertRegex(said[-1], r"damage was found \(ERROR_CRC, 0x80070017\)")
        for link in NAMES:
            self.assertTrue(any(self.at(link) + ": " in line for line in said), link)
        events, summary = self.json("check", expect=1)
        damaged = [event for event in events if event["event"] == "damaged"]
        self.assertEqual(sorted(event["path"] for event in damaged),
                         sorted(self.at(link) for link in (*NAMES, STORE + "/" + name)))
        self.assertTrue(all(event["reason"] for event in damaged))
        self.assert_summary(summary, damaged=4)

    def test_orphans_are_no_damage_and_gc_removes_them(self):
        self.sislink("link", self.volume)
        orphan = self.at(STORE, self.guid_of("a") + ".sis")
        self.assertIn("6 files (597.7 KiB), 5 of them links; 2 in the common store",
                      self.text("gc", self.volume))
        for name in NAMES:
            os.unlink(self.at(name))
        lines = self.text("check", self.volume)
        self.assertIn("no link needs: " + orphan, lines)
        self.assertIn("no link needs: 1", lines)
        found = [{"event": "orphaned", "path": orphan, "bytes": SIZE}]
        for args in (("check",), ("gc", "--dry-run")):
            events, summary = self.json(*args)
            self.assertEqual(events, found)
            self.assert_summary(summary, orphaned=1, damaged=0, changed=0, store_files=2)
        self.assertEqual(self.text("gc", "--dry-run", self.volume)[-1],
                         "this would free: 195.3 KiB")
        self.assertTrue(os.path.exists(orphan), "a dry run")
        events, summary = self.json("gc")
        self.assertEqual(events, found + [{"event": "removed", "path": orphan, "bytes": SIZE}])
        self.assert_summary(summary, orphaned=1, changed=1, store_files=1, saved_bytes=SIZE)
        self.assertFalse(os.path.exists(orphan))
        self.assertEqual(self.text("gc", self.volume)[-1], "freed: 0 B")
        self.assert_summary(self.json("check")[1], orphaned=0, links=2)

    def test_gc_as_text(self):
        self.sislink("link", self.volume)
        orphan = self.at(STORE, self.guid_of("small") + ".sis")
        os.unlink(self.at("small"))
        os.unlink(self.at("sub/small"))
        lines = self.text("gc", self.volume)
        self.assertEqual(lines[:2], ["no link needs: " + orphan, "removed: " + orphan])
        self.assertEqual(lines[-2:], ["changed: 1", "freed: 5.9 KiB"])
        self.assertEqual(self.text("gc", "--quiet", self.volume), [])


class Trouble(Volume):
    def test_links_to_a_store_file_that_nobody_knows(self):
        self.sislink("link", self.volume)
        guid = self.guid_of("a")
        os.unlink(self.at(STORE, guid + ".sis"))
        self.assertIn(f"  store file        {guid}.sis (missing)",
                      self.text("show", self.volume, self.at("a")))
        self.assertIs(self.show("a")[0]["store_file"], False)
        events, summary = self.json("check", expect=1)
        self.assertEqual({event["path"] for event in events}, set(map(self.at, NAMES)))
        for event in events:
            self.assertEqual(event["event"], "damaged")
            self.assertIn(guid + ".sis is missing", event["reason"])
        self.assert_summary(summary, damaged=3)
        self.assertEqual(len(self.store_files()), 1)
        self.json("gc")
        self.assertEqual(len(self.store_files()), 1, "the other is still needed")

    def test_files_that_are_no_links(self):
        self.sislink("link", self.volume)
        os.symlink("a", self.at("symlink"))
        for name, error in (("alone", b"ERROR_NOT_A_REPARSE_POINT"),
                            ("no such file", b"ERROR_FILE_NOT_FOUND"),
                            ("symlink", b"ERROR_NOT_A_REPARSE_POINT")):
            for command in ("show", "unlink"):
                done = self.sislink(command, self.volume, self.at(name), expect=1)
                self.assertIn(error, done.stderr)
                self.assertEqual(done.stdout, b"")
            self.assertEqual([link["path"] for link in self.show(name, "a", expect=1)],
                             [self.at("a")], "every operand is tried")

    def test_what_is_no_volume(self):
        for command in ("scan", "link", "check", "gc"):
            done = self.sislink(command, self.path("nowhere"), expect=1)
            self.assertIn(b"ERROR_FILE_NOT_FOUND", done.stderr)
            done = self.sislink(command, self.at("a"), expect=1)
            self.assertIn(b"ERROR_PATH_NOT_FOUND", done.stderr)
            self.assertEqual(done.stdout, b"")
            self.json(command, volume=self.at("a"), expect=1)
        for command in ("check", "gc"):
            done = self.sislink(command, self.volume, expect=1)
            self.assertIn(b"the volume has no common store (ERROR_PATH_NOT_FOUND", done.stderr)
        for command in ("show", "unlink"):
            done = self.sislink(command, self.path("nowhere"), self.at("a"), expect=1)
            self.assertIn(b"ERROR_FILE_NOT_FOUND", done.stderr)

    def test_where_extents_cannot_be_shared(self):
        other = self.mount("tmpfs")
        for name in ("x", "y"):
            with open(os.path.join(other, name), "wb") as f:
                f.write(b"the same\n" * 1000)
        self.assert_summary(self.json("scan", volume=other)[1], duplicates=1)
        done = self.sislink("link", other, expect=1)
        self.assertIn(b"ERROR_NOT_SUPPORTED", done.stderr)

    def test_usage(self):
        wrong = ((), ("nonsense",), ("scan",), ("show", "x"), ("unlink", "x"), ("check",),
                 ("scan", "x", "y"), ("gc", "x", "y"), ("link", "--bogus", "x"),
                 ("gc", "--minimum", "1", "x"), ("scan", "--dry-run", "x"),
                 ("unlink", "--json", "x", "y"), ("scan", "--minimum"))
        for args in wrong:
            done = self.sislink(*args, expect=2)
            self.assertEqual(done.stdout, b"", args)
            self.assertIn(b"sislink", done.stderr)
        said = self.sislink("--help").stdout.decode()
        for command in ("scan", "link", "unlink", "show", "check", "gc"):
            self.assertRegex(said, rf"(?m)^ +{command}\b")
            self.assertIn(f"usage: sislink {command} ",
                          self.sislink(command, "--help").stdout.decode())
        self.assertRegex(self.sislink("--version").stdout, rb"^sislink \d")


class Progress(Volume):
    def on_terminal(self, *args):
        """What SISLINK shows on a terminal that is its standard error."""
        terminal, slave = pty.openpty()
        shown = bytearray()

        def collect():
            try:
                while piece := os.read(terminal, 4096):
                    shown.extend(piece)
            except OSError:
                pass  # nobody has the other end open any more
        reader = threading.Thread(target=collect)
        reader.start()
        try:
            subprocess.run([SISLINK, *args, self.volume], env=self.env, stderr=slave,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300,
                           check=True)
        finally:
            os.close(slave)
            reader.join()
            os.close(terminal)
        return bytes(shown)

    def test_a_bar_on_a_terminal_only(self):
        for command, what in (("scan", b"reading"), ("link", b"linking"), ("check", b"checking")):
            self.assertEqual(self.on_terminal(command, "--quiet"), b"")
            if command == "link":
                self.sislink("unlink", self.volume,
                             *(self.at(name) for name in (*NAMES, "small", "sub/small")))
            shown = self.on_terminal(command)
            self.assertRegex(shown, rb"\r\x1b\[K" + what + rb" \[[#.]+\] +\d+%  .* of [\d.]+ \w*B")
            self.assertTrue(shown.endswith(b"\r\x1b[K"), "the bar is gone at the end")
            self.assertEqual(self.sislink(command, self.volume).stderr, b"")


if __name__ == "__main__":
    sissite.main()
