"""certbackup after a restore that failed, and a restore that is given up half way."""

import os
import sqlite3
import unittest

import testsite
from testsite import HAVE_SQLITE, Site, sha256, snapshot

SHIM = {"LD_PRELOAD": testsite.SHIM, "ASAN_OPTIONS": "verify_asan_link_order=0"}


@unittest.skipUnless(HAVE_SQLITE, "built without SQLite")
class FailedRecovery(Site):
    def setUp(self):
        super().setUp()
        self.db = self.make_sqlite(2000)
        self.certbackup("backup", "db01", self.path("sets/full"))

    def change(self):
        db = sqlite3.connect(self.db)
        db.execute("DELETE FROM certs WHERE serial > 10")
        db.commit()
        db.close()

    def rows(self):
        db = sqlite3.connect(self.db)
        try:
            return db.execute("SELECT count(*) FROM certs").fetchone()[0]
        finally:
            db.close()

    def damage_staged(self):
        staged = self.path(".backupapi-restore/ca.db")
        content = bytearray(self.read(staged))
        content[4096:4200] = b"\xff" * 104
        self.write(staged, bytes(content))

    def test_another_set_can_be_restored(self):
        self.change()
        self.certbackup("restore", "db01", self.path("sets/full"))
        self.damage_staged()
        done = self.recover("db01", expect=1)
        self.assertIn(b"hrDatabaseCorrupted", done.stderr)
        self.assertIn(b"certbackup cancel db01", done.stderr)
        # What is said next is what works.
        done = self.certbackup("restore", "db01", self.path("sets/full"), expect=None)
        if done.returncode != 0:
            self.assertIn(b"certbackup cancel", done.stderr)
            self.certbackup("cancel", "db01", expect=None)
            self.assertIn(self.status("db01")["restore"]["state"], ("none", "failed"))
            self.certbackup("restore", "db01", self.path("sets/full"))
        self.recover("db01")
        self.assertEqual(self.rows(), 2000)
        self.assertEqual(self.status("db01")["restore"]["state"], "none")
        self.assert_no_staging()

    def test_start_that_fails_says_what_works(self):
        self.configure("db01", store=f"engine = sqlite\ndatabase = {self.db}\n",
                       service=self.service_commands())
        self.certbackup("restore", "db01", self.path("sets/full"))
        self.damage_staged()
        self.certbackup("start", "db01", expect=1)
        self.assertEqual(self.read(self.path("service")), b"3")
        self.certbackup("cancel", "db01", expect=None)
        self.certbackup("restore", "--start", "db01", self.path("sets/full"))
        self.assertEqual(self.read(self.path("service")), b"0")
        self.assertEqual(self.rows(), 2000)


class GivenUp(Site):
    def setUp(self):
        super().setUp()
        self.certbackup("backup", "ca01", self.path("sets/full"))
        # The set changes when everything has been looked at: found out while files are
        # copied, with the restore registered.
        self.saved = self.path("sets/full/databases") + self.path("ca/serial")
        self.configure(service=self.service_commands(
            stop=f"printf 3 > {self.path('service')}; printf xxxx > {self.saved}"))
        self.good = self.read(self.saved)
        self.write(self.path("good"), self.good)

    def fail_to_restore(self, env=None):
        self.write(self.saved, self.good)
        done = self.certbackup("restore", "ca01", self.path("sets/full"), expect=1, env=env)
        self.write(self.saved, self.good)
        return done

    def test_all_is_as_before(self):
        before = snapshot(self.top)
        done = self.fail_to_restore()
        self.assertIn(b"ERROR_CRC", done.stderr)
        self.assertIn(b"the store is as it was, and the service as before", done.stderr)
        after = snapshot(self.top)
        self.assertEqual({path: what for path, what in after.items() if path in before}, before)
        self.assertEqual(self.status()["restore"]["state"], "none")
        self.assert_no_staging()

    def test_failed_registration_is_replaced_by_the_next_restore(self):
        """Taking the registration back fails at each step in turn."""
        self.issue("later.example.test")
        before = snapshot(self.path("ca"))
        mark, failed = self.path("mark"), 0
        for n in range(1, 1000):
            done = self.fail_to_restore(dict(SHIM, ENOSPC_AT=str(n), ENOSPC_MARK=mark,
                                             ENOSPC_BELOW=self.path("state")))
            if not os.path.exists(mark):
                break
            os.unlink(mark)
            state = self.status()["restore"]["state"]
            self.assertIn(state, ("none", "open", "failed"), done.stderr)
            after = {path: what for path, what in snapshot(self.path("ca")).items()
                     if b".backupapi-restore" not in path or state == "none"}
            self.assertEqual(after, before, done.stderr)
            if state == "open":
                self.check_open(done)
            elif state == "failed":
                self.check_failed(done)
                failed += 1
            self.certbackup("start", "ca01")
        self.assertGreater(failed, 0, "no step left a registration that failed")

    def check_open(self, done):
        self.assertIn(b"certbackup cancel ca01", done.stderr)
        done = self.fail_to_restore()
        self.assertIn(b"certbackup cancel", done.stderr)
        self.assertIn(b"backupapi-recover", done.stderr)
        self.certbackup("cancel", "ca01")

    def check_failed(self, done):
        self.assertIn(b"certbackup cancel ca01", done.stderr)
        # One that fails, too, changes nothing.
        self.write(self.path("service"), "0")
        done = self.fail_to_restore()
        self.assertIn(b"stays down", done.stderr)
        self.assertEqual(self.status()["restore"]["state"], "failed")
        self.assertEqual(self.read(self.path("service")), b"3")
        self.certbackup("restore", "ca01", self.path("sets/full"))
        self.assertEqual(self.status()["restore"]["state"], "complete")
        self.certbackup("cancel", "ca01")

    def interfere(self, condition):
        """Another program restores as soon as CONDITION, a shell command, is true: it is run
        by the command that tells the state of the service."""
        go, running = self.path("go"), self.path("running")
        self.write(self.path("status.sh"), f"""#!/bin/sh
export BACKUPAPI_CONFIG_DIR={self.path("config")} CERTBACKUP={testsite.CERTBACKUP}
state=$(cat {self.path("service")})
[ -e {go} ] && mkdir {running} 2> /dev/null || exit $state
if {condition}
then
	cp {self.path("good")} {self.saved}
	$CERTBACKUP restore --quiet ca01 {self.path("sets/full")} && rm {go}
fi >> {self.path("other.log")} 2>&1
rmdir {running}
exit $state
""")
        # From when the service is stopped: by then this one has looked at everything.
        self.write(self.path("stop.sh"), f"""#!/bin/sh
printf 3 > {self.path("service")}
printf xxxx > {self.saved}
: > {go}
""")
        done = self.fail_to_restore()
        log = self.read(self.path("other.log")).decode(errors="replace")
        self.assertFalse(os.path.exists(go), f"{log}\n{done.stderr}")
        self.assertEqual(self.status()["restore"]["state"], "complete", done.stderr)
        self.assertEqual(self.read(self.path("service")), b"3")
        self.recover()
        self.assertEqual(self.status()["restore"]["state"], "none")
        return done

    def test_what_another_program_registers_before_is_left_alone(self):
        done = self.interfere("true")
        self.assertIn(b"already registered", done.stderr)

    def test_what_another_program_registers_after_is_left_alone(self):
        failed = """$CERTBACKUP status --json ca01 | grep -q '"state": *"failed"'"""
        done = self.interfere(failed)
        self.assertIn(b"left alone", done.stderr)


class Room(Site):
    def assert_needs_room(self, *options):
        """A megabyte of databases fits; what comes on top does not."""
        free = dict(SHIM, ENOSPC_FREE=str(1 << 20))
        before = snapshot(self.top)
        done = self.certbackup("restore", *options, "ca01", self.path("sets/full"), expect=1,
                               env=free)
        self.assertIn(b"ERROR_DISK_FULL", done.stderr)
        self.assertIn(b"the restore needs", done.stderr)
        self.assertEqual(snapshot(self.top), before)

    def test_dynamic_files_count(self):
        with open(self.path("ca/ca.pem"), "ab") as f:
            f.write(b"#" * (1 << 20))
        self.certbackup("backup", "ca01", self.path("sets/full"))
        self.assert_needs_room("--dynamic")
        self.certbackup("restore", "ca01", self.path("sets/full"),
                        env=dict(SHIM, ENOSPC_FREE=str(1 << 20)))

    def test_logs_count(self):
        self.certbackup("backup", "ca01", self.path("sets/full"))
        self.add_log(self.path("state/ca01/logs/edb00001.log"), b"#" * (1 << 20))
        self.certbackup("verify", self.path("sets/full"))
        self.assert_needs_room()

    def add_log(self, path, content):
        """Makes the set one with a log, with right checksums."""
        backup = self.path("sets/full")
        saved = backup + "/logs" + path
        os.makedirs(os.path.dirname(saved))
        self.write(saved, content)
        manifest = self.read(backup + "/MANIFEST").decode()
        line = (f"log\t{path}\t{len(content)}\t0600\t0\t0\t-\t-\t0.000000000\t0.000000000"
                "\t-\t-\n")
        head, dynamic, tail = manifest.partition("\ndynamic\t")
        self.write(backup + "/MANIFEST", head + "\n" + line + dynamic[1:] + tail)
        ini = self.read(backup + "/backup.ini").decode()
        self.write(backup + "/backup.ini",
                   ini.replace("low = 0", "low = 1").replace("high = 0", "high = 1"))
        self.write_sums(backup)


if __name__ == "__main__":
    testsite.main()
