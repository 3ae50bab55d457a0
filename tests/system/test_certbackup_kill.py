"""certbackup interrupted, killed, and run twice at once."""

import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import testsite
from testsite import HAVE_SQLITE, Site, snapshot

INTERRUPTIONS = 30
KILLS = 15


class Interrupted(Site):
    def setUp(self):
        super().setUp()
        self.large = self.make_large()
        self.seed = random.randrange(1 << 32)
        self.random = random.Random(self.seed)
        self.addCleanup(lambda: print(f"random seed {self.seed}", flush=True))

    def duration(self, *args):
        begin = time.monotonic()
        self.certbackup(*args)
        return time.monotonic() - begin

    def signal_after(self, seconds, number, *args, times=1):
        """Exit status and stderr of a run that gets a signal."""
        program = self.start(*args)
        try:
            program.wait(seconds)
        except subprocess.TimeoutExpired:
            for _ in range(times):
                program.send_signal(number)
        _, stderr = program.communicate(timeout=300)
        return program.returncode, stderr

    def test_backup_at_any_time(self):
        took = self.duration("backup", "large", self.path("sets/first"))
        target = self.path("sets/full")
        before = snapshot(self.large)
        statuses = set()
        # And until one is caught: the first run may have been the slowest by far.
        for n in itertools.count():
            if n >= INTERRUPTIONS and any(s > 128 for s in statuses):
                break
            number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[n % 3]
            begin = time.monotonic()
            status, stderr = self.signal_after(self.random.uniform(0, took), number, "backup",
                                               "large", target, times=1 + n % 2)
            statuses.add(status)
            # Killed at once only while there was nothing to clean up.
            self.assertIn(status, (0, -number, 128 + number), stderr)
            self.assert_no_partial()
            if status == 0:
                took = min(took, time.monotonic() - begin)
                self.assert_good_set(target)
                shutil.rmtree(target)
            else:
                self.assertFalse(os.path.lexists(target))
            if status == 128 + number:
                self.assertIn(b"stopped by SIG", stderr)
            self.assertEqual(self.status("large")["state"], "serving")
        self.certbackup("backup", "large", target)
        self.assert_good_set(target)
        self.assertEqual(snapshot(self.large), before)

    def test_backup_second_signal_does_not_skip_the_cleaning(self):
        program = self.start_stopped(
            self.path("sets"), "backup", "large", self.path("sets/full"))
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGCONT)
        while program.poll() is None:
            program.send_signal(signal.SIGINT)
            time.sleep(0.0005)
        program.communicate()
        self.assertEqual(program.returncode, 130)
        self.assert_no_partial()

    def reads_below(self, program, directory):
        """Has the running PROGRAM a file open there?"""
        top = f"/proc/{program.pid}/fd"
        try:
            opened = [os.readlink(os.path.join(top, fd)) for fd in os.listdir(top)]
        except OSError:
            return False
        return any(path.startswith(directory + "/") for path in opened)

    def test_interrupted_verify_says_so(self):
        self.certbackup("backup", "large", self.path("sets/full"))
        inside = self.path("sets/full/databases") + self.large
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(100):
                program = self.start("verify", self.path("sets/full"), self.path("sets/full"))
                while program.poll() is None and not self.reads_below(program, inside):
                    pass
                program.send_signal(number)
                stdout, stderr = program.communicate(timeout=300)
                # It may have been too fast to be interrupted.
                if program.returncode != 0:
                    break
            self.assertEqual(program.returncode, 128 + number, stderr)
            self.assertIn(b"stopped by " + signal.Signals(number).name.encode(), stderr)
            self.assertNotEqual(stdout.count(b"good"), 2)

    def test_ignored_signals_stay_ignored(self):
        program = self.start_stopped(
            self.path("sets"), "backup", "large", self.path("sets/full"),
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None)
        program.send_signal(signal.SIGHUP)
        program.send_signal(signal.SIGCONT)
        _, stderr = program.communicate()
        self.assertEqual(program.returncode, 0, stderr)

    def restore_sane(self, status, stderr, old, new):
        """After an interrupted restore: all as before, or complete and recoverable."""
        state = self.status("large")["restore"]["state"]
        service = self.read(self.path("service"))
        if state == "none":
            self.assertNotEqual(status, 0)
            self.assertEqual(snapshot(self.large), old, stderr)
            self.assertEqual(service, b"0", stderr)
            return
        self.assertEqual(state, "complete", stderr)
        self.assertEqual(service, b"3")
        self.certbackup("start", "large")
        self.assertEqual(snapshot(self.large), new)
        self.write(os.path.join(self.large, "part0.dat"), "changed again")

    def test_restore_at_any_time(self):
        self.configure("large", store=f"engine = flat\ndatabase = {self.large}/*.dat\n",
                       service=self.service_commands())
        self.certbackup("backup", "large", self.path("sets/full"))
        new = snapshot(self.large)
        took = self.duration("restore", "large", self.path("sets/full"))
        self.certbackup("start", "large")
        self.write(os.path.join(self.large, "part0.dat"), "changed")
        for n in range(INTERRUPTIONS):
            old = snapshot(self.large)
            number = (signal.SIGINT, signal.SIGTERM)[n % 2]
            status, stderr = self.signal_after(self.random.uniform(0, took), number, "restore",
                                               "large", self.path("sets/full"))
            self.assertIn(status, (0, -number, 128 + number), stderr)
            self.restore_sane(status, stderr, old, new)
            # What recovery kept aside.
            shutil.rmtree(self.path("state/large"), ignore_errors=True)

    def test_restore_killed_leaves_what_cancel_and_restore_can_take_up(self):
        self.configure("large", store=f"engine = flat\ndatabase = {self.large}/*.dat\n")
        self.certbackup("backup", "large", self.path("sets/full"))
        new = snapshot(self.large)
        took = self.duration("restore", "large", self.path("sets/full"))
        self.certbackup("cancel", "large")
        for _ in range(KILLS):
            self.signal_after(self.random.uniform(0, took), signal.SIGKILL, "restore", "large",
                              self.path("sets/full"))
            state = self.status("large")["restore"]["state"]
            self.assertIn(state, ("none", "open", "complete"))
            if state == "open":
                done = self.certbackup("start", "large", expect=1)
                self.assertIn(b"hrRestoreInProgress", done.stderr)
            if state != "none":
                self.certbackup("cancel", "large")
            self.certbackup("start", "large")
        self.certbackup("restore", "--start", "large", self.path("sets/full"))
        self.assertEqual(snapshot(self.large), new)
        self.assert_no_staging()

    def test_backup_killed_at_any_point_then_the_next_works(self):
        took = self.duration("backup", "large", self.path("sets/first"))
        target = self.path("sets/full")
        for _ in range(KILLS):
            self.signal_after(self.random.uniform(0, took), signal.SIGKILL, "backup", "large",
                              target)
            if os.path.exists(target):
                self.assert_good_set(target)
                shutil.rmtree(target)
            self.certbackup("backup", "large", target)
            self.assert_good_set(target)
            self.assert_no_partial()
            shutil.rmtree(target)

    def test_two_backups_at_once(self):
        first = self.start_stopped(
            self.path("sets"), "backup", "large", self.path("sets/first"))
        second = self.certbackup("backup", "large", self.path("sets/second"), expect=1)
        self.assertIn(b"hrBackupInProgress", second.stderr)
        # The same target: the live one's partial set is left alone.
        self.certbackup("backup", "large", self.path("sets/first"), expect=1)
        self.certbackup("backup", "ca01", self.path("sets/other"))
        first.send_signal(signal.SIGCONT)
        _, stderr = first.communicate(timeout=300)
        self.assertEqual(first.returncode, 0, stderr)
        self.assert_good_set(self.path("sets/first"))
        self.assertEqual(sorted(os.listdir(self.path("sets"))), ["first", "other"])

    def test_target_that_appears_meanwhile_is_not_overwritten(self):
        program = self.start_stopped(
            self.path("sets"), "backup", "large", self.path("sets/full"))
        os.mkdir(self.path("sets/full"))
        program.send_signal(signal.SIGCONT)
        _, stderr = program.communicate(timeout=300)
        self.assertEqual(program.returncode, 1)
        self.assertIn(b"ERROR_ALREADY_EXISTS", stderr)
        self.assertEqual(os.listdir(self.path("sets")), ["full"])
        self.assertEqual(os.listdir(self.path("sets/full")), [])
        self.assertIsNone(self.status("large")["last_full"], "recorded without a set")

    @unittest.skipUnless(HAVE_SQLITE, "built without SQLite")
    def test_sqlite_writers_go_on_after_kills(self):
        path = self.make_sqlite(200000)
        took = self.duration("backup", "db01", self.path("sets/first"))
        writer = sqlite3.connect(path, timeout=300)
        for n in range(KILLS):
            self.signal_after(self.random.uniform(0, took), signal.SIGKILL, "backup", "db01",
                              self.path("sets/full"))
            writer.execute("INSERT INTO certs VALUES (?, 'after')", (1000000 + n,))
            writer.commit()
            shutil.rmtree(self.path("sets/full"), ignore_errors=True)
        writer.close()
        self.certbackup("backup", "db01", self.path("sets/full"))
        self.assert_good_set(self.path("sets/full"))


if __name__ == "__main__":
    testsite.main()
