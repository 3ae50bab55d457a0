"""certbackup and dsbackup on ESE stores that Windows wrote; libesedb opens what is restored."""

import glob
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CERTBACKUP = os.environ["CERTBACKUP"]
DSBACKUP = os.environ["DSBACKUP"]
RECOVER = os.environ["BACKUPAPI_RECOVER"]
SAMPLES = os.environ.get("BACKUPAPI_ESE_SAMPLES") or os.environ["ESE_SAMPLES"]

SRUM = ["SRUDB.dat", "SRU0004E.log", "SRU0004F.log", "SRU00050.log", "SRU00051.log", "SRU.log",
        "SRU.chk", "SRUtmp.log"]


class Ese(unittest.TestCase):
    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-ese-"))
        self.addCleanup(shutil.rmtree, self.top)
        for name in ("config", "sets", "state", "data"):
            os.mkdir(self.path(name), 0o700)
        self.env = dict(os.environ, BACKUPAPI_CONFIG_DIR=self.path("config"), LC_ALL="C")
        self.env.pop("BACKUPAPI_LOG", None)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def configure(self, database, extra=""):
        path = self.path("config", "ad01.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"[server]\nname = ad01\nfamily = certsrv\nfamily = ds\nauthority = Test\n"
                    f"state_dir = {self.path('state')}/ad01\n[store]\nengine = ese\n"
                    f"database = {self.path('data', database)}\n{extra}")
        os.chmod(path, 0o600)

    def sample(self, source, name):
        source = os.path.join(SAMPLES, source)
        opener = gzip.open if source.endswith(".gz") else open
        with opener(source, "rb") as f, open(self.path("data", name), "wb") as out:
            shutil.copyfileobj(f, out)

    def srum(self):
        for name in SRUM:
            self.sample(f"srum-4k-dirty/{name}", name)
        self.configure("SRUDB.dat")

    def read(self, *parts):
        with open(self.path(*parts), "rb") as f:
            return f.read()

    def run_program(self, program, *args, expect=0, env=None):
        done = subprocess.run([program, *args], env=dict(self.env, **(env or {})),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, errors="replace")
        self.assertEqual(done.returncode, expect, f"{args}: {done.stdout}{done.stderr}")
        return done

    def backup(self, program, name="full", *options, expect=0, env=None):
        return self.run_program(program, "backup", *options, "ad01", self.path("sets", name),
                                expect=expect, env=env)

    def restore(self, program, *names):
        self.run_program(program, "stop", "ad01")
        self.run_program(program, "restore", "ad01",
                         *(self.path("sets", name) for name in names))
        return self.run_program(RECOVER, "ad01", env={"BACKUPAPI_LOG": "info"})

    def flip(self, path, offset, bits=0x18):
        with open(path, "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ bits]))

    def saved(self, name):
        found = glob.glob(self.path("sets", "full", "**", name), recursive=True)
        self.assertEqual(len(found), 1, found)
        return found[0]

    # ---- libesedb ----

    def information(self, path):
        """What esedbinfo says."""
        return subprocess.run(["esedbinfo", path], capture_output=True, timeout=120,
                              check=True).stdout

    def tables(self, path):
        """Every table as esedbexport writes it."""
        target = tempfile.mkdtemp(dir=self.top)
        subprocess.run(["esedbexport", "-t", os.path.join(target, "out"), path],
                       capture_output=True, timeout=300, check=True)
        tables = {}
        for table in glob.glob(os.path.join(target, "out.export", "*")):
            with open(table, "rb") as f:
                tables[os.path.basename(table)] = f.read()
        shutil.rmtree(target)
        return tables


class Programs(Ese):
    def test_a_dirty_set_comes_back_with_its_logs(self):
        for program in (CERTBACKUP, DSBACKUP):
            with self.subTest(os.path.basename(program)):
                self.srum()
                self.backup(program)
                self.run_program(program, "verify", self.path("sets", "full"))
                self.saved("SRU00051.log")
                self.saved("SRU00052.log.part-4096")
                for name in SRUM:
                    os.unlink(self.path("data", name))
                said = self.restore(program, "full").stderr
                self.assertRegex(said, "complete and consistent.*0x51 to 0x52.*Windows")
                self.assertEqual(sorted(os.listdir(self.path("data"))),
                                 ["SRU.log", "SRU00051.log", "SRUDB.dat"])
                for name in ("SRU.log", "SRU00051.log", "SRUDB.dat"):
                    with open(os.path.join(SAMPLES, "srum-4k-dirty", name), "rb") as f:
                        self.assertEqual(self.read("data", name), f.read(), name)
                shutil.rmtree(self.path("sets", "full"))

    def test_libesedb_opens_what_was_saved_and_what_is_restored(self):
        """It does not come to an end with search.edb, and qmgr.db is not saved for want of a
        log. What has bad pages is saved for salvage, and not restored."""
        for name in ("SRUDB.dat", "tail.dat"):
            if name == "SRUDB.dat":
                self.srum()
            else:
                self.sample("srum-4k-bad-tail.dat", name)
                self.configure(name, "verify = report\n")
            path = self.path("data", name)
            information, tables = self.information(path), self.tables(path)
            self.assertIn(b"Number of tables", information)
            self.assertGreater(len(tables), 5)
            self.backup(DSBACKUP)
            os.unlink(path)
            if name == "SRUDB.dat":
                self.restore(DSBACKUP, "full")
            else:
                self.run_program(DSBACKUP, "stop", "ad01")
                self.run_program(DSBACKUP, "restore", "ad01", self.path("sets", "full"),
                                 expect=1)
                path = self.saved(name)
            self.assertEqual(self.information(path), information, name)
            self.assertEqual(self.tables(path), tables, name)
            shutil.rmtree(self.path("sets", "full"))

    def test_a_missing_log_is_named(self):
        self.sample("qmgr-16k-dirty.db", "qmgr.db")
        self.configure("qmgr.db")
        for program in (CERTBACKUP, DSBACKUP):
            said = self.backup(program, expect=1).stderr
            self.assertIn("0xE to 0xE", said)
            self.assertIn("hrMissingLogFile", said)
            self.assertFalse(os.path.exists(self.path("sets", "full")))

    def test_foreign_pages_end_the_backup_unless_they_are_only_reported(self):
        self.sample("srum-4k-bad-tail.dat", "tail.dat")
        for program in (CERTBACKUP, DSBACKUP):
            self.configure("tail.dat")
            said = self.backup(program, expect=1).stderr
            self.assertIn("page 143 at offset 589824", said)
            self.assertIn("hrReadVerifyFailure", said)
            self.assertFalse(os.path.exists(self.path("sets", "full")))
            self.configure("tail.dat", "verify = report\n")
            said = self.backup(program, env={"BACKUPAPI_LOG": "error"}).stderr
            self.assertEqual(re.findall(r"page (\d+) at offset", said),
                             [str(page) for page in range(143, 159)])
            with open(self.saved("tail.dat"), "rb") as f:
                self.assertEqual(f.read(), self.read("data", "tail.dat"))
            shutil.rmtree(self.path("sets", "full"))

    def test_verify_uses_the_format_s_checks(self):
        """Damage that the set's own sums do not show: it was there when they were made."""
        self.sample("srum-4k-bad-tail.dat", "tail.dat")
        self.configure("tail.dat", "verify = report\n")
        for program in (CERTBACKUP, DSBACKUP):
            self.backup(program)
            said = self.run_program(program, "verify", self.path("sets", "full"), expect=1).stderr
            self.assertIn("page 143 at offset 589824", said)
            shutil.rmtree(self.path("sets", "full"))

    def test_a_log_that_was_damaged_is_found(self):
        self.srum()
        self.flip(self.path("data", "SRU00051.log"), 3 * 4096 + 77)
        said = self.backup(CERTBACKUP, expect=1).stderr
        self.assertIn("segment 3", said)
        self.assertIn("hrLogFileCorrupt", said)

    def test_status_and_list_know_the_store(self):
        self.srum()
        self.backup(CERTBACKUP)
        status = json.loads(self.run_program(CERTBACKUP, "status", "--json", "ad01").stdout)
        self.assertIn("ese", json.dumps(status))
        listed = self.run_program(CERTBACKUP, "list", self.path("sets", "full")).stdout
        self.assertIn("SRU00051.log", listed)

    def test_an_incremental_continues_the_base(self):
        self.srum()
        self.backup(CERTBACKUP)
        self.backup(CERTBACKUP, "incremental", "--incremental")
        for name in SRUM:
            os.unlink(self.path("data", name))
        self.restore(CERTBACKUP, "full", "incremental")
        self.assertEqual(sorted(os.listdir(self.path("data"))),
                         ["SRU.log", "SRU00051.log", "SRUDB.dat"])


if __name__ == "__main__":
    if not os.path.isdir(SAMPLES):
        print(f"skipped: there are no sample files in {SAMPLES}")
        sys.exit(77)
    if not shutil.which("esedbinfo") or not shutil.which("esedbexport"):
        print("skipped: esedbinfo and esedbexport (libesedb-utils) are missing")
        sys.exit(77)
    unittest.main(verbosity=2)
