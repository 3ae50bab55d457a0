"""dsbackup and certbackup with a 389 Directory Server: nothing that it acknowledged is lost."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

import ds389
import outcome
import testsite
from testsite import Site

ENTRIES = int(os.environ.get("DS_ENTRIES", "10000"))
MORE = int(os.environ.get("DS_MORE", "5000"))
FEW = 1500 # more than one log holds

template = None


def setUpModule():
    global template
    top = tempfile.mkdtemp(prefix="backupapi-389ds-template-")
    os.chmod(top, 0o711)
    testsite.unittest.addModuleCleanup(shutil.rmtree, top)
    template = ds389.Server.make(ds389.layout_below(os.path.join(top, "ds")))
    template.start()
    try:
        template.ldap("ldapadd", text=ds389.ROOT_ENTRIES)
        template.add_people(0, ENTRIES)
    finally:
        template.stop()


class Directory(Site):
    engine = "bdb"

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-389ds-"))
        os.chmod(self.top, 0o711)
        self.addCleanup(self.remove_top)
        for name in ("config", "sets", "state"):
            os.mkdir(self.path(name), 0o700)
        self.env = dict(os.environ, BACKUPAPI_CONFIG_DIR=self.path("config"), LC_ALL="C")
        self.env.pop("BACKUPAPI_LOG", None)
        self.server = ds389.Server.copy(template, self.path("ds"))
        self.addCleanup(self.server.kill)
        self.configure_server(self.server.db)
        self.server.start()

    def configure_server(self, db):
        server = self.server
        self.configure("ldap01", families=("ds", "certsrv"), store=f"""engine = {self.engine}
database = {db}
region_dir = {server.region_dir}
dynamic = {server.dse}
dynamic = {server.config}/schema/*.ldif
""", service=f"""[service]
pidfile = {server.pidfile}
program = {os.path.realpath(ds389.NS_SLAPD)}
start = {' '.join(server.command)}
timeout = 300
""")

    # ---- backups ----

    def save(self, name, *options):
        self.certbackup("backup", *options, "ldap01", self.path("sets", name))
        self.certbackup("verify", self.path("sets", name))
        return self.path("sets", name)

    def log_range(self, backup):
        ini = self.read(backup + "/backup.ini").decode()
        return tuple(int(re.search(rf"(?m)^{key} = (\d+)$", ini)[1]) for key in ("low", "high"))

    def live_logs(self):
        return sorted(int(name[4:14]) for name in os.listdir(self.server.db)
                      if re.fullmatch(r"log\.\d{10}", name))

    # ---- what came back ----

    def assert_clean(self, db):
        files = glob.glob(db + "/*/*.db")
        self.assertGreater(len(files), 8)
        for path in files:
            # The server sorts duplicates in an order of its own.
            done = subprocess.run(["db5.3_verify", "-o", "-q", path], capture_output=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, (path, done.stderr))
        self.assertEqual(glob.glob(db + "/__db.*"), [])
        self.assert_no_staging()

    def assert_owned(self, db):
        """Everything as the server's own user made it."""
        uid = ds389.pwd.getpwnam(ds389.USER).pw_uid
        for directory, names, files in os.walk(db):
            for name in names + files:
                path = os.path.join(directory, name)
                self.assertEqual(os.stat(path).st_uid, uid, path)

    def assert_serves(self, *needed):
        """The people that are there; NEEDED are, and more can come."""
        found = self.server.names()
        for people in needed:
            missing = sorted(set(people) - found)
            self.assertFalse(missing, f"{len(missing)} are missing: {missing[:10]}")
        self.server.add_people(900000, 10)
        self.assertEqual(len(self.server.names()), len(found) + 10)
        return found

    def contents(self, db):
        done = subprocess.run(["sh", "-c", "db5.3_dump \"$1\" | sha256sum", "sh",
                               db + "/userroot/id2entry.db"], check=True, capture_output=True)
        return done.stdout


class Live(Directory):
    def watch(self, program, name, adder):
        """What was acknowledged when the last database was not yet opened: the logs are
        asked for later."""
        promised = adder.acknowledged
        while program.poll() is None:
            now = adder.acknowledged
            if glob.glob(f"{glob.escape(self.path('sets'))}/.{name}.partial-*/databases"
                         f"{glob.escape(self.server.db)}/userroot/uid.db"):
                break
            promised = now
        return promised

    def back_up_under_load(self):
        adder = ds389.Adder(self.server, ENTRIES)
        self.addCleanup(adder.end)
        adder.wait_for(100)
        program = subprocess.Popen(
            [testsite.DSBACKUP, "backup", "ldap01", self.path("sets/full")], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        promised = self.watch(program, "full", adder)
        said = program.communicate(timeout=300)
        self.assertEqual(program.returncode, 0, said)
        adder.wait_for(promised - ENTRIES + 100)
        self.server.kill()
        adder.end()
        self.assertGreater(promised, ENTRIES)
        self.assertGreater(adder.acknowledged, promised)
        return promised, adder.acknowledged

    def test_what_was_acknowledged_before_the_logs_were_listed_comes_back(self):
        promised, _ = self.back_up_under_load()
        self.dsbackup("verify", self.path("sets/full"))
        for directory in (self.server.db, self.server.region_dir):
            shutil.rmtree(directory)
        os.mkdir(self.server.region_dir, 0o770)
        shutil.chown(self.server.region_dir, ds389.USER, ds389.USER)
        self.dsbackup("restore", "ldap01", self.path("sets/full"))
        self.recover("ldap01")
        self.assert_clean(self.server.db)
        self.assert_owned(self.server.db)
        self.dsbackup("start", "ldap01")
        self.assert_serves(range(promised + 1))

    def test_with_its_logs_a_lost_database_comes_back_whole(self):
        _, acknowledged = self.back_up_under_load()
        shutil.rmtree(os.path.join(self.server.db, "userroot"))
        self.dsbackup("restore", "--start", "ldap01", self.path("sets/full"))
        self.assert_no_staging()
        self.assert_serves(range(acknowledged + 1))
        # What was there before is no base for an incremental backup.
        self.certbackup("backup", "--incremental", "ldap01", self.path("sets/no"), expect=1)
        self.certbackup("backup", "ldap01", self.path("sets/new"))


class Chain(Directory):
    engine = "auto"

    def restore(self, place, *sets, expect=0):
        """Into a new place, through the map."""
        place = self.path(place)
        done = self.certbackup("restore", "--map", f"{self.server.db}={place}", "ldap01", *sets)
        said = self.recover("ldap01", expect=expect)
        return place, done.stderr.decode() + said.stderr.decode()

    def move_server(self, place):
        old = self.server.db
        self.server.edit_config(old, place)
        self.server.db = place
        self.configure_server(place)

    def all_people(self):
        return range(ENTRIES + 2 * MORE)

    def make(self, *options):
        full = self.save("full", *options)
        self.server.add_people(ENTRIES, MORE)
        first = self.save("first", "--incremental", *options)
        self.server.add_people(ENTRIES + MORE, MORE)
        return full, first, self.save("second", "--incremental", *options)

    def test_chain_of_truncating_backups(self):
        logs = self.live_logs()
        full, first, second = self.make("--truncate")
        ranges = [self.log_range(backup) for backup in (full, first, second)]
        self.assertEqual(ranges[1][0], ranges[0][1])
        self.assertEqual(ranges[2][0], ranges[1][1])
        self.assertGreater(ranges[2][0], ranges[1][0] + 1)
        self.assertGreater(self.live_logs()[0], logs[0])
        self.assertEqual(self.status("ldap01")["next_generation"], ranges[2][1])
        listed = self.certbackup("list", first).stdout.decode()
        self.assertIn(f"logs     {ranges[1][0]} to {ranges[1][1]}\n", listed)

        self.check_missing(full, first, second, ranges)
        place, _ = self.restore("place1", full, first, second)
        self.assert_clean(place)
        self.assert_owned(place)
        other, _ = self.restore("place2", full, second, first)
        self.assertEqual(self.contents(place), self.contents(other))
        self.move_server(place)
        self.certbackup("start", "ldap01")
        self.assertEqual(self.assert_serves(), set(self.all_people()))

    def check_missing(self, full, first, second, ranges):
        """Without the one in the middle nothing starts; supplied, it recovers."""
        place, said = self.restore("missing", full, second, expect=1)
        self.assertIn("no set holds logs %d to %d" % (ranges[0][1] + 1, ranges[2][0] - 1), said)
        self.assertIn("hrMissingRestoreLogFiles", said)
        self.assertIn('"certbackup cancel ldap01"', said)
        for _ in range(2):
            status = self.status("ldap01")
            self.assertEqual((status["state"], status["restore"]["state"]),
                             ("stopped", "complete"))
            done = self.certbackup("start", "ldap01", expect=1)
            self.assertIn(b"hrMissingRestoreLogFiles", done.stderr)
        self.assertIsNone(self.server.pid())
        self.supply_by_hand(place, first)
        self.assert_clean(place)
        shutil.rmtree(place)
        # Or restored anew.
        place, _ = self.restore("missing", full, second, expect=1)
        self.certbackup("cancel", "ldap01")
        self.assert_no_staging()
        self.assertEqual([names for _, _, names in os.walk(place) if names], [])
        self.restore("missing", full, first, second)
        self.assert_clean(place)

    def supply_by_hand(self, place, backup):
        for path in glob.glob(backup + "/logs" + glob.escape(self.server.db) + "/*"):
            shutil.copy(path, place)
        for name in os.listdir(place):
            shutil.chown(os.path.join(place, name), ds389.USER, ds389.USER)
        self.recover("ldap01")

    def test_chain_without_truncation(self):
        full, first, second = self.make()
        self.assertEqual(self.log_range(first)[0], self.log_range(full)[1])
        self.assertEqual(self.log_range(second)[0], self.log_range(full)[1])
        place, said = self.restore("place1", full, second)
        self.assertNotIn("no set holds", said)
        self.assert_clean(place)
        other, _ = self.restore("place2", full, second, first)
        self.assertEqual(self.contents(place), self.contents(other))
        earlier, _ = self.restore("place3", full, first)
        self.assert_clean(earlier)
        self.assertNotEqual(self.contents(place), self.contents(earlier))
        self.move_server(place)
        self.certbackup("start", "ldap01")
        self.assertEqual(self.assert_serves(), set(self.all_people()))

    def test_families_do_not_truncate_what_the_other_needs(self):
        full = self.save("full", "--truncate")
        self.server.add_people(ENTRIES, FEW)
        self.dsbackup("backup", "--truncate", "ldap01", self.path("sets/ds"))
        self.server.add_people(ENTRIES + FEW, 100)
        second = self.save("second", "--incremental")
        self.assertEqual(self.log_range(second)[0], self.log_range(full)[1])
        place, _ = self.restore("place1", full, second)
        self.move_server(place)
        self.certbackup("start", "ldap01")
        self.assertEqual(self.assert_serves(), set(range(ENTRIES + FEW + 100)))

    def test_sets_of_different_chains_are_refused(self):
        first = self.save("first")
        self.server.add_people(ENTRIES, 100)
        time.sleep(2)
        self.save("other")
        self.server.add_people(ENTRIES + 100, 100)
        second = self.save("second", "--incremental")
        done = self.certbackup("restore", "ldap01", first, second, expect=1)
        self.assertIn(b"another full backup", done.stderr)
        self.assertIsNotNone(self.server.pid())
        self.assertEqual(self.status("ldap01")["restore"]["state"], "none")


if __name__ == "__main__":
    reason = ds389.available()
    if reason:
        outcome.skip(reason)
    testsite.main()
