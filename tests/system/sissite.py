"""What the tests of single-instance volumes share: mounted images, and comparing them.

Everything is mounted in a namespace of this process, so that nothing stays mounted however
it ends.
"""

import ctypes
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from outcome import skip

SISBACKUP = os.environ["SISBACKUP"]
SISLINK = os.environ["SISLINK"]

KINDS = ("xfs", "btrfs", "ext4", "tmpfs", "ntfs")
SHARING = ("xfs", "btrfs")
STORE = "SIS Common Store"
REPARSE = "user.ntfs_reparse_data"
LINK_ATTRIBUTES = (REPARSE, "user.backupapi_sis", "trusted.backupapi_sis")

MAKE = {
    "xfs": ("320M", "mkfs.xfs -q {image}", "mount -o loop {image} {point}"),
    "btrfs": ("160M", "mkfs.btrfs -q {image}", "mount -o loop {image} {point}"),
    "ext4": ("64M", "mkfs.ext4 -q -E lazy_itable_init=1 {image}", "mount -o loop {image} {point}"),
    "ntfs": ("64M", "mkntfs -q -Q -F {image}", "ntfs-3g {image} {point}"),
    "tmpfs": (None, None, "mount -t tmpfs -o size={size} none {point}"),
}


def private_mounts():
    """A mount namespace of this process's own, or the test is skipped."""
    if os.geteuid() != 0:
        skip("only root can mount images")
    clone_newns, ms_rec, ms_private = 0x20000, 0x4000, 1 << 18
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(clone_newns) != 0 or
            libc.mount(b"none", b"/", b"none", ms_rec | ms_private, b"") != 0):
        skip("no mount namespaces here")


def run(command, **kwargs):
    kwargs.setdefault("check", True)
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, **kwargs)


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def extents(path):
    """The physical extents of a file, as filefrag tells them."""
    os.sync()
    said = run(["filefrag", "-v", path]).stdout.decode(errors="replace")
    return re.findall(r"^\s*\d+:\s+(\d+)\.\.\s*\d+:\s+(\d+)\.\.\s*\d+:\s+(\d+):", said, re.M)


def attributes(path):
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if name not in LINK_ATTRIBUTES and not name.startswith("system.ntfs"):
            found[name] = os.getxattr(path, name, follow_symlinks=False)
    return found


def describe(path, poor):
    st = os.lstat(path)
    content = None
    if stat.S_ISREG(st.st_mode):
        content = (st.st_size, sha256(path))
    elif stat.S_ISLNK(st.st_mode):
        content = os.readlink(path)
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        content = st.st_rdev
    if poor:
        return (stat.S_IFMT(st.st_mode), content, st.st_mtime_ns // 100)
    return (st.st_mode, st.st_uid, st.st_gid, content, st.st_mtime_ns,
            sorted(attributes(path).items()))


def tree(top, poor=False):
    """Everything on a volume but its common store; POOR: what NTFS can keep of it."""
    found, names = {}, {}
    top = os.fsencode(top)
    for directory, directories, files in os.walk(top):
        for left_out in (os.fsencode(STORE), b"lost+found"):
            if directory == top and left_out in directories:
                directories.remove(left_out)
        for name in directories + files:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, top)
            found[relative] = describe(path, poor)
            st = os.lstat(path)
            if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
                names.setdefault(st.st_ino, set()).add(relative)
    found["hard links"] = sorted(sorted(group) for group in names.values() if len(group) > 1)
    return found


class Volumes(unittest.TestCase):
    """A temporary directory, with volumes mounted in it on demand."""

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-sis-"))
        self.mounted = []
        self.addCleanup(self.remove_top)
        self.env = dict(os.environ, LC_ALL="C")
        self.env.pop("BACKUPAPI_LOG", None)

    def remove_top(self):
        for point in reversed(self.mounted):
            run(["umount", "-l", point], check=False)
        shutil.rmtree(os.fsencode(self.top), ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    # ---- volumes ----

    def mount(self, kind, name=None, size="64m"):
        image_size, make, mount = MAKE[kind]
        point, image = self.path(name or kind), self.path((name or kind) + ".img")
        os.mkdir(point)
        if make:
            run(["truncate", "-s", image_size, image])
            run(make.format(image=image).split())
        run(mount.format(image=image, point=point, size=size).split())
        self.mounted.append(point)
        os.chmod(point, 0o755)
        return point

    def remount(self, kind, point):
        run(["umount", point])
        run(MAKE[kind][2].format(image=point + ".img", point=point).split())

    def clear(self, volume):
        for name in os.listdir(volume):
            path = os.path.join(volume, name)
            if name == "lost+found":
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(os.fsencode(path))
            else:
                os.unlink(path)

    def fill(self, volume, invalid=True):
        """Files of every kind, four of them with one content, two with another. INVALID:
        with a name that is not UTF-8, which NTFS cannot have."""
        def put(name, content, mode=0o644, owner=(0, 0), mtime=None):
            path = os.path.join(os.fsencode(volume), os.fsencode(name))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content)
            os.chown(path, *owner)
            os.chmod(path, mode)
            if mtime:
                os.utime(path, ns=(mtime, mtime))
        one, two = os.urandom(100000), os.urandom(40000)
        put("one", one, 0o600, (1000, 1001), 981173106123456700)
        put("same/as one", one, 0o755)
        put("same/as/one, too", one, 0o444, (33, 33))
        put("same/three", one)
        put("two", two)
        put("same/two", two, mtime=1)
        put("plain", b"on its own\n", 0o640, (7, 8))
        put("empty", b"")
        os.mkdir(os.path.join(volume, "nothing"), 0o700)
        os.link(os.path.join(volume, "one"), os.path.join(volume, "same", "hard link"))
        os.link(os.path.join(volume, "plain"), os.path.join(volume, "plain again"))
        os.symlink("../plain", os.path.join(volume, "same", "symlink"))
        os.symlink("/nowhere", os.path.join(volume, "dangling"))
        with open(os.path.join(volume, "sparse"), "wb") as f:
            f.truncate(3 << 20)
            f.seek(1 << 20)
            f.write(b"in the middle")
        with open(os.path.join(volume, "hole"), "wb") as f:
            f.truncate(1 << 20)
        if invalid:
            put(b"invalid \xff name", b"not UTF-8\n")
        self.fill_special(volume, put)

    def fill_special(self, volume, put):
        def at(name):
            return os.path.join(volume, name)
        put(b"-new\nline and \\ \xef\x81\x9c%41", b"strange name\n")
        put("program", b"#!/bin/sh\n", 0o6755, (1000, 1000))
        os.mkfifo(at("fifo"), 0o622)
        os.mknod(at("device"), 0o660 | stat.S_IFCHR, os.makedev(1, 3))
        os.setxattr(at("same/two"), "user.text", b"value, with=\0\xff")
        os.setxattr(at("nothing"), "user.empty", b"")
        os.setxattr(at("plain"), "trusted.secret", b"root's")
        run(["setfacl", "-m", "u:1234:rw,g:99:r", at("two"), at("plain")])
        run(["setfacl", "-m", "d:u:1234:rwx,u:77:rx", at("same")])
        os.utime(at("same"), ns=(5, 981173106123456700))
        os.chown(at("dangling"), 1000, 1001, follow_symlinks=False)

    def settle(self):
        """What changed just now is not copied while a backup still looks for files."""
        time.sleep(3.1)

    def assert_same_tree(self, a, b, poor=False):
        first, second = tree(a, poor), tree(b, poor)
        for name in sorted(first.keys() | second.keys(), key=repr):
            self.assertEqual(first.get(name), second.get(name), f"{name!r}, {a} and {b}")

    def is_link(self, set_path, name):
        return any(line.startswith("link\t" + name + "\t") for line in self.manifest(set_path))

    def manifest(self, set_path):
        with open(os.path.join(set_path, "MANIFEST"), encoding="ascii",
                  errors="surrogateescape") as f:
            return f.read().splitlines()

    def replace_manifest(self, set_path, text):
        with open(os.path.join(set_path, "MANIFEST"), "w", encoding="ascii",
                  errors="surrogateescape") as f:
            f.write(text)
        self.replace_sum(set_path, "MANIFEST", hashlib.sha256(
            text.encode("ascii", "surrogateescape")).hexdigest())

    def replace_sum(self, set_path, name, digest):
        sums = os.path.join(set_path, "SHA256SUMS")
        with open(sums, "rb") as f:
            lines = f.read()
        pattern = b"(?m)^[0-9a-f]{64}  " + re.escape(name.encode()) + b"$"
        with open(sums, "wb") as f:
            f.write(re.sub(pattern, digest.encode() + b"  " + name.encode(), lines))

    def kinds(self, set_path):
        return [line.split("\t")[0] for line in self.manifest(set_path)[1:]]

    # ---- programs ----

    def run_program(self, program, args, expect):
        done = subprocess.run([program, *args], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300, check=False)
        if done.returncode != expect:
            self.fail(f"{program} {args}: exit status {done.returncode}, not {expect}\n"
                      f"{done.stdout.decode(errors='replace')}"
                      f"{done.stderr.decode(errors='replace')}")
        if expect == 1 and "--json" not in args:
            self.assertRegex(done.stderr, rb"(?m)^sis\w+: .+", "a failure says why")
        return done

    def sisbackup(self, *args, expect=0):
        return self.run_program(SISBACKUP, args, expect)

    def sislink(self, *args, expect=0):
        return self.run_program(SISLINK, args, expect)

    def as_user(self, *args, expect=0):
        """sisbackup as user 1000, who may not reach the program where it is."""
        os.chmod(self.top, 0o755)
        program = shutil.copy(SISBACKUP, self.path("sisbackup"))
        for library in re.findall(r"=> (\S*/libbackupapi\S*) ",
                                  run(["ldd", SISBACKUP]).stdout.decode()):
            shutil.copy(library, self.top)
        done = subprocess.run([program, *args], env=dict(self.env, LD_LIBRARY_PATH=self.top),
                              capture_output=True, user=1000, group=1000, extra_groups=[],
                              stdin=subprocess.DEVNULL, timeout=300, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def start(self, *args):
        return subprocess.Popen([SISBACKUP, *args], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def assert_good_set(self, path):
        self.sisbackup("verify", path)
        run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path)

    def assert_no_partial(self, directory):
        for where, directories, files in os.walk(os.fsencode(directory)):
            for name in directories + files:
                self.assertNotIn(b".partial", name, f"{where} has {name}")

    def source(self, kind="xfs", invalid=True):
        """A volume with links, and a set of it."""
        volume = self.mount(kind, "source")
        self.fill(volume, invalid)
        self.sislink("link", volume)
        self.sisbackup("backup", volume, self.path("set"))
        return volume, self.path("set")


def main():
    private_mounts()
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
