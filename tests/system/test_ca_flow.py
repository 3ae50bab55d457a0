"""The quickstart's way of a certification authority, on each engine: in use, saved, lost,
restored, used again."""

import base64
import contextlib
import glob
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time

import testsite
from testsite import Site, openssl

ENGINES = os.environ["ENGINES"].split()  # of this build
SAMPLES = os.environ.get("BACKUPAPI_ESE_SAMPLES") or os.environ["ESE_SAMPLES"]
NO_SKIP = os.environ.get("BACKUPAPI_TEST_NO_SKIP") == "1"
FIRST = 0x1000


def run(*args, **kwargs):
    done = subprocess.run(args, capture_output=True, timeout=300, check=False, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{args}: exit status {done.returncode}\n"
                             f"{(done.stdout + done.stderr).decode(errors='replace')}")
    return done.stdout


class Issuer:
    """Issues certificates one after the other while it is entered, and one more."""

    def __init__(self, issue, pause):
        self.issue, self.pause, self.wanted = issue, pause, True
        self.issued, self.failure = 0, None
        self.change = threading.Condition()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        try:
            while self.wanted:
                self.issue(f"used{self.issued}.example.test")
                with self.change:
                    self.issued += 1
                    self.change.notify()
                time.sleep(self.pause)
        except Exception as failure:  # pylint: disable=broad-exception-caught
            with self.change:
                self.failure = failure
                self.change.notify()

    def wait_for(self, number):
        with self.change:
            self.change.wait_for(lambda: self.failure or self.issued >= number, timeout=300)

    def __enter__(self):
        self.thread.start()
        self.wait_for(1)
        return self

    def __exit__(self, kind, *_):
        if not kind:
            # The first of these two may have been begun before now.
            self.wait_for(self.issued + 2)
        self.wanted = False
        self.thread.join()
        if self.failure:
            raise self.failure


class Flow:
    """What is the same for all engines. A store's content is a dictionary of records."""
    engine = None
    tools = ()

    def setUp(self):
        if self.engine not in ENGINES:
            self.skipTest(f"built without the engine {self.engine}")
        missing = [tool for tool in self.tools if not os.path.exists(tool) and
                   not shutil.which(tool)]
        if missing and NO_SKIP:
            self.fail(f"missing: {missing}")
        if missing:
            self.skipTest(f"missing: {missing}")
        super().setUp()
        self.make_store()
        self.configure_as(self.engine)

    def configure_as(self, engine):
        self.configure(store=f"engine = {engine}\n{self.store_lines()}"
                             f"dynamic = {self.path('ca/ca.pem')}\n")

    def lose(self):
        for name in ("ca", "store"):
            shutil.rmtree(self.path(name), ignore_errors=True)

    def assert_status(self, backed_up):
        status = self.status()
        self.assertEqual((status["state"], status["engine"]), ("serving", self.engine))
        self.assertEqual(status["restore"]["state"], "none")
        self.assertEqual(status["last_full"] is not None, backed_up)

    def save(self, name):
        target = self.path("sets", name)
        self.certbackup("backup", "ca01", target)
        self.assert_good_set(target)
        ini = self.read(target + "/backup.ini").decode()
        self.assertIn(f"\nengine = {self.engine}\n", ini)
        listed = json.loads(self.certbackup("list", "--json", target).stdout)["files"]
        paths = {file["path"] for file in listed if file["kind"] == "database"}
        self.assertTrue(paths)
        for path in paths:
            self.assertTrue(os.path.isfile(target + "/databases" + path), path)
        return target

    def summary(self, backup):
        """What is saved in the set."""
        lines = self.read(backup + "/SHA256SUMS").decode().splitlines()
        return sorted(line for line in lines if re.search("  (databases|logs|dynamic)/", line))

    def restore(self, backup):
        self.certbackup("restore", "--start", "--dynamic", "ca01", backup)
        self.assert_status(backed_up=True)
        self.assert_no_staging()

    def test_lost_store_comes_back_and_goes_on(self):
        self.assert_status(backed_up=False)
        with self.in_use():
            before = self.content()
            full = self.save("full")
        self.assert_status(backed_up=True)
        lost = self.content()
        self.lose()
        self.restore(full)
        self.assert_back(before, lost)
        self.assert_goes_on(before)

    def test_auto_knows_the_engine_and_gives_the_same_set(self):
        content = self.content()
        named = self.save("named")
        self.configure_as("auto")
        found = self.save("auto")
        self.assertEqual(self.summary(found), self.summary(named))
        self.lose()
        # Nothing is left by which the engine could be known, but the set.
        self.restore(found)
        self.assert_back(content, content)
        self.assert_goes_on(content)


class Authority(Flow):
    """The store holds what `openssl ca` keeps: its directory is made from the records."""
    atomic = True  # what is put at once is there as a whole, or not at all
    pause = 0  # between two certificates, in seconds

    def make_store(self):
        self.answers = self.known()
        os.mkdir(self.path("store"), 0o700)
        self.make_empty()
        self.put(self.in_directory())

    def make_empty(self):
        pass

    def reopen(self):
        """What a server does when it starts."""

    def in_use(self):
        return Issuer(self.issue_one, self.pause)

    def in_directory(self):
        """The records of what openssl ca keeps; the number of the next one is put last."""
        found = {}
        for path in glob.glob(glob.escape(self.path("ca/newcerts")) + "/*.pem"):
            found["cert-" + os.path.basename(path)[:-len(".pem")]] = self.read(path)
        for line in self.read(self.path("ca/index.txt")).splitlines():
            found["line-" + line.split(b"\t")[3].decode()] = line
        for name in ("crlnumber", "serial"):
            found[name] = self.read(self.path("ca", name)).strip()
        return found

    def make_directory(self, records):
        shutil.rmtree(self.path("ca/newcerts"), ignore_errors=True)
        os.makedirs(self.path("ca/newcerts"))
        numbers = self.issued(records)
        for number in numbers:
            self.write(self.path(f"ca/newcerts/{number}.pem"), records["cert-" + number])
        self.write(self.path("ca/index.txt"),
                   b"".join(records["line-" + number] + b"\n" for number in numbers))
        for name in ("crlnumber", "serial"):
            self.write(self.path("ca", name), records[name] + b"\n")

    def issued(self, records):
        """The numbers below the next one."""
        return ["%X" % number for number in range(FIRST, int(records["serial"], 16))]

    def issue_one(self, name):
        number = self.read(self.path("ca/serial")).decode().strip()
        self.issue(name)
        records = self.in_directory()
        self.put({key: records[key] for key in ("cert-" + number, "line-" + number, "serial")})

    def assert_back(self, before, lost):
        now = self.content()
        numbers = self.issued(now)
        self.assertLessEqual(set(self.issued(before)), set(numbers))
        self.assertLessEqual(set(numbers), set(self.issued(lost)))
        if lost != before:
            self.assertLess(len(numbers), len(self.issued(lost)))
        whole = {key + number for number in numbers for key in ("cert-", "line-")}
        self.assertLessEqual(whole, set(now))
        if self.atomic:
            self.assertEqual(set(now), whole | {"crlnumber", "serial"})
        for key in set(now) - {"serial"}:
            self.assertEqual(now[key], lost[key], key)

    def assert_goes_on(self, before):
        self.reopen()
        self.make_directory(self.content())
        for number, answer in self.answers.items():
            said = self.openssl_ca("-status", number)
            self.assertEqual([line for line in said.splitlines()
                              if line.startswith(number + "=")], answer)
        following = self.content()["serial"].decode()
        self.issue_one("after-the-loss.example.test")
        openssl(self.path("ca"), "verify", "-CAfile", "ca.pem", f"newcerts/{following}.pem")
        now = self.content()
        self.assertEqual(int(now["serial"], 16), int(following, 16) + 1)
        self.assertIn(b"after-the-loss", now["line-" + following])
        self.assertGreater(len(self.issued(now)), len(self.issued(before)))
        self.save("next")


class Flat(Authority, Site):
    engine = "flat"
    atomic = False  # a certificate is written just before it is in index.txt
    pause = 0.4  # all files must be at rest for a moment
    content = Authority.in_directory

    def store_lines(self):
        return "".join(f"database = {self.path('ca', name)}\n" for name in (
            "index.txt", "index.txt.attr", "serial", "crlnumber", "newcerts/*.pem"))

    def put(self, records):
        pass

    def make_directory(self, records):
        """It is the store."""


class Sqlite(Authority, Site):
    engine = "sqlite"

    def store_lines(self):
        return f"database = {self.path('store/ca.db')}\n"

    def connect(self):
        return sqlite3.connect(self.path("store/ca.db"), timeout=300)

    def make_empty(self):
        db = self.connect()
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB)")
        db.commit()
        db.close()

    def put(self, records):
        db = self.connect()
        with db:
            db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", records.items())
        db.close()

    def content(self):
        db = self.connect()
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        found = dict(db.execute("SELECT key, value FROM records"))
        db.close()
        return found


class Dumped(Authority):
    """Berkeley DB and LMDB: their tools take and print the same text."""
    header = b""

    def store_lines(self):
        return f"database = {self.path('store')}\n"

    def as_text(self, records):
        lines = b"".join(b" %s\n %s\n" % (key.encode().hex().encode(), value.hex().encode())
                         for key, value in records.items())
        return (b"VERSION=3\nformat=bytevalue\ntype=btree\n" + self.header + b"HEADER=END\n" +
                lines + b"DATA=END\n")

    def from_text(self, text):
        _, _, text = text.partition(b"HEADER=END\n")
        data, end, _ = text.partition(b"DATA=END\n")
        self.assertTrue(end, "the dump is cut off")
        values = [bytes.fromhex(line.decode()) for line in data.splitlines()]
        return {key.decode(): value for key, value in zip(values[::2], values[1::2])}


class Bdb(Dumped, Site):
    engine = "bdb"
    tools = ("db5.3_recover", "db5.3_load", "db5.3_dump")
    atomic = False  # each record is a transaction

    def make_empty(self):
        self.write(self.path("store/DB_CONFIG"), "set_lg_max 1048576\n")
        self.reopen()

    def reopen(self):
        """With -e the environment stays, for the tools and the backup to join."""
        run("db5.3_recover", "-e", "-h", self.path("store"))

    def put(self, records):
        run("db5.3_load", "-h", self.path("store"), "ca.db", input=self.as_text(records))

    def content(self):
        return self.from_text(run("db5.3_dump", "-h", self.path("store"), "ca.db"))

    def summary(self, backup):
        """The names: each backup itself adds to the log."""
        return sorted({re.sub(r"^\S+ +|\.part-\d+$", "", line)
                       for line in super().summary(backup)})


class Lmdb(Dumped, Site):
    engine = "lmdb"
    tools = ("mdb_load", "mdb_dump")
    header = b"mapsize=67108864\n"

    def put(self, records):
        run("mdb_load", self.path("store"), input=self.as_text(records))

    def content(self):
        return self.from_text(run("mdb_dump", self.path("store")))


class Tdb(Authority, Site):
    """A Samba private directory with a partition for the authority."""
    engine = "tdb"
    tools = ("ldbadd", "ldbmodify", "ldbsearch", "tdbtool")
    partition = "sam.ldb.d/DC=CA.ldb"

    def store_lines(self):
        return f"database = {self.path('store')}\n"

    def make_empty(self):
        os.mkdir(self.path("store/sam.ldb.d"), 0o700)
        run("tdbtool", input=f"create {self.path('store/sam.ldb.d/metadata.tdb')}\n"
                             "insert sequence 1\nquit\n".encode())
        run("ldbadd", "-H", self.path("store/sam.ldb"),
            input=f"dn: @PARTITION\npartition: DC=CA:{self.partition}\n".encode())
        run("ldbadd", "-H", self.path("store", self.partition),
            input=b"dn: dc=ca\nobjectClass: domain\n")

    def put(self, records):
        """In one transaction."""
        there = self.content()
        changes = b""
        for key, value in records.items():
            how = "modify\nreplace: data" if key in there else "add"
            changes += (f"dn: cn={key},dc=ca\nchangetype: {how}\n"
                        f"data:: {base64.b64encode(value).decode()}\n\n").encode()
        run("ldbmodify", "-H", self.path("store", self.partition), input=changes)

    def content(self):
        said = run("ldbsearch", "-H", self.path("store", self.partition), "(data=*)", "data")
        lines = said.replace(b"\n ", b"").decode()
        return {key: base64.b64decode(value) if encoded else value.encode()
                for key, encoded, value in re.findall(
                    r"(?m)^dn: cn=(.*),dc=ca\ndata:(:?) (.*)$", lines)}


class Ese(Flow, Site):
    """Windows alone writes such a store: it is saved offline, and libesedb reads it again."""
    engine = "ese"
    tools = ("esedbinfo", "esedbexport", SAMPLES)
    restored = ("SRU.log", "SRU00051.log", "SRUDB.dat")  # and no others

    def store_lines(self):
        return (f"database = {self.path('store/SRUDB.dat')}\n"
                f"log_dir = {self.path('store')}\nsystem_dir = {self.path('store')}\n")

    def make_store(self):
        shutil.copytree(os.path.join(SAMPLES, "srum-4k-dirty"), self.path("store"))
        self.before = self.tables()

    def in_use(self):
        return contextlib.nullcontext()

    def content(self):
        return {name: self.read(self.path("store", name)) for name in self.restored}

    def tables(self):
        """The database's description, and every table as text."""
        database, target = self.path("store/SRUDB.dat"), self.path("tables")
        tables = {"": run("esedbinfo", database)}
        run("esedbexport", "-t", target, database, cwd=self.top)
        for path in glob.glob(glob.escape(target) + ".export/*"):
            tables[os.path.basename(path)] = self.read(path)
        shutil.rmtree(target + ".export")
        self.assertGreater(len(tables), 5)
        return tables

    def assert_back(self, before, lost):
        self.assertEqual(before, lost)
        self.assertEqual(self.content(), before)
        names = set(os.listdir(self.path("store"))) - {".backupapi-restore.lock"}
        self.assertEqual(names, set(self.restored))

    def assert_goes_on(self, before):
        self.assertEqual(self.tables(), self.before)
        self.save("next")
        self.assertEqual(self.content(), before)


if __name__ == "__main__":
    testsite.main()
