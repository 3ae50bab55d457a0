"""A Samba AD domain controller, provisioned here, backed up while users are added to it."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import outcome
import testsite
from testsite import RECOVER, ROOT, Site

PYTHON = "/usr/bin/python3"  # the one that has Samba's modules
SAMBA_TOOL = shutil.which("samba-tool")
SAMBA = shutil.which("samba", path="/usr/sbin:/usr/bin:/sbin:/bin")
WRITER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "samba_writer.py")
NO_SKIP = os.environ.get("BACKUPAPI_TEST_NO_SKIP") == "1"
BACKUPS = int(os.environ.get("SAMBA_BACKUPS", "2"))


def run(*args, **kwargs):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                          check=False, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{args}: exit status {done.returncode}\n"
                             f"{done.stdout.decode(errors='replace')}"
                             f"{done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


class Writer:
    def __init__(self, config, first=1):
        self.added = first - 1
        self.process = subprocess.Popen([PYTHON, WRITER, config, str(first)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        for line in self.process.stdout:
            self.added = int(line)

    def wait_for(self, number):
        limit = time.monotonic() + 300
        while self.added < number:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"only {self.added} users were added\n" +
                                     self.process.stderr.read().decode(errors="replace"))
            time.sleep(0.01)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()


class DomainController(Site):
    backend = "tdb"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dc_template = tempfile.mkdtemp(prefix="backupapi-dc-")
        cls.addClassCleanup(shutil.rmtree, cls.dc_template)
        cls.provision(cls.dc_template, cls.backend)

    @staticmethod
    def provision(target, backend):
        run(SAMBA_TOOL, "domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE",
            "--server-role=dc", "--adminpass=Passw0rd.of.the.test", f"--targetdir={target}",
            f"--backend-store={backend}", "--host-name=dc1", "--host-ip=127.0.0.1",
            "--option=interfaces=127.0.0.1", "--option=bind interfaces only=yes",
            "--option=server services=ldap, rpc", "--option=vfs objects=")

    def setUp(self):
        super().setUp()
        self.dc = self.path("dc")
        shutil.copytree(self.dc_template, self.dc)
        self.private = os.path.join(self.dc, "private")
        self.smb_conf = self.make_config(os.path.join(self.dc, "etc/smb.conf"), self.dc)
        self.configure_controller("tdb")

    def configure_controller(self, engine):
        self.configure("dc1", families=("ds",), store=f"""\
engine = {engine}
database = {self.private}
dynamic = {self.smb_conf}
""")

    def make_config(self, path, top):
        """The provisioned smb.conf, for a controller in TOP."""
        text = self.read(os.path.join(self.dc_template, "etc/smb.conf")).decode()
        self.write(path, text.replace(self.dc_template, top))
        return path

    def add_without_pause(self, first=1):
        writer = Writer(self.smb_conf, first)
        self.addCleanup(writer.end)
        writer.wait_for(first + 10)
        return writer

    def users(self, config):
        found = run("ldbsearch", "-H", self.private_of(config) + "/sam.ldb", "-s", "sub",
                    "(sAMAccountName=user*)", "description", "--option=private dir=" +
                    self.private_of(config))
        return sorted(int(n) for n in re.findall(r"(?m)^description: number (\d+)$", found))

    def private_of(self, config):
        return re.search(r"(?m)^\s*private dir = (.*)$", self.read(config).decode()).group(1)

    def assert_sound(self, config, least):
        said = run(SAMBA_TOOL, "dbcheck", "--cross-ncs", "-s", config, "-H",
                   self.private_of(config) + "/sam.ldb")
        self.assertRegex(said, r"Checked \d+ objects \(0 errors\)")
        users = self.users(config)
        self.assertEqual(users, list(range(1, len(users) + 1)))
        self.assertGreaterEqual(len(users), least)
        return len(users)

    def restore_elsewhere(self, name, engine="tdb"):
        """The set NAME as a controller in a new place of a machine of its own; its smb.conf."""
        top = self.path("elsewhere-" + name)
        private, config = os.path.join(top, "private"), os.path.join(top, "config")
        for directory in ("etc", "config"):
            os.makedirs(os.path.join(top, directory), mode=0o700)
        self.write(os.path.join(config, "dc1.conf"), f"""\
[server]
name = dc1
family = ds
state_dir = {top}/state
[store]
engine = {engine}
database = {private}
""")
        os.chmod(os.path.join(config, "dc1.conf"), 0o600)
        machine = {"BACKUPAPI_CONFIG_DIR": config}
        self.dsbackup("stop", "dc1", env=machine)
        self.dsbackup("restore", "--map", f"{self.private}={private}", "dc1",
                      self.path("sets", name), env=machine)
        self.run_program(RECOVER, ["dc1"], 0, machine)
        return self.make_config(os.path.join(top, "etc/smb.conf"), top)

    # What each test of the two backends asks for.

    def check_backups_while_users_are_added(self):
        writer = self.add_without_pause()
        for n in range(BACKUPS):
            writer.wait_for(writer.added + 5)
            added = writer.added
            self.dsbackup("backup", "dc1", self.path("sets", f"set{n}"))
            self.dsbackup("verify", self.path("sets", f"set{n}"))
            self.assert_sound(self.restore_elsewhere(f"set{n}"), added)
        self.assertIsNone(writer.process.poll(), "the writer was disturbed")

    def check_restored_controller(self):
        writer = self.add_without_pause()
        self.dsbackup("backup", "dc1", self.path("sets/full"))
        writer.wait_for(writer.added + 10)
        writer.end()
        key = self.read(self.private + "/encrypted_secrets.key")
        shutil.rmtree(self.private)
        self.dsbackup("stop", "dc1")
        self.dsbackup("restore", "--start", "dc1", self.path("sets/full"))
        self.assertEqual(self.read(self.private + "/encrypted_secrets.key"), key)
        users = self.assert_sound(self.smb_conf, 10)
        self.add_without_pause(first=users + 1).end()
        self.assert_sound(self.smb_conf, users + 10)


class Tdb(DomainController):
    def test_each_backup_is_a_sound_controller(self):
        self.check_backups_while_users_are_added()

    def test_lost_controller_comes_back(self):
        self.check_restored_controller()

    def test_damaged_partition_is_found(self):
        self.dsbackup("backup", "dc1", self.path("sets/full"))
        found = glob.glob(self.path("sets/full/databases") + self.private + "/sam.ldb.d/DC=*.ldb")
        with open(found[0], "r+b") as f:
            # Values have no checksums; this hits heads of records too.
            for offset in range(4096, os.path.getsize(found[0]), 256):
                f.seek(offset)
                f.write(b"\xff" * 16)
        self.write_sums(self.path("sets/full"))
        done = self.dsbackup("verify", self.path("sets/full"), expect=1)
        self.assertIn(b"hrDatabaseCorrupted", done.stderr)

    def partition(self):
        return self.private + "/sam.ldb.d/DC=EXAMPLE,DC=TEST.ldb"

    def assert_refused(self, said):
        done = self.dsbackup("backup", "dc1", self.path("sets/full"), expect=1)
        self.assertIn(said.encode(), done.stderr)
        self.assertIn(self.partition().encode(), done.stderr)
        self.assertEqual(os.listdir(self.path("sets")), [])

    def test_partition_behind_a_link_is_not_left_out(self):
        os.rename(self.partition(), self.path("moved.ldb"))
        os.symlink(self.path("moved.ldb"), self.partition())
        self.assert_refused("symbolic link")

    def test_missing_partition_is_named_by_the_backup(self):
        os.unlink(self.partition())
        self.assert_refused("hrDatabaseInconsistent")

    def test_running_controller_is_backed_up(self):
        if not ROOT:
            (self.fail if NO_SKIP else self.skipTest)("a network of its own needs root")
        self.configure_controller("auto")
        log = open(self.path("samba.log"), "wb")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        samba = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "--net", "sh", "-c",
             f"ip link set lo up; exec {SAMBA} -i -M single -s {self.smb_conf} --debug-stdout"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(samba.wait)
        self.addCleanup(samba.terminate)
        limit = time.monotonic() + 300
        while not os.path.exists(self.private + "/ldapi"):
            self.assertIsNone(samba.poll(), "samba has ended")
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.1)
        writer = self.add_without_pause()
        added = writer.added
        self.dsbackup("backup", "dc1", self.path("sets/live"))
        listed = json.loads(self.dsbackup("list", "--json", self.path("sets/live")).stdout)
        self.assertEqual(listed["engine"], "tdb")
        self.assertIsNone(samba.poll(), "samba has ended")
        writer.wait_for(writer.added + 5)
        config = self.restore_elsewhere("live", engine="auto")
        self.assertFalse(os.path.exists(self.private_of(config) + "/ldapi"))
        self.assert_sound(config, added)


class Mdb(DomainController):
    backend = "mdb"

    def test_each_backup_is_a_sound_controller(self):
        self.check_backups_while_users_are_added()

    def test_lost_controller_comes_back(self):
        self.check_restored_controller()


if __name__ == "__main__":
    for program, found in (("samba", SAMBA), ("samba-tool", SAMBA_TOOL),
                           ("ldbsearch", shutil.which("ldbsearch"))):
        if not found:
            outcome.skip(f"{program} is not installed")
    testsite.main()
