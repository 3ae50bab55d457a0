"""dsbackup, and what is particular to it: the expiry token, and stores of both families."""

import hashlib
import os
import shutil
import struct
import time

import testsite
from testsite import Site, snapshot

DAY = 86400


def make_token(name, taken, limit):
    """As the library makes it."""
    name = name.encode()
    token = struct.pack("<8sIIqqI", b"BKTOKEN\0", 1, 36 + len(name) + 32, taken, limit,
                        len(name)) + name
    return token + hashlib.sha256(token).digest()


class Directory(Site):
    """The flat files of the authority, as a directory service's."""

    def setUp(self):
        super().setUp()
        os.unlink(self.path("config/ca01.conf"))
        self.configure("ds01", families=("ds",))

    def backup(self, name="full"):
        self.dsbackup("backup", "ds01", self.path("sets", name))
        return self.path("sets", name)

    def replace_token(self, backup, token):
        self.write(backup + "/token", token)
        self.write_sums(backup)
        self.dsbackup("verify", backup)

    def assert_refused(self, backup, *needles, server="ds01", options=()):
        """Before anything is touched: the service is not even stopped."""
        self.configure(server, families=("ds",), service=self.service_commands())
        before = snapshot(self.path("ca"))
        for more in ((), ("--dry-run",)):
            done = self.dsbackup("restore", "--start", *options, *more, server, backup, expect=1)
            for needle in needles:
                self.assertIn(needle, done.stderr)
            self.assertEqual(snapshot(self.path("ca")), before)
            self.assertEqual(self.read(self.path("service")), b"0")
        self.assertEqual(self.ds_status(server)["restore"]["state"], "none")
        self.assertFalse(os.path.exists(self.path("stopped")))

    def service_commands(self, **replaced):
        state = self.path("service")
        return super().service_commands(
            stop=f"printf 3 > {state}; touch {self.path('stopped')}", **replaced)

    def ds_status(self, server="ds01"):
        return testsite.json.loads(self.dsbackup("status", "--json", server).stdout)[0]


class Set(Directory):
    def test_backup_and_restore(self):
        for name in os.listdir(self.path("ca")):
            if name.endswith(".old"):
                os.unlink(self.path("ca", name))
        original = snapshot(self.path("ca"))
        backup = self.backup()
        self.assert_good_set(backup)
        self.dsbackup("verify", backup)
        shutil.rmtree(self.path("ca"))
        self.dsbackup("restore", "--start", "--dynamic", "ds01", backup)
        self.assertEqual(snapshot(self.path("ca")), original)
        self.assert_no_staging()

    def test_set_has_the_token_and_the_dynamic_files(self):
        began = int(time.time())
        backup = self.backup()
        token = self.read(backup + "/token")
        taken = struct.unpack_from("<q", token, 16)[0]
        self.assertTrue(began <= taken <= time.time())
        self.assertEqual(token, make_token("ds01", taken, taken + 180 * DAY))
        for name in ("ca.pem", "crl/ca.crl"):
            self.assertEqual(self.read(backup + "/dynamic" + self.path("ca", name)),
                             self.read(self.path("ca", name)))
        self.assertIn("\nfamily = ds\n", self.read(backup + "/backup.ini").decode())

    def test_recovery_without_start(self):
        backup = self.backup()
        serial = self.read(self.path("ca/serial"))
        self.write(self.path("ca/serial"), "garbage")
        self.dsbackup("restore", "ds01", backup)
        self.assertEqual(self.ds_status()["restore"]["state"], "complete")
        self.dsbackup("backup", "ds01", self.path("sets/no"), expect=1)
        self.recover("ds01")
        self.assertEqual(self.read(self.path("ca/serial")), serial)

    def test_cancel(self):
        backup = self.backup()
        before = snapshot(self.path("ca"))
        self.dsbackup("restore", "ds01", backup)
        self.dsbackup("cancel", "ds01")
        self.assertEqual(snapshot(self.path("ca")), before)
        self.assertEqual(self.ds_status()["restore"]["state"], "none")

    def test_status_and_service(self):
        self.assertIsNone(self.ds_status()["last_full"])
        self.backup()
        self.assertIsNotNone(self.ds_status()["last_full"])
        self.dsbackup("stop", "ds01")
        self.assertEqual(self.ds_status()["state"], "stopped")
        done = self.dsbackup("backup", "ds01", self.path("sets/no"), expect=1)
        self.assertIn(b"hrCouldNotConnect", done.stderr)
        self.dsbackup("start", "ds01")
        self.assertEqual(self.ds_status()["state"], "serving")

    def test_map(self):
        backup = self.backup()
        os.mkdir(self.path("else"))
        before = snapshot(self.path("ca"))
        self.dsbackup("restore", "--map", f"{self.path('ca')}={self.path('else')}", "ds01",
                      backup)
        self.recover("ds01")
        self.assertEqual(snapshot(self.path("ca")), before)
        self.assertEqual(self.read(self.path("else/serial")), self.read(self.path("ca/serial")))

    def test_no_incremental_backups(self):
        done = self.dsbackup("backup", "--incremental", "ds01", self.path("sets/no"), expect=2)
        self.assertIn(b"usage: dsbackup backup [--truncate]", done.stderr)
        backup = self.backup()
        done = self.dsbackup("restore", "ds01", backup, backup, expect=2)
        self.assertIn(b"usage: dsbackup restore", done.stderr)
        self.assertEqual(os.listdir(self.path("sets")), ["full"])

    def test_help(self):
        said = self.dsbackup("--help").stdout.decode()
        self.assertIn("Ds functions", said)
        self.assertNotIn("INCRDIR", said)

    def test_sets_of_the_other_family_are_refused(self):
        self.configure("ds01", families=("ds", "certsrv"))
        ds = self.backup()
        self.certbackup("backup", "ds01", self.path("sets/cert"))
        done = self.dsbackup("restore", "ds01", self.path("sets/cert"), expect=1)
        self.assertIn(b"a set of family certsrv, not of ds", done.stderr)
        done = self.certbackup("restore", "ds01", ds, expect=1)
        self.assertIn(b"a set of family ds, not of certsrv", done.stderr)

    def test_one_store_of_both_families_has_one_lock_and_a_history_of_each(self):
        self.configure("ds01", families=("ds", "certsrv"))
        self.backup()
        self.assertIsNone(self.status("ds01")["last_full"])
        self.assertIsNotNone(self.ds_status()["last_full"])
        self.dsbackup("restore", "ds01", self.path("sets/full"))
        done = self.certbackup("backup", "ds01", self.path("sets/no"), expect=1)
        self.assertIn(b"hrRestoreInProgress", done.stderr)
        self.certbackup("start", "ds01")
        self.certbackup("backup", "ds01", self.path("sets/cert"))
        self.assertIsNotNone(self.status("ds01")["last_full"])

    def test_a_certsrv_server_is_none_of_it(self):
        os.unlink(self.path("config/ds01.conf"))
        self.configure("ca01")
        self.dsbackup("backup", "ca01", self.path("sets/no"), expect=1)
        self.assertEqual(os.listdir(self.path("sets")), [])


class Token(Directory):
    def test_expired(self):
        backup = self.backup()
        now = int(time.time())
        self.replace_token(backup, make_token("ds01", now - 10 * DAY, now - 3 * DAY - 60))
        self.assert_refused(backup, b"hrContentsExpired", b"3 days")

    def test_configured_lifetime_counts(self):
        self.configure("ds01", families=("ds",),
                       store=self.flat_store() + "tombstone_days = 7\n")
        token = self.read(self.backup() + "/token")
        taken, limit = struct.unpack_from("<qq", token, 16)
        self.assertEqual(limit - taken, 7 * DAY)

    def test_of_another_server(self):
        backup = self.backup()
        os.unlink(self.path("config/ds01.conf"))
        self.assert_refused(backup, b"hrInvalidParam", b"another server, ds01", server="ds02",
                            options=("--any-server",))

    def test_of_a_renamed_server(self):
        backup = self.backup()
        os.unlink(self.path("config/ds01.conf"))
        self.configure("renamed", families=("ds",), extra="alias = ds01")
        self.dsbackup("restore", "--start", "renamed", backup)

    def test_damaged(self):
        backup = self.backup()
        token = bytearray(self.read(backup + "/token"))
        token[20] ^= 1
        self.replace_token(backup, bytes(token))
        self.assert_refused(backup, b"hrUnknownExpiryTokenFormat")

    def test_damaged_and_unknown_to_the_checksums(self):
        backup = self.backup()
        with open(backup + "/token", "r+b") as f:
            f.write(b"X")
        self.dsbackup("verify", backup, expect=1)
        self.assert_refused(backup, b"token")

    def test_missing(self):
        backup = self.backup()
        os.unlink(backup + "/token")
        self.dsbackup("verify", backup, expect=1)
        self.write_sums(backup)
        self.assert_refused(backup, b"has no expiry token")


if __name__ == "__main__":
    testsite.main()
