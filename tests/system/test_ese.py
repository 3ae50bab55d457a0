"""certbackup and dsbackup on ESE stores that Windows wrote; libesedb opens what is restored."""

import glob
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

import outcome

CERTBACKUP = os.environ["CERTBACKUP"]
DSBACKUP = os.environ["DSBACKUP"]
RECOVER = os.environ["BACKUPAPI_RECOVER"]
SAMPLES = os.environ.get("BACKUPAPI_ESE_SAMPLES") or os.environ["ESE_SAMPLES"]

SRUM = ["SRUDB.dat", "SRU0004E.log", "SRU0004F.log", "SRU00050.log", "SRU00051.log", "SRU.log",
        "SRU.chk", "SRUtmp.log"]


# As it is configured, or recognised.
ENGINES = ("engine = ese\n", "")

LOG_SEGMENT = 4096


def make_log(database, generation):
    """An empty log, written when the header of DATABASE (bytes) says that it was."""
    log = bytearray(16 * LOG_SEGMENT)
    struct.pack_into("<I4H", log, 4, generation, LOG_SEGMENT, 1, 16, LOG_SEGMENT)
    log[16:24] = database[348:356]
    struct.pack_into("<III", log, 32, 8, 3704, 5)
    log[44:72] = database[108:136]
    struct.pack_into("<I", log, 667, 3)
    checksum = 0x89abcdef
    for word, in struct.iter_unpack("<I", log[4:LOG_SEGMENT]):
        checksum ^= word
    struct.pack_into("<I", log, 0, checksum)
    return bytes(log)


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

    def configure(self, database, extra="", engine=ENGINES[0]):
        path = self.path("config", "ad01.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"[server]\nname = ad01\nfamily = certsrv\nfamily = ds\nauthority = Test\n"
                    f"state_dir = {self.path('state')}/ad01\n[store]\n{engine}"
                    f"database = {self.path('data', database)}\n{extra}")
        os.chmod(path, 0o600)

    def sample(self, source, name):
        source = os.path.join(SAMPLES, source)
        opener = gzip.open if source.endswith(".gz") else open
        with opener(source, "rb") as f, open(self.path("data", name), "wb") as out:
            shutil.copyfileobj(f, out)

    def srum(self, engine=ENGINES[0]):
        for name in SRUM:
            self.sample(f"srum-4k-dirty/{name}", name)
        self.configure("SRUDB.dat", engine=engine)

    def combinations(self):
        for engine in ENGINES:
            for program in (CERTBACKUP, DSBACKUP):
                with self.subTest(f"{os.path.basename(program)}, {engine or 'recognised'}"):
                    yield engine, program

    def lose(self):
        for name in os.listdir(self.path("data")):
            os.unlink(self.path("data", name))

    def replaced(self, name):
        return glob.glob(self.path("state", "ad01", "replaced-*", "**", name), recursive=True)

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
    def assert_srum_is_back(self):
        self.assertEqual(sorted(os.listdir(self.path("data"))),
                         ["SRU.log", "SRU00051.log", "SRUDB.dat"])
        for name in ("SRU.log", "SRU00051.log", "SRUDB.dat"):
            with open(os.path.join(SAMPLES, "srum-4k-dirty", name), "rb") as f:
                self.assertEqual(self.read("data", name), f.read(), name)

    def test_a_dirty_set_comes_back_with_its_logs(self):
        for engine, program in self.combinations():
            self.srum(engine)
            self.backup(program)
            self.run_program(program, "verify", self.path("sets", "full"))
            self.saved("SRU00051.log")
            self.saved("SRU00052.log.part-4096")
            self.lose()
            said = self.restore(program, "full").stderr
            self.assertRegex(said, "complete and consistent.*0x51 to 0x52.*Windows")
            self.assert_srum_is_back()
            shutil.rmtree(self.path("sets", "full"))

    def test_what_windows_would_mix_in_is_put_aside(self):
        """With the database in place, and with the database lost."""
        for engine, program in self.combinations():
            for lost in (False, True):
                self.srum(engine)
                self.backup(program)
                if lost:
                    os.unlink(self.path("data", "SRUDB.dat"))
                self.restore(program, "full")
                self.assert_srum_is_back()
                for name in ("SRU.chk", "SRUtmp.log", "SRU00050.log"):
                    self.assertEqual(len(self.replaced(name)), 1, name)
                self.assertFalse(os.path.exists(self.path("state", "ad01", "logs")))
                for name in ("sets/full", "state/ad01"):
                    shutil.rmtree(self.path(name))

    def test_a_database_with_a_damaged_header_is_no_flat_file(self):
        self.srum(engine="")
        with open(self.path("data", "SRUDB.dat"), "r+b") as f:
            f.write(bytes(4096))
        for program in (CERTBACKUP, DSBACKUP):
            said = self.backup(program, expect=1).stderr
            self.assertIn("hrReadVerifyFailure", said)
            self.assertIn("first copy", said)
            self.assertFalse(os.path.exists(self.path("sets", "full")))

    def test_a_database_whose_log_is_made_comes_back(self):
        """The log that qmgr.db needs is not among the samples."""
        for engine, program in self.combinations():
            self.sample("qmgr-16k-dirty.db", "qmgr.db")
            original = self.read("data", "qmgr.db")
            information = self.information(self.path("data", "qmgr.db"))
            log = make_log(original, 0xE)
            with open(self.path("data", "edb0000E.log"), "wb") as f:
                f.write(log)
            self.configure("qmgr.db", engine=engine)
            self.backup(program)
            self.run_program(program, "verify", self.path("sets", "full"))
            with open(self.saved("qmgr.db"), "rb") as f:
                self.assertEqual(f.read(), original)
            self.lose()
            said = self.restore(program, "full").stderr
            self.assertRegex(said, "complete and consistent.*0xE to 0xE.*Windows")
            self.assertEqual(self.read("data", "qmgr.db"), original)
            self.assertEqual(self.read("data", "edb.log"), log)
            self.assertEqual(self.information(self.path("data", "qmgr.db")), information)
            shutil.rmtree(self.path("sets", "full"))
            self.lose()

    def test_libesedb_opens_what_was_saved_and_what_is_restored(self):
        """It does not come to an end with search.edb. What has bad pages is saved for
        salvage, and not restored."""
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
        for engine in ENGINES:
            self.srum(engine)
            self.backup(CERTBACKUP)
            status = json.loads(self.run_program(CERTBACKUP, "status", "--json", "ad01").stdout)
            self.assertIn('"ese"', json.dumps(status))
            self.assertIn(json.dumps(self.path("data")), json.dumps(status))
            listed = self.run_program(CERTBACKUP, "list", self.path("sets", "full")).stdout
            self.assertIn("SRU00051.log", listed)
            shutil.rmtree(self.path("sets", "full"))

    def test_an_incremental_continues_the_base(self):
        for engine in ENGINES:
            self.srum(engine)
            self.backup(CERTBACKUP)
            self.backup(CERTBACKUP, "incremental", "--incremental")
            self.lose()
            self.restore(CERTBACKUP, "full", "incremental")
            self.assert_srum_is_back()
            for name in ("full", "incremental"):
                shutil.rmtree(self.path("sets", name))


if __name__ == "__main__":
    if not os.path.isdir(SAMPLES):
        outcome.skip(f"there are no sample files in {SAMPLES}")
    if not shutil.which("esedbinfo") or not shutil.which("esedbexport"):
        outcome.skip("esedbinfo and esedbexport (libesedb-utils) are missing")
    unittest.main(verbosity=2)
