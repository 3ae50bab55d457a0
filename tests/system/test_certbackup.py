"""certbackup and backupapi-recover: whole flows on a real certification authority."""

import json
import os
import pty
import re
import shutil
import sqlite3
import stat
import struct
import subprocess
import unittest

import testsite
from testsite import HAVE_SQLITE, ROOT, Site, sha256, snapshot

HOSTILE = [b"plain", b"new\nline", b"back\\slash", b"\xff\xfe not utf-8", b"-leading",
           b"a=b", b"%41", b" spaces ", b"tab\there", b"carriage\rreturn", b"\xc2\x85",
           "ünïcödé".encode(), b"trailing\\", b"\\n", b"quote\"'`$(x)", b"\xef\x81\x9c",
           b"l" * 200]


class Backup(Site):
    def test_set_has_every_file_and_sha256sum_agrees(self):
        before = snapshot(self.path("ca"))
        self.certbackup("backup", "ca01", self.path("sets/full"))
        self.assertEqual(snapshot(self.path("ca")), before, "the CA was changed")
        self.assert_good_set(self.path("sets/full"))
        for name in ("index.txt", "serial", "crlnumber", "newcerts/1000.pem"):
            copy = self.path("sets/full/databases") + self.path("ca", name)
            self.assertEqual(self.read(copy), self.read(self.path("ca", name)))
        for name in ("ca.pem", "crl/ca.crl"):
            copy = self.path("sets/full/dynamic") + self.path("ca", name)
            self.assertEqual(self.read(copy), self.read(self.path("ca", name)))
        self.assert_no_partial()

    def test_modes_are_private_whatever_the_umask(self):
        for umask in (0, 0o777):
            target = self.path("sets", "umask%o" % umask)
            self.certbackup("backup", "ca01", target,
                            preexec_fn=lambda umask=umask: os.umask(umask) and None)
            self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o700)
            for path, (mode, *_) in snapshot(target).items():
                want = 0o700 if stat.S_ISDIR(mode) else 0o600
                self.assertEqual(stat.S_IMODE(mode), want, path)

    def test_backup_ini_and_manifest_tell_what_it_is(self):
        self.certbackup("backup", "CA01", self.path("sets/full"))
        ini = self.read(self.path("sets/full/backup.ini")).decode()
        for line in ("server = ca01", "family = certsrv", "engine = flat", "kind = full",
                     "low = 0", "high = 0", f"database = {self.path('ca/serial')}"):
            self.assertIn("\n" + line + "\n", ini)
        self.assertRegex(ini, r"\nstarted = \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n")
        self.assertRegex(ini, r"\nid = [0-9a-f]{32}\n")
        manifest = self.read(self.path("sets/full/MANIFEST")).decode().splitlines()
        st = os.stat(self.path("ca/serial"))
        line = next(l for l in manifest if l.startswith("database\t" + self.path("ca/serial")))
        fields = line.split("\t")
        self.assertEqual(fields[2:6], [str(st.st_size), "%04o" % stat.S_IMODE(st.st_mode),
                                       str(st.st_uid), str(st.st_gid)])
        self.assertEqual(fields[8], "%d.%09d" % divmod(st.st_mtime_ns, 10**9))
        self.assertTrue(any(l.startswith("directory\t" + self.path("ca/newcerts") + "\t")
                            for l in manifest))

    def test_history_has_it_and_status_tells(self):
        self.assertIsNone(self.status()["last_full"])
        self.certbackup("backup", "ca01", self.path("sets/full"))
        self.assertIsNotNone(self.status()["last_full"])

    def test_existing_target_is_never_touched(self):
        self.write(self.path("sets/file"), "precious")
        os.mkdir(self.path("sets/dir"))
        os.symlink("nowhere", self.path("sets/link"))
        before = snapshot(self.path("sets"))
        for name in ("file", "dir", "dir/", "link"):
            done = self.certbackup("backup", "ca01", self.path("sets", name), expect=1)
            self.assertIn(b"ERROR_ALREADY_EXISTS, 0x800700B7", done.stderr)
        self.assertEqual(snapshot(self.path("sets")), before)
        self.assertIsNone(self.status()["last_full"])

    def test_target_without_parent_or_name_is_refused(self):
        self.certbackup("backup", "ca01", self.path("nowhere/set"), expect=1)
        for name in ("", ".", "..", "/"):
            self.certbackup("backup", "ca01", name, expect=1, cwd=self.path("sets"))
        self.assertEqual(os.listdir(self.path("sets")), [])

    def test_relative_target_with_long_and_odd_name(self):
        for name in ("x" * 255, "-dash", "with space", "new\nline"):
            self.certbackup("backup", "ca01", "--", name, cwd=self.path("sets"))
            self.assert_good_set(self.path("sets", name))
        self.assert_no_partial()

    def test_too_large_for_the_free_space_is_refused_before_it_starts(self):
        done = self.certbackup("backup", "ca01", self.path("sets/full"), expect=1,
                               env={"LD_PRELOAD": testsite.SHIM, "ENOSPC_FREE": "4096",
                                    "ASAN_OPTIONS": "verify_asan_link_order=0"})
        self.assertIn(b"ERROR_DISK_FULL", done.stderr)
        self.assertEqual(os.listdir(self.path("sets")), [])

    def test_incremental_of_a_store_without_logs_is_refused(self):
        self.certbackup("backup", "ca01", self.path("sets/full"))
        done = self.certbackup("backup", "--incremental", "ca01", self.path("sets/incr"),
                               expect=1)
        self.assertIn(b"hrCircularLogging", done.stderr)
        self.assertEqual(os.listdir(self.path("sets")), ["full"])

    def test_truncate_without_logs_is_fine(self):
        self.certbackup("backup", "--truncate", "ca01", self.path("sets/full"))

    def test_stopped_server_is_not_backed_up(self):
        self.certbackup("stop", "ca01")
        done = self.certbackup("backup", "ca01", self.path("sets/full"), expect=1)
        self.assertIn(b"hrCouldNotConnect", done.stderr)
        self.certbackup("start", "ca01")
        self.certbackup("backup", "ca01", self.path("sets/full"))

    def test_hostile_names_come_back(self):
        os.mkdir(self.path("odd"))
        top = os.fsencode(self.path("odd"))
        for n, name in enumerate(HOSTILE):
            self.write(os.path.join(top, name), b"%d" % n)
        self.configure("odd", store=f"engine = flat\ndatabase = {self.path('odd')}/*\n")
        self.certbackup("backup", "odd", self.path("sets/odd"))
        self.assert_good_set(self.path("sets/odd"))
        listed = json.loads(self.certbackup("list", "--json", self.path("sets/odd")).stdout)
        paths = {os.fsencode(f["path"]) for f in listed["files"] if f["kind"] == "database"}
        self.assertEqual(paths, {os.path.join(top, name) for name in HOSTILE})
        shown = self.certbackup("list", self.path("sets/odd")).stdout.decode()
        self.assertNotIn("\r", shown)
        self.assertEqual(len([l for l in shown.splitlines() if l.startswith("database")]),
                         len(HOSTILE))
        before = snapshot(self.path("odd"))
        shutil.rmtree(top)
        self.certbackup("restore", "odd", self.path("sets/odd"))
        self.recover("odd")
        self.assertEqual(snapshot(self.path("odd")), before)

    def test_progress_only_on_a_terminal(self):
        large = self.make_large(16)
        self.assertTrue(large)
        quiet = self.certbackup("backup", "large", self.path("sets/a"))
        self.assertEqual(quiet.stderr, b"")
        parent, child = pty.openpty()
        try:
            subprocess.run([testsite.CERTBACKUP, "backup", "large", self.path("sets/b")],
                           env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=child, check=True)
            shown = os.read(parent, 65536)
        finally:
            os.close(parent)
            os.close(child)
        self.assertRegex(shown, rb"backup \[[#.]+\] +\d+%")

    def test_quiet_prints_nothing(self):
        for args in (("backup", "--quiet", "ca01", self.path("sets/full")),
                     ("verify", "--quiet", self.path("sets/full")),
                     ("stop", "--quiet", "ca01"), ("start", "--quiet", "ca01")):
            done = self.certbackup(*args)
            self.assertEqual((done.stdout, done.stderr), (b"", b""))


class Restore(Site):
    def setUp(self):
        super().setUp()
        self.known_before = self.known()
        self.certbackup("backup", "ca01", self.path("sets/full"))

    def assert_ca_works(self, directory="ca"):
        self.assertEqual(self.known(directory), self.known_before)
        following = self.read(self.path(directory, "serial")).decode().strip()
        self.issue("next.example.test", directory)
        self.assertTrue(os.path.exists(self.path(directory, "newcerts", following + ".pem")))
        self.assertEqual(int(self.read(self.path(directory, "serial")), 16),
                         int(following, 16) + 1)

    def test_destroyed_ca_comes_back_and_issues_the_next_certificate(self):
        os.chmod(self.path("ca"), 0o750)
        os.chmod(self.path("ca/serial"), 0o640)
        os.utime(self.path("ca/serial"), ns=(10**18 + 1, 10**18 + 2))
        if ROOT:
            os.chown(self.path("ca"), 12345, 12346)
            os.chown(self.path("ca/serial"), 12345, 12346)
        self.certbackup("backup", "ca01", self.path("sets/second"))
        before = snapshot(self.path("ca"))
        shutil.rmtree(self.path("ca"))
        self.certbackup("restore", "--dynamic", "ca01", self.path("sets/second"))
        self.assertFalse(os.path.exists(self.path("ca/index.txt")), "in place too early")
        self.assertEqual(self.status()["restore"]["state"], "complete")
        self.recover()
        after = snapshot(self.path("ca"))
        # What keeps two restores apart stays.
        after.pop(os.fsencode(self.path("ca/.backupapi-restore.lock")), None)
        missing = {path for path in before if path not in after}
        self.assertTrue(all(path.endswith((b".old", b".attr.old")) for path in missing), missing)
        self.assertEqual(after, {path: before[path] for path in after})
        self.assertEqual(os.stat(self.path("ca/serial")).st_mtime_ns, 10**18 + 2)
        self.assertEqual(self.status()["restore"]["state"], "none")
        self.assert_no_staging()
        self.assert_ca_works()

    def test_set_wins_over_later_changes_which_are_kept_aside(self):
        self.issue("lost.example.test")
        lost = self.read(self.path("ca/index.txt"))
        self.certbackup("restore", "--start", "ca01", self.path("sets/full"))
        self.assert_ca_works()
        aside = [os.path.join(d, f) for d, _, files in os.walk(self.path("state"))
                 for f in files if f == "index.txt"]
        self.assertIn(lost, [self.read(path) for path in aside])

    def test_acl_comes_back(self):
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
            (1, 6, 0xffffffff), (2, 4, 4711), (4, 4, 0xffffffff), (16, 4, 0xffffffff),
            (32, 0, 0xffffffff)))
        path = self.path("ca/serial")
        try:
            os.setxattr(path, "system.posix_acl_access", acl)
        except OSError:
            self.skipTest("no ACLs in this file system")
        self.certbackup("backup", "ca01", self.path("sets/acl"))
        os.unlink(path)
        self.certbackup("restore", "ca01", self.path("sets/acl"))
        self.recover()
        self.assertEqual(os.getxattr(path, "system.posix_acl_access"), acl)

    def test_dynamic_files_only_when_asked(self):
        for name in ("ca.pem", "crl/ca.crl"):
            self.write(self.path("ca", name), "new")
        self.certbackup("restore", "--start", "ca01", self.path("sets/full"))
        self.assertEqual(self.read(self.path("ca/ca.pem")), b"new")
        self.certbackup("restore", "--start", "--dynamic", "ca01", self.path("sets/full"))
        self.assertIn(b"BEGIN CERTIFICATE", self.read(self.path("ca/ca.pem")))
        self.assertIn(b"BEGIN X509 CRL", self.read(self.path("ca/crl/ca.crl")))

    def test_dry_run_tells_everything_and_changes_nothing(self):
        before = snapshot(self.top)
        done = self.certbackup("restore", "--dry-run", "--dynamic", "ca01",
                               self.path("sets/full"))
        self.assertEqual(snapshot(self.top), before)
        for name in ("index.txt", "newcerts/1003.pem", "crl/ca.crl"):
            self.assertIn(f"{self.path('ca', name)} -> {self.path('ca', name)}\n".encode(),
                          done.stdout)

    def test_map_to_a_new_place(self):
        before = snapshot(self.path("ca"))
        self.configure("ca01", store=self.flat_store("new=place/deep"))
        place = f"{self.path('ca')}={self.path('new=place/deep')}"
        self.certbackup("restore", "--dynamic", "--map", place, "ca01", self.path("sets/full"))
        self.recover()
        self.assertEqual(snapshot(self.path("ca")), before, "the old place was touched")
        os.symlink(self.path("private"), self.path("new=place/private"))
        self.assert_ca_works("new=place/deep")

    def test_the_longest_map_wins_and_collisions_are_refused(self):
        done = self.certbackup("restore", "--dry-run", "--map", f"{self.path('ca')}=/new/",
                               "--map", f"{self.path('ca/newcerts')}=/certs", "ca01",
                               self.path("sets/full"))
        self.assertIn(f"{self.path('ca/serial')} -> /new/serial\n".encode(), done.stdout)
        self.assertIn(f"{self.path('ca/newcerts/1000.pem')} -> /certs/1000.pem\n".encode(),
                      done.stdout)
        self.certbackup("restore", "--dry-run", "--map",
                        f"{self.path('ca/serial')}={self.path('ca/crlnumber')}", "ca01",
                        self.path("sets/full"), expect=1)

    def test_bad_maps_are_refused(self):
        before = snapshot(self.top)
        for bad in ("x", "=", "a=b", "/a/../b=/c", f"{self.path('ca')}=relative",
                    "/nowhere=/else", f"{self.path('ca')}=/a/../b"):
            self.certbackup("restore", "--map", bad, "ca01", self.path("sets/full"), expect=1)
        self.assertEqual(snapshot(self.top), before)

    def test_another_servers_set_is_refused_unless_asked_for(self):
        self.configure("other", store=f"engine = flat\ndatabase = {self.path('else')}/*\n")
        os.mkdir(self.path("else"))
        before = snapshot(self.top)
        done = self.certbackup("restore", "other", self.path("sets/full"), expect=1)
        self.assertIn(b"--any-server", done.stderr)
        self.assertEqual(snapshot(self.top), before)
        self.certbackup("restore", "--any-server", "--map",
                        f"{self.path('ca')}={self.path('else')}", "other",
                        self.path("sets/full"))
        self.recover("other")
        self.assertEqual(self.read(self.path("else/serial")), self.read(self.path("ca/serial")))

    def test_a_renamed_server_takes_sets_of_its_alias(self):
        os.unlink(self.path("config/ca01.conf"))
        self.configure("renamed", extra="alias = ca01")
        self.certbackup("restore", "--start", "renamed", self.path("sets/full"))
        self.assert_ca_works()

    def test_cancel_gives_up_and_leaves_nothing(self):
        self.certbackup("cancel", "ca01", expect=1)
        before = snapshot(self.path("ca"))
        self.certbackup("restore", "ca01", self.path("sets/full"))
        done = self.certbackup("restore", "ca01", self.path("sets/full"), expect=1)
        self.assertIn(b"already registered", done.stderr)
        done = self.certbackup("backup", "ca01", self.path("sets/no"), expect=1)
        self.assertEqual(os.listdir(self.path("sets")), ["full"])
        self.certbackup("cancel", "ca01")
        self.assertEqual(snapshot(self.path("ca")), before)
        self.assert_no_staging()
        self.assertEqual(self.status()["restore"]["state"], "none")
        self.certbackup("start", "ca01")

    def test_running_service_is_stopped_and_started(self):
        self.configure(service=self.service_commands())
        self.certbackup("restore", "ca01", self.path("sets/full"))
        self.assertEqual(self.read(self.path("service")), b"3")
        self.certbackup("start", "ca01")
        self.assertEqual(self.read(self.path("service")), b"0")
        self.assertEqual(self.status()["restore"]["state"], "none")
        self.certbackup("restore", "--start", "ca01", self.path("sets/full"))
        self.assertEqual(self.read(self.path("service")), b"0")
        self.assert_ca_works()

    def test_service_that_does_not_stop_stops_the_restore(self):
        self.configure(service=self.service_commands(stop="exit 1"))
        before = snapshot(self.path("ca"))
        self.certbackup("restore", "ca01", self.path("sets/full"), expect=1)
        self.assertEqual(self.read(self.path("service")), b"0")
        self.assertEqual(snapshot(self.path("ca")), before)
        self.assertEqual(self.status()["restore"]["state"], "none")

    def test_after_a_failure_the_service_is_as_before(self):
        self.configure(service=self.service_commands())
        for state in (b"0", b"4", b"3"):
            self.write(self.path("service"), state)
            # Somebody else's staging directory: found out after the service was stopped.
            self.write(self.path("ca/.backupapi-restore"), "not a directory")
            before = snapshot(self.path("ca"))
            self.certbackup("restore", "ca01", self.path("sets/full"), expect=1)
            self.assertEqual(self.read(self.path("service")), state)
            self.assertEqual(snapshot(self.path("ca")), before)

    def test_staging_through_a_symbolic_link_is_refused(self):
        os.mkdir(self.path("elsewhere"), 0o700)
        os.symlink(self.path("elsewhere"), self.path("ca/.backupapi-restore"))
        self.certbackup("restore", "ca01", self.path("sets/full"), expect=1)
        self.assertEqual(os.listdir(self.path("elsewhere")), [])

    def test_recover_without_a_restore_lets_the_service_start(self):
        self.assertIn(b"nothing to recover", self.recover().stdout)
        done = self.recover("nobody", expect=1)
        self.assertIn(b"backupapi-recover: ", done.stderr)
        self.run_program(testsite.RECOVER, [], 2, None)
        self.run_program(testsite.RECOVER, ["a", "b"], 2, None)
        self.run_program(testsite.RECOVER, ["--help"], 0, None)


@unittest.skipUnless(HAVE_SQLITE, "built without SQLite")
class Sqlite(Site):
    def rows(self, path):
        db = sqlite3.connect(path)
        try:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            return db.execute("SELECT count(*) FROM certs").fetchone()[0]
        finally:
            db.close()

    def test_backup_under_a_writer_and_restore_beside_a_stale_wal(self):
        path = self.make_sqlite(2000)
        writer = sqlite3.connect(path)
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO certs VALUES (5000, 'late')")
        writer.commit()
        self.certbackup("backup", "db01", self.path("sets/full"))
        self.assert_good_set(self.path("sets/full"))
        writer.execute("DELETE FROM certs WHERE serial % 2")
        writer.commit()
        stale = self.read(path + "-wal")
        writer.close()
        self.write(path + "-wal", stale)
        self.certbackup("restore", "--start", "db01", self.path("sets/full"))
        self.assertEqual(self.rows(path), 2001)

    def test_damaged_database_in_a_set_with_right_checksums_is_found(self):
        path = self.make_sqlite(2000)
        self.certbackup("backup", "db01", self.path("sets/full"))
        copy = self.path("sets/full/databases") + path
        content = bytearray(self.read(copy))
        # A page of the table: its b-tree header.
        content[4096:4200] = b"\xff" * 104
        old = sha256(copy)
        self.write(copy, bytes(content))
        sums = self.path("sets/full/SHA256SUMS")
        self.write(sums, self.read(sums).replace(old.encode(), sha256(copy).encode()))
        done = self.certbackup("verify", self.path("sets/full"), expect=1)
        self.assertIn(b"hrDatabaseCorrupted", done.stderr)
        before = self.read(path)
        done = self.certbackup("restore", "db01", self.path("sets/full"), expect=1)
        self.assertIn(b"hrDatabaseCorrupted", done.stderr)
        self.assertEqual(self.read(path), before)
        self.assertEqual(self.status("db01")["restore"]["state"], "none")
        self.assertEqual(self.status("db01")["state"], "serving")

    def test_verify_leaves_no_file_beside_the_database(self):
        self.make_sqlite()
        self.certbackup("backup", "db01", self.path("sets/full"))
        before = snapshot(self.path("sets"))
        self.certbackup("verify", self.path("sets/full"))
        self.assertEqual(snapshot(self.path("sets")), before)


class Words(Site):
    def test_status_of_all_servers_and_broken_configurations(self):
        self.configure("second", store=f"engine = flat\ndatabase = {self.path('private')}/*\n")
        done = self.certbackup("status")
        self.assertRegex(done.stdout, rb"(?m)^ca01$")
        self.assertRegex(done.stdout, rb"(?m)^second$")
        self.write(self.path("config/broken.conf"), "[server\n")
        os.chmod(self.path("config/broken.conf"), 0o600)
        done = self.certbackup("status", "--json", expect=1)
        self.assertEqual([s["name"] for s in json.loads(done.stdout)], ["ca01", "second"])
        self.assertRegex(done.stderr, rb"broken\.conf:1: ")

    def test_service_commands(self):
        self.configure(service=self.service_commands())
        for command, state in (("suspend", "suspended"), ("resume", "serving"),
                               ("stop", "stopped"), ("start", "serving")):
            self.certbackup(command, "ca01")
            self.assertEqual(self.status()["state"], state)

    def test_error_codes(self):
        for code in ("0xC80001F9", "-939523591", "3355443705", "hrBackupInProgress",
                     "HRBACKUPINPROGRESS"):
            done = self.certbackup("error", code)
            self.assertRegex(done.stdout, rb"^hrBackupInProgress \(0xC80001F9, -939523591\): .")
        self.assertIn(b"RPC_S_SERVER_UNAVAILABLE", self.certbackup("error", "1722").stdout)
        for code in ("nonsense", "", "0x", "0x123456789", "12x", "-99999999999"):
            self.certbackup("error", code, expect=2)

    def test_wrong_usage_is_2(self):
        for args in ((), ("nonsense",), ("backup",), ("backup", "ca01"), ("verify",),
                     ("backup", "ca01", "x", "y"), ("backup", "--dry-run", "ca01", "x"),
                     ("backup", "--nonsense", "ca01", "x"), ("restore", "--map"),
                     ("list", "--start", "x"), ("error", "1", "2")):
            self.certbackup(*args, expect=2)

    def test_help_and_version(self):
        self.assertRegex(self.certbackup("--version").stdout, rb"^certbackup \d+\.\d+\.\d+\n$")
        shown = self.certbackup("--help").stdout.decode()
        for command in re.findall(r"(?m)^  (\w+) ", shown):
            self.assertIn(f"usage: certbackup {command}",
                          self.certbackup(command, "--help").stdout.decode())
        self.assertIn("backup", shown)

    def test_unknown_server(self):
        for args in (("status", "nobody"), ("backup", "nobody", self.path("sets/x")),
                     ("restore", "nobody", self.path("sets/x")), ("cancel", "nobody"),
                     ("stop", "nobody")):
            done = self.certbackup(*args, expect=1)
            self.assertIn(b"RPC_S_SERVER_UNAVAILABLE", done.stderr)

    def test_full_standard_output_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([testsite.CERTBACKUP, "status"], env=self.env, stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)


if __name__ == "__main__":
    testsite.main()
