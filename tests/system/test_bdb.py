"""certbackup on a Berkeley DB environment that is written to all the time."""

import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

CERTBACKUP = os.environ["CERTBACKUP"]
RECOVER = os.environ["BACKUPAPI_RECOVER"]
WRITER = os.environ["BDB_WRITER"]
PREPARED = os.environ["BDB_PREPARED"]
BACKUPS = int(os.environ.get("BDB_BACKUPS", "20"))
KILLS = int(os.environ.get("BDB_KILLS", "50"))
ROOT = os.geteuid() == 0
NOBODY = 65534


class Environment(unittest.TestCase):
    """A store, its writer, and a configuration of its own."""

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-bdb-"))
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        os.chmod(self.top, 0o755)
        for name in ("config", "sets", "state"):
            os.mkdir(self.path(name), 0o700)
        os.makedirs(self.path("home", "sub"), 0o755)
        self.env = dict(os.environ, BACKUPAPI_CONFIG_DIR=self.path("config"), LC_ALL="C")
        self.writer = None
        self.addCleanup(self.stop_writer)
        with open(self.path("config", "db01.conf"), "w", encoding="ascii") as f:
            f.write(f"[server]\nname = db01\nfamily = certsrv\nauthority = Test\n"
                    f"state_dir = {self.path('state')}/db01\n"
                    f"[store]\nengine = bdb\ndatabase = {self.path('home')}\n")
        os.chmod(self.path("config", "db01.conf"), 0o600)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    # ---- the server ----

    def start_writer(self, pause=0, keep=False, user=None):
        command = [WRITER, "run", self.path("home"), self.path("writer.state"), str(pause)]
        self.writer = subprocess.Popen(command + (["keep"] if keep else []),
                                       stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                       user=user, group=user)
        while self.committed() < 100:
            self.assertIsNone(self.writer.poll(), "the writer ended")
            time.sleep(0.01)

    def state_of_writer(self):
        try:
            with open(self.path("writer.state"), "rb") as f:
                return struct.unpack("II", f.read(8))
        except (FileNotFoundError, struct.error):
            return 0, 0

    def committed(self):
        return self.state_of_writer()[0]

    def stop_writer(self):
        """In order: killing it would be another test."""
        if not self.writer:
            return
        writer, self.writer = self.writer, None
        writer.stdin.close()
        try:
            code = writer.wait(timeout=300)
        except subprocess.TimeoutExpired:
            writer.kill()
            writer.wait()
            code = "it hung"
        said = writer.stderr.read().decode(errors="replace")
        writer.stderr.close()
        self.assertEqual(code, 0, f"the writer: {said}")

    def assert_writer_goes_on(self):
        before = self.committed()
        for _ in range(15000):
            if self.committed() > before + 10:
                return
            time.sleep(0.02)
        self.fail("the writer does not go on")

    def logs(self):
        return sorted(name for name in os.listdir(self.path("home"))
                      if re.fullmatch(r"log\.\d{10}", name))

    def wait_for_log(self):
        """Until the writer has begun another."""
        newest = self.logs()[-1]
        for _ in range(15000):
            if self.logs()[-1] > newest:
                return
            time.sleep(0.02)
        self.fail("the writer does not go on")

    # ---- programs ----

    def certbackup(self, *args, expect=0):
        done = subprocess.run([CERTBACKUP, *args], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300)
        self.assertEqual(done.returncode, expect,
                         f"{args}: {done.stdout.decode()}{done.stderr.decode()}")
        return done

    def backup(self, name, *options):
        self.certbackup("backup", *options, "db01", self.path("sets", name))
        return self.path("sets", name)

    # ---- looking at sets without the library ----

    def assemble(self, name, *sets):
        """A home made of copies, for libdb alone."""
        home = self.path(name)
        parts = {}
        for one in sets:
            for directory, _, files in os.walk(one):
                for file in files:
                    path = os.path.join(directory, file)
                    relative = os.path.relpath(path, one)
                    log = re.fullmatch(r"(log\.\d{10})(?:\.part-(\d+))?", file)
                    if relative.startswith("logs/") and log:
                        size = os.path.getsize(path)
                        if size >= parts.get(log[1], (-1, None))[0]:
                            parts[log[1]] = (size, path)
                    elif relative.startswith("databases/"):
                        _, _, below = path.rpartition(self.path("home").lstrip("/") + "/")
                        target = os.path.join(home, below)
                        os.makedirs(os.path.dirname(target), exist_ok=True)
                        shutil.copyfile(path, target)
        for log, (_, path) in parts.items():
            shutil.copyfile(path, os.path.join(home, log))
        subprocess.run([WRITER, "recover", home], check=True, timeout=300)
        return home

    def count(self, home):
        done = subprocess.run([WRITER, "count", home], check=True, timeout=300,
                              stdout=subprocess.PIPE)
        return int(done.stdout)


class Load(Environment):
    def take_set(self, name):
        """Its home, and what was committed before certbackup began."""
        before = self.committed()
        one = self.backup(name)
        home = self.assemble(f"home{name}", one)
        shutil.rmtree(one)
        return home, before

    def take_prepared(self, name):
        """Its home, and what was committed when Prepare had returned."""
        home = self.path(f"home{name}")
        os.makedirs(os.path.join(home, "sub"))
        done = subprocess.run([PREPARED, "db01", self.path("writer.state"),
                               self.path("home"), home], env=self.env, check=True,
                              stdout=subprocess.PIPE, timeout=300)
        subprocess.run([WRITER, "recover", home], check=True, timeout=300)
        return home, int(done.stdout)

    def test_each_backup_under_load_is_a_contiguous_prefix(self):
        self.start_writer(pause=0)
        last = 0
        for n in range(BACKUPS):
            take = self.take_set if n % 2 else self.take_prepared
            home, before = take(f"{n}")
            found = self.count(home)
            self.assertGreaterEqual(found, before)
            self.assertGreater(found, last)
            last = found
            shutil.rmtree(home)
        self.assert_writer_goes_on()
        self.stop_writer()
        print(f"{BACKUPS} backups under load, {last} records, longest commit "
              f"{self.state_of_writer()[1] / 1000:.1f} ms", file=sys.stderr)

    def test_incremental_after_truncation_under_load_restores(self):
        self.start_writer(pause=50, keep=True)
        self.wait_for_log()
        sets = [self.backup("full", "--truncate")]
        for n in range(3):
            self.wait_for_log()
            before = self.committed()
            sets.append(self.backup(f"inc{n}", "--incremental", "--truncate"))
        self.assertGreater(self.logs()[0], "log.0000000001")
        self.stop_writer()
        home = self.assemble("assembled", *sets)
        self.assertGreaterEqual(self.count(home), before)
        self.restore_all(sets, before)

    def restore_all(self, sets, at_least):
        """The same through the library, over what the server left."""
        self.certbackup("stop", "db01")
        self.certbackup("restore", "db01", *sets)
        done = subprocess.run([RECOVER, "db01"], env=self.env, capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertGreaterEqual(self.count(self.path("home")), at_least)
        self.assertFalse([name for name in os.listdir(self.path("home"))
                          if name.startswith("__db.")])

    def next_backup(self):
        """What the library goes by when the next one is taken."""
        status = json.loads(self.certbackup("status", "--json", "db01").stdout)[0]
        return status["last_full"], status["next_generation"]

    def kill_backup(self, target, options, moment):
        """After so many seconds; None: as soon as it has deleted a log."""
        oldest = self.logs()[0]
        program = subprocess.Popen([CERTBACKUP, "backup", *options, "db01", target],
                                   env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if moment is None:
            while program.poll() is None and self.logs()[0] == oldest:
                pass
        else:
            time.sleep(moment)
        program.send_signal(signal.SIGKILL)
        self.assertIn(program.wait(), (0, -signal.SIGKILL), options)
        self.assertIsNone(self.writer.poll(), "the writer ended")

    def continue_chain(self, chain, target, options, before):
        """The sets that a restore needs, now that TARGET was killed; no others stay."""
        if os.path.isdir(target) and "--incremental" in options:
            chain.append(target)
        elif os.path.isdir(target) and self.next_backup() != before:
            chain[:] = [target]
        for name in os.listdir(self.path("sets")):
            if self.path("sets", name) not in chain:
                shutil.rmtree(self.path("sets", name))

    def assert_logs_can_go(self, chain):
        """Those of now: nothing that a dead program left keeps them."""
        newest = self.logs()[-1]
        for n in range(100):
            self.wait_for_log()
            chain.append(self.backup(f"going{n}", "--incremental", "--truncate"))
            if self.logs()[0] > newest:
                return
            time.sleep(3)
        self.fail("logs are still kept")

    def test_killed_backup_programs_are_not_noticed(self):
        # Large enough that the copying takes a while.
        self.start_writer(pause=20, keep=True)
        time.sleep(1)
        began = time.monotonic()
        chain = [self.backup("measured", "--truncate")]
        longest = 1.2 * (time.monotonic() - began)
        moments = random.Random(3)
        ways = [(), ("--truncate",), ("--incremental", "--truncate"), (),
                ("--incremental", "--truncate"), ("--truncate",)]
        for n in range(KILLS):
            options = ways[n % len(ways)]
            moment = moments.uniform(0, longest)
            if options and n % 4 < 2:
                moment = None
                self.wait_for_log()
            target = self.path("sets", f"killed{n}")
            before = self.next_backup()
            self.kill_backup(target, options, moment)
            self.continue_chain(chain, target, options, before)
        self.assert_writer_goes_on()
        before = self.committed()
        chain.append(self.backup("last", "--incremental", "--truncate"))
        self.assert_logs_can_go(chain)
        self.stop_writer()
        print(f"{KILLS} backup programs killed, longest commit "
              f"{self.state_of_writer()[1] / 1000:.1f} ms", file=sys.stderr)
        self.assertGreaterEqual(self.count(self.assemble("assembled", *chain)), before)
        self.restore_all(chain, before)

    @unittest.skipUnless(ROOT, "needs root")
    def test_environment_of_another_user_stays_his(self):
        for directory, _, _ in os.walk(self.path("home")):
            os.chown(directory, NOBODY, NOBODY)
        with open(self.path("writer.state"), "wb") as f:
            os.fchown(f.fileno(), NOBODY, NOBODY)
        self.start_writer(pause=50, keep=True, user=NOBODY)
        for n in range(3):
            self.backup(f"set{n}", *(["--truncate"] if n == 1 else []))
            for directory, names, files in os.walk(self.path("home")):
                for name in names + files:
                    st = os.lstat(os.path.join(directory, name))
                    self.assertEqual((st.st_uid, st.st_gid), (NOBODY, NOBODY), name)
        self.assert_writer_goes_on()
        self.stop_writer()

    def test_stopped_server_has_nothing_to_join(self):
        self.start_writer()
        self.stop_writer()
        for name in os.listdir(self.path("home")):
            if name.startswith("__db."):
                os.unlink(self.path("home", name))
        done = self.certbackup("backup", "db01", self.path("sets", "none"), expect=1)
        self.assertIn(b"hrCouldNotConnect", done.stderr)
        self.assertIn(self.path("home").encode(), done.stderr)
        self.assertFalse(os.path.exists(self.path("sets", "none")))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
