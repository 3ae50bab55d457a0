"""sisbackup and sislink on real file systems, in image files."""

import json
import os
import re
import shutil
import subprocess
import unittest

import sissite
from sissite import KINDS, REPARSE, SHARING, STORE, Volumes, extents, run, sha256

DOC = os.environ["SIS_DOC"]

# A link made by Windows, as published.
REAL = bytes.fromhex(
    "0700008040000000"
    "05000000 10b011b1 22490e0b 346dea11 9b830050 5688148e"
    "69352102 00000000 3c6a2e00 00000100 30b90300 00000600"
    "10cc4597 4c85b889 6339222c 9e054bbd")
REAL_STORE_FILE = "0b0e4922-6d34-11ea-9b83-00505688148e.sis"


class RoundTrip(Volumes):
    def link_everywhere(self, first):
        """Volumes of every kind with the same files, and a set of each."""
        volumes = {kind: self.mount(kind) for kind in KINDS}
        self.fill(volumes[first], invalid=False)
        self.sislink("link", volumes[first])
        self.settle()
        self.sisbackup("backup", volumes[first], self.path("set-" + first))
        return volumes

    def test_every_kind_to_every_other(self):
        volumes = self.link_everywhere("xfs")
        original, whole = self.path("set-xfs"), sissite.tree(volumes["xfs"])
        poor = sissite.tree(volumes["xfs"], poor=True)
        for kind in KINDS[1:]:
            self.sisbackup("restore", original, volumes[kind])
            self.sislink("check", volumes[kind])
            self.sisbackup("backup", volumes[kind], self.path("set-" + kind))
            self.assert_good_set(self.path("set-" + kind))
        links = self.kinds(original).count("link")
        self.assertEqual(links, 6)
        for kind in KINDS:
            # Without a plug-in, links on NTFS come back as plain files.
            self.assertEqual(self.kinds(self.path("set-" + kind)).count("link"),
                             0 if kind == "ntfs" else links)
        for source in KINDS:
            for target in KINDS:
                if source == target:
                    continue
                self.clear(volumes[target])
                self.sisbackup("restore", self.path("set-" + source), volumes[target])
                through_ntfs = "ntfs" in (source, target)
                found = sissite.tree(volumes[target], poor=through_ntfs)
                for name, what in (poor if through_ntfs else whole).items():
                    self.assertEqual(found.get(name), what, f"{source} to {target}: {name}")

    def test_restored_links_share_extents_again(self):
        for kind in SHARING:
            volume = self.mount(kind)
            self.fill(volume)
            self.sislink("link", volume)
            self.sisbackup("backup", volume, self.path("set-" + kind))
            self.clear(volume)
            self.sisbackup("restore", self.path("set-" + kind), volume)
            first = extents(os.path.join(volume, "one"))
            self.assertTrue(first)
            for name in ("same/as one", "same/as/one, too", "same/three"):
                self.assertEqual(extents(os.path.join(volume, name)), first, name)

    def test_a_set_holds_shared_content_once(self):
        _, set_path = self.source()
        self.assert_good_set(set_path)
        stored = [name for name in os.listdir(os.path.join(set_path, "store"))
                  if name.endswith(".sis")]
        self.assertEqual(len(stored), 2)
        self.assertFalse(os.path.exists(os.path.join(set_path, "files", "one")))
        self.assertEqual(self.kinds(set_path).count("link"), 6)

    def test_sparse_files_stay_sparse(self):
        _, set_path = self.source()
        self.assertLess(os.path.getsize(os.path.join(set_path, "files", "sparse")), 1 << 18)
        for kind in ("btrfs", "ext4", "tmpfs"):
            volume = self.mount(kind)
            self.sisbackup("restore", set_path, volume)
            self.assertLess(os.stat(os.path.join(volume, "sparse")).st_blocks * 512, 1 << 18)
            self.assertEqual(os.stat(os.path.join(volume, "hole")).st_blocks, 0)

    def test_bare_links_hold_no_data_and_are_links_still(self):
        source, set_path = self.source(invalid=False)
        for kind in ("ext4", "tmpfs", "ntfs"):
            volume = self.mount(kind)
            self.sisbackup("restore", "--bare-links", set_path, volume)
            if kind == "ntfs":
                self.remount(kind, volume)
            # Attributes may take a block.
            self.assertLess(os.lstat(os.path.join(volume, "one")).st_blocks * 512, 8192)
            again = self.path("again-" + kind)
            self.sisbackup("backup", volume, again)
            self.assertEqual(self.kinds(again).count("link"), 6)
            back = self.mount("tmpfs", "back-" + kind)
            self.sisbackup("restore", again, back)
            self.assert_same_tree(source, back, poor=kind == "ntfs")

    def test_a_volume_without_links_needs_no_store(self):
        volume, back = self.mount("ext4"), self.mount("tmpfs")
        self.fill(volume)
        self.sisbackup("backup", volume, self.path("set"))
        self.sisbackup("restore", self.path("set"), back)
        self.assert_same_tree(volume, back)
        self.assertNotIn(STORE, os.listdir(back))


class Links(Volumes):
    def test_writing_to_one_leaves_the_others_alone(self):
        for kind in SHARING:
            volume, back = self.mount(kind), self.mount("tmpfs", "back-" + kind)
            self.fill(volume)
            self.sislink("link", volume)
            os.sync()
            one, other = os.path.join(volume, "same", "three"), os.path.join(volume, "one")
            old = sha256(other)
            with open(one, "r+b") as f:
                f.seek(5000)
                f.write(b"new content")
            new = sha256(one)
            self.assertNotEqual(new, old)
            self.assertEqual(sha256(other), old)
            self.sisbackup("backup", volume, self.path("set-" + kind))
            self.assertFalse(self.is_link(self.path("set-" + kind), "same/three"))
            self.sisbackup("restore", self.path("set-" + kind), back)
            self.assertEqual(sha256(os.path.join(back, "same", "three")), new)
            self.assertEqual(sha256(os.path.join(back, "one")), old)

    def test_written_to_with_its_time_set_back(self):
        for kind in ("xfs", "ext4"):
            volume = self.mount(kind)
            if kind == "xfs":
                self.fill(volume)
                self.sislink("link", volume)
                self.sisbackup("backup", volume, self.path("set"))
            else:
                self.sisbackup("restore", self.path("set"), volume)
            path = os.path.join(volume, "same", "three")
            st = os.stat(path)
            with open(path, "r+b") as f:
                f.write(b"!")
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
            again = self.path("again-" + kind)
            self.sisbackup("backup", volume, again)
            self.assertFalse(self.is_link(again, "same/three"))
            self.assertTrue(self.is_link(again, "two"))
            self.assertEqual(sha256(os.path.join(again, "files", "same", "three")),
                             sha256(path))

    def test_times_set_after_the_reparse_data(self):
        _, set_path = self.source()
        for kind in ("btrfs", "ext4"):
            for bare in ([], ["--bare-links"]):
                volume = self.mount(kind, kind + str(len(bare)))
                self.sisbackup("restore", *bare, set_path, volume)
                for name in ("one", "two", "same/three"):
                    os.utime(os.path.join(volume, name), ns=(1, 981173106000000000))
                again = self.path("again-" + os.path.basename(volume))
                self.sisbackup("backup", volume, again)
                self.assertEqual(self.kinds(again).count("link"), 6)

    def test_links_made_by_windows(self):
        volume = self.mount("ntfs")
        os.mkdir(os.path.join(volume, STORE))
        content = b"the content of a Windows link\n" * 100
        with open(os.path.join(volume, STORE, REAL_STORE_FILE), "wb") as f:
            f.write(content)
        for name in ("empty", "sparse"):
            path = os.path.join(volume, name)
            with open(path, "wb") as f:
                f.truncate(len(content) if name == "sparse" else 0)
            run(["setfattr", "-h", "-n", "system.ntfs_reparse_data", "-v", "0x" + REAL.hex(),
                 path])
        self.remount("ntfs", volume)
        self.sisbackup("backup", volume, self.path("set"))
        for name in ("empty", "sparse"):
            line = [line for line in self.manifest(self.path("set"))
                    if line.startswith("link\t" + name)]
            self.assertEqual(len(line), 1)
            self.assertIn(f"\t{len(content)}\t", line[0])
            self.assertIn(REAL.hex(), line[0])
        other = self.mount("ntfs", "other")
        self.sisbackup("restore", "--bare-links", self.path("set"), other)
        self.remount("ntfs", other)
        for name in ("empty", "sparse"):
            self.assertEqual(os.getxattr(os.path.join(other, name), "system.ntfs_reparse_data",
                                         follow_symlinks=False), REAL)
        for kind in ("ext4", "btrfs"):
            back = self.mount(kind)
            self.sisbackup("restore", self.path("set"), back)
            with open(os.path.join(back, "sparse"), "rb") as f:
                self.assertEqual(f.read(), content)
            self.assertEqual(os.getxattr(os.path.join(back, "empty"), REPARSE), REAL)

    def test_a_windows_link_without_its_store_file_is_missed_loudly(self):
        volume = self.mount("ntfs")
        path = os.path.join(volume, "lost")
        with open(path, "wb"):
            pass
        run(["setfattr", "-h", "-n", "system.ntfs_reparse_data", "-v", "0x" + REAL.hex(), path])
        self.remount("ntfs", volume)
        done = self.sisbackup("backup", volume, self.path("set"), expect=1)
        self.assertIn(b"lost", done.stderr)
        self.assertNotIn("symlink", self.kinds(self.path("set")))


class Restore(Volumes):
    def test_single_paths_with_the_store_files_they_need(self):
        source, set_path = self.source()
        volume = self.mount("ext4")
        self.sisbackup("restore", set_path, volume, "same/three", "/plain again/", "./nothing")
        self.assertEqual(sorted(set(os.listdir(volume)) - {"lost+found"}),
                         [STORE, "nothing", "plain again", "same"])
        self.assertEqual(os.listdir(os.path.join(volume, "same")), ["three"])
        stored = [n for n in os.listdir(os.path.join(volume, STORE)) if n.endswith(".sis")]
        self.assertEqual(len(stored), 1)
        for name in ("same/three", "plain again"):
            self.assertEqual(sha256(os.path.join(volume, name)),
                             sha256(os.path.join(source, name)))
        self.sisbackup("restore", set_path, volume, "same/hard link")
        self.assertEqual(len([n for n in os.listdir(os.path.join(volume, STORE))
                              if n.endswith(".sis")]), 1, "restored again")
        self.sisbackup("restore", set_path, volume, "no/such file", expect=1)

    def test_what_exists_is_replaced_only_by_force(self):
        source, set_path = self.source()
        volume = self.mount("btrfs")
        with open(os.path.join(volume, "plain"), "wb") as f:
            f.write(b"newer")
        os.symlink("/etc", os.path.join(volume, "same"))
        done = self.sisbackup("restore", set_path, volume, expect=1)
        self.assertIn(b"nothing was changed", done.stderr)
        self.assertEqual(sorted(os.listdir(volume)), ["plain", "same"])
        self.sisbackup("restore", "--force", set_path, volume)
        self.assert_same_tree(source, volume)
        self.sisbackup("restore", "--force", set_path, volume)
        self.assert_same_tree(source, volume)

    def test_include_and_exclude(self):
        volume = self.mount("tmpfs")
        self.fill(volume)
        def saved(*options):
            shutil.rmtree(os.fsencode(self.path("set")), ignore_errors=True)
            self.sisbackup("backup", *options, volume, self.path("set"))
            return {line.split("\t")[1] for line in self.manifest(self.path("set"))[1:]}
        self.assertEqual(saved("--include", "same/as"), {".", "same", "same/as",
                                                         "same/as/one,%20too"})
        self.assertEqual(saved("--include", "*wo", "--exclude", "/same"), {".", "two"})
        self.assertNotIn("empty", saved("--exclude", "e*"))

    def test_nothing_is_written_outside_of_the_volume(self):
        _, set_path = self.source()
        volume = self.mount("ext4")
        outside = self.path("outside")
        os.mkdir(outside)
        original = self.manifest(set_path)
        plain = next(line for line in original if line.startswith("file\tplain\t"))
        link = next(line for line in original if line.startswith("link\ttwo\t"))
        for old, new in (
                (plain, plain.replace("\tplain\t", "\t../outside/x\t")),
                (plain, plain.replace("\tplain\t", "\tsame/../../outside/x\t")),
                (plain, plain.replace("\tplain\t", f"\t{outside}/x\t")),
                (plain, plain.replace("\tplain\t", f"\t{STORE.replace(' ', '%20')}/x\t")),
                (link, re.sub(r"\t[-0-9a-f]+\.sis\t", "\t../../outside/x\t", link)),
                (plain, plain.replace("file", "hardlink").replace("\t-\t-\t-", "\t../x\t-\t-")),
                (plain, plain + "\n" + plain)):
            self.assertNotEqual(old, new)
            self.replace_manifest(set_path, "\n".join(original).replace(old, new) + "\n")
            self.sisbackup("restore", set_path, volume, expect=1)
            self.assertEqual(os.listdir(outside), [])
            self.assertEqual(os.listdir(volume), ["lost+found"])
        # A symbolic link where a directory is to be.
        text = "\n".join(original).replace(
            plain, plain + "\n" + plain.replace("\tplain\t", "\tout/x\t") +
            "\n" + plain.replace("file\tplain\t", "symlink\tout\t").replace(
                "\t-\t-\t-", f"\t{outside}\t-\t-")) + "\n"
        self.replace_manifest(set_path, text)
        self.sisbackup("restore", set_path, volume, expect=1)
        self.assertEqual(os.listdir(outside), [])

    def test_a_damaged_set(self):
        source, set_path = self.source()
        store = os.path.join(set_path, "store")
        damaged = max((n for n in os.listdir(store) if n.endswith(".sis")),
                      key=lambda n: os.path.getsize(os.path.join(store, n)))
        with open(os.path.join(store, damaged), "r+b") as f:
            f.seek(777)
            byte = f.read(1)
            f.seek(777)
            f.write(bytes([byte[0] ^ 1]))
        done = self.sisbackup("verify", "--json", set_path, expect=1)
        self.assertIn(damaged, json.loads(done.stdout)[0]["problems"][0])
        volume = self.mount("ext4")
        self.sisbackup("restore", set_path, volume, expect=1)
        for name in ("one", "same/hard link", "same/three"):
            self.assertFalse(os.path.exists(os.path.join(volume, name)), "a file of zeros")
        for name in ("two", "plain", "same/two"):
            self.assertEqual(sha256(os.path.join(volume, name)),
                             sha256(os.path.join(source, name)))
        self.assertFalse(os.path.exists(os.path.join(volume, STORE, damaged)))

    def test_list_and_verify_as_json(self):
        _, set_path = self.source()
        said = json.loads(self.sisbackup("list", "--json", set_path).stdout)
        self.assertEqual(said["filesystem"], "xfs")
        files = {entry["path"]: entry for entry in said["files"]}
        self.assertEqual(files["one"]["kind"], "link")
        self.assertEqual(files["plain"]["sha256"],
                         sha256(os.path.join(set_path, "files", "plain")))
        verified = json.loads(self.sisbackup("verify", "--json", set_path).stdout)
        self.assertTrue(verified[0]["good"])
        self.assertIn(b"symlink", self.sisbackup("list", set_path).stdout)

    def test_usage(self):
        self.assertIn(b"backup", self.sisbackup("--help").stdout)
        self.assertRegex(self.sisbackup("--version").stdout, rb"^sisbackup \d")
        for args in ((), ("restore", "x"), ("backup", "--bogus", "a", "b"), ("nonsense",)):
            self.sisbackup(*args, expect=2)


class WithoutRoot(Volumes):
    def test_a_user_saves_and_restores_files_of_his_own(self):
        for name in ("home", "back"):
            os.mkdir(self.path(name))
            os.chown(self.path(name), 1000, 1000)
        with open(self.path("home", "mine"), "wb") as f:
            f.write(b"mine\n")
        with open(self.path("home", "foreign"), "wb") as f:
            f.write(b"readable\n")
        os.chown(self.path("home", "mine"), 1000, 1000)
        os.chmod(self.path("home", "mine"), 0o400)
        self.as_user("backup", self.path("home"), self.path("home", "set"))
        done = self.as_user("restore", self.path("home", "set"), self.path("back"))
        self.assertIn(b"owners", done.stderr)
        self.assertEqual(os.stat(self.path("back", "mine")).st_mode & 0o777, 0o400)
        self.assertEqual(os.stat(self.path("back", "foreign")).st_uid, 1000)
        self.assertEqual(sha256(self.path("back", "mine")), sha256(self.path("home", "mine")))


class Documentation(Volumes):
    def test_the_program_for_windows_compiles(self):
        with open(DOC, encoding="utf-8") as f:
            program = re.search(r"```c\n(.*?)```", f.read(), re.S)[1]
        before = """
            #include <sisbkup.h>
            #include <stdint.h>
            BOOL save_data(const char *path);
            void save_link(const char *path, const void *reparse, uint32_t size);
            void save_store_file(const WCHAR *name);
            BOOL save_file(PVOID pass, const char *volume, const char *path);
            """
        subprocess.run([*os.environ["CC"].split(), "-Wall", "-Wextra", "-Werror",
                        "-fsyntax-only", "-I", os.environ["SIS_INCLUDE"], "-x", "c", "-"],
                       input=(before + program).encode(), check=True)

    def test_the_walk_through_works_word_by_word(self):
        with open(DOC, encoding="utf-8") as f:
            text = f.read()
        walk = text[text.index("## A walk-through"):]
        walk = walk[:walk.index("\n## ", 5)] if "\n## " in walk[5:] else walk
        commands = "\n".join(re.findall(r"```sh\n(.*?)```", walk, re.S))
        self.assertIn("mkfs.xfs", commands)
        self.assertIn("sisbackup restore", commands)
        tools = os.pathsep.join({os.path.dirname(sissite.SISBACKUP),
                                 os.path.dirname(sissite.SISLINK)})
        done = subprocess.run(["sh", "-eux"], input=commands.encode(), cwd=self.top,
                              env=dict(self.env, PATH=tools + os.pathsep + os.environ["PATH"]),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                              check=False)
        said = done.stdout.decode(errors="replace")
        self.assertEqual(done.returncode, 0, said)


if __name__ == "__main__":
    sissite.main()
