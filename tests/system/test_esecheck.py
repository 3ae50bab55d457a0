"""esecheck on real files of ESE stores."""

import contextlib
import gzip
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import outcome

ESECHECK = os.environ["ESECHECK"]
SAMPLES = os.environ.get("BACKUPAPI_ESE_SAMPLES") or os.environ["ESE_SAMPLES"]

# name, unpacked from; state; page size; good, unused, bad pages; required logs
DATABASES = [
    ("SRUDB.dat", "srum-4k-dirty/SRUDB.dat", "dirty shutdown", 4096, 647, 135, 0, 0x51),
    ("qmgr.db", "qmgr-16k-dirty.db", "dirty shutdown", 16384, 52, 26, 0, 0xe),
    ("search.edb", "search-32k-clean.edb.gz", "clean shutdown", 32768, 381, 385, 0, None),
    ("tail.dat", "srum-4k-bad-tail.dat", "clean shutdown", 4096, 79, 63, 16, None),
]


class Esecheck(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="backupapi-esecheck-")
        self.addCleanup(shutil.rmtree, self.work)

    def path(self, name):
        return os.path.join(self.work, name)

    def sample(self, source, name=None):
        path = self.path(name or os.path.basename(source))
        source = os.path.join(SAMPLES, source)
        opener = gzip.open if source.endswith(".gz") else open
        with opener(source, "rb") as f, open(path, "wb") as out:
            shutil.copyfileobj(f, out)
        return path

    def flip(self, path, offset, bits=1):
        with open(path, "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ bits]))

    def run_program(self, *arguments, status=0):
        done = subprocess.run([ESECHECK, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        return done

    def check_json(self, *paths, status=0):
        return json.loads(self.run_program("--json", *paths, status=status).stdout)

    def test_the_statistics_of_every_sample(self):
        for name, source, state, size, good, unused, bad, required in DATABASES:
            path = self.sample(source, name)
            found, = self.check_json(path, status=1 if bad else 0)
            self.assertEqual(found["path"], path)
            self.assertEqual(found["kind"], "database")
            self.assertEqual(found["state"], state)
            self.assertEqual(found["good"], not bad)
            pages = found["pages"]
            self.assertEqual((pages["size"], pages["good"], pages["unused"], pages["bad"]),
                             (size, good, unused, bad))
            self.assertEqual(pages["count"], good + unused + bad)
            if required:
                self.assertEqual(found["required"]["low"], required)
                self.assertEqual(found["required"]["high"], required)
            else:
                self.assertIsNone(found["required"])

    def test_the_bad_tail_is_named_page_by_page(self):
        found, = self.check_json(self.sample("srum-4k-bad-tail.dat"), status=1)
        self.assertEqual([p["page"] for p in found["problems"]], list(range(143, 159)))
        self.assertEqual([p["offset"] for p in found["problems"]],
                         [page * 4096 for page in range(144, 160)])
        self.assertEqual({p["name"] for p in found["problems"]}, {"hrReadVerifyFailure"})

    def test_text_for_people(self):
        done = self.run_program(self.sample("srum-4k-dirty/SRUDB.dat"))
        for text in ("dirty shutdown", "0x51 to 0x51", "782 of 4096 bytes", "647", "135",
                     "result             good"):
            self.assertIn(text, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_a_whole_directory(self):
        directory = os.path.join(SAMPLES, "srum-4k-dirty")
        paths = [self.sample("srum-4k-dirty/" + name) for name in sorted(os.listdir(directory))]
        found = {os.path.basename(f["path"]): f for f in self.check_json(*paths)}
        self.assertEqual(len(found), len(paths))
        self.assertEqual(found["SRU.chk"]["kind"], "checkpoint")
        self.assertEqual(found["SRU.chk"]["checkpoint"]["generation"], 0x51)
        self.assertEqual(found["SRU.log"]["generation"], 0x52)
        self.assertEqual(found["SRU0004E.log"]["generation"], 0x4e)
        self.assertEqual(found["SRUtmp.log"]["kind"], "spare log")
        self.assertEqual(found["SRUres00001.jrs"]["kind"], "spare log")

    def test_a_single_bit_is_located(self):
        path = self.sample("qmgr-16k-dirty.db")
        self.flip(path, 2 * 16384 + 9000, 0x20)
        found, = self.check_json(path, status=1)
        problem, = found["problems"]
        self.assertEqual((problem["page"], problem["bit"]), (1, 9000 * 8 + 5))
        self.assertEqual(found["pages"]["single_bit"], 1)
        done = self.run_program(path, status=1)
        self.assertIn("bit 5 of byte 9000", done.stderr)
        self.assertIn("damaged: 1 problem", done.stdout)

    def test_damage_of_every_kind(self):
        for source, name, offset, code in (
                ("srum-4k-dirty/SRU0004F.log", "SRU0004F.log", 5000, "hrLogFileCorrupt"),
                ("srum-4k-dirty/SRU0004F.log", "SRU0004F.log", 100, "hrLogFileCorrupt"),
                ("srum-4k-dirty/SRU.chk", "SRU.chk", 10, "hrCheckpointCorrupt"),
                ("srum-4k-dirty/SRUDB.dat", "SRUDB.dat", 4100, "hrDatabaseCorrupted")):
            path = self.sample(source, name)
            self.flip(path, offset)
            found, = self.check_json(path, status=1)
            self.assertEqual([p["name"] for p in found["problems"]], [code], name)
            self.assertFalse(found["good"])

    def test_a_renamed_log_and_a_cut_off_one(self):
        path = self.sample("srum-4k-dirty/SRU0004F.log", "SRU00060.log")
        found, = self.check_json(path, status=1)
        self.assertEqual([p["code"] for p in found["problems"]], ["0xC8000201"])
        path = self.sample("srum-4k-dirty/SRU0004F.log")
        os.truncate(path, 32768)
        found, = self.check_json(path, status=1)
        self.assertEqual([p["code"] for p in found["problems"]], ["0xC800021D"])
        path = self.sample("srum-4k-dirty/SRUDB.dat")
        os.truncate(path, 100 * 4096 + 1)
        found, = self.check_json(path, status=1)
        self.assertEqual([p["name"] for p in found["problems"]], ["hrDatabaseInvalidPages"])

    def test_every_file_is_tried(self):
        good = self.sample("srum-4k-dirty/SRU.chk")
        text = self.path("text")
        with open(text, "w") as f:
            f.write("nothing of that kind")
        found = self.check_json(self.path("missing"), text, good, status=1)
        self.assertEqual([f["good"] for f in found], [False, False, True])
        self.assertEqual([f.get("name") for f in found],
                         ["ERROR_FILE_NOT_FOUND", "ERROR_INVALID_DATA", None])
        self.assertIn(text, found[1]["error"])

    def test_quiet_prints_errors_and_damage_alone(self):
        good = self.sample("srum-4k-dirty/SRU.chk")
        done = self.run_program("--quiet", good)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        done = self.run_program("-q", self.sample("srum-4k-bad-tail.dat"), status=1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 16)

    def test_usage(self):
        self.assertIn("usage: esecheck", self.run_program("--help").stdout)
        self.assertRegex(self.run_program("--version").stdout, r"^esecheck \d+\.\d+\.\d+\n$")
        self.assertIn("usage: esecheck", self.run_program(status=2).stderr)
        self.assertIn("usage: esecheck", self.run_program("--wrong", "x", status=2).stderr)

    def test_names_of_any_bytes_stay_on_one_line(self):
        path = os.fsencode(self.work) + b"/a\nb\xff\x1b.chk"
        shutil.copyfile(os.path.join(SAMPLES, "srum-4k-dirty/SRU.chk"), path)
        done = subprocess.run([ESECHECK, path], capture_output=True, check=True)
        shown = os.fsencode(self.work) + rb"/a\x0ab\xff\x1b.chk:"
        self.assertEqual(done.stdout.splitlines()[0], shown)

    def large(self):
        """A database with 8 GiB of unused pages."""
        path = self.sample("srum-4k-dirty/SRUDB.dat", "large.edb")
        os.truncate(path, 8 << 30)
        return path

    @staticmethod
    def has_open(process, path):
        top = f"/proc/{process.pid}/fd"
        for number in os.listdir(top):
            with contextlib.suppress(FileNotFoundError):
                if os.path.samefile(os.readlink(os.path.join(top, number)), path):
                    return True
        return False

    def test_an_interrupt_ends_it_at_once(self):
        large = self.large()
        process = subprocess.Popen([ESECHECK, "--json", large, self.path("other")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not self.has_open(process, large):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        found, = json.loads(out)
        self.assertEqual(found["name"], "ERROR_CANCELLED")

    def test_a_bar_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([ESECHECK, self.large()], stdout=subprocess.DEVNULL,
                                   stderr=theirs)
        os.close(theirs)
        seen = b""
        while b"%" not in seen:
            seen += os.read(ours, 4096)
        process.terminate()
        while True:
            try:
                if not os.read(ours, 4096):
                    break
            except OSError:
                break
        os.close(ours)
        self.assertEqual(process.wait(timeout=300), 128 + signal.SIGTERM)
        self.assertIn(b"checking [", seen)


if __name__ == "__main__":
    if not os.path.isdir(SAMPLES):
        outcome.skip(f"there are no sample files in {SAMPLES}")
    unittest.main()
