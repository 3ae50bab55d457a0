"""OpenLDAP's slapd with an LMDB database, backed up while entries are added without pause."""

import os
import re
import shutil
import signal
import subprocess
import time

import ds389
import outcome
import testsite
from testsite import Site

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/bin:/sbin:/bin")
SLAPCAT = shutil.which("slapcat", path="/usr/sbin:/usr/bin:/sbin:/bin")
SLOW_READER = os.environ["SLOW_READER"]
BACKUPS = int(os.environ.get("SLAPD_BACKUPS", "10"))
SLOW_SECONDS = int(os.environ.get("SLAPD_SLOW_SECONDS", "8"))
# What copies of pages pile up to within these seconds, if nobody may use them again.
SMALL_MAP = 32 << 20

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {run}/slapd.pid
database mdb
suffix {suffix}
rootdn "{manager}"
rootpw "{password}"
directory {db}
maxsize {map_size}
index objectClass eq
"""


class Server:
    """A slapd of the test's own, on a free port of the loopback."""

    def __init__(self, top, map_size):
        self.port = ds389.free_port()
        self.run, self.db = os.path.join(top, "run"), os.path.join(top, "ldap")
        self.config = os.path.join(top, "slapd.conf")
        self.map_size = map_size
        os.makedirs(self.run)
        os.makedirs(self.db, 0o700, exist_ok=True)
        self.write_config(self.config, self.db)

    def write_config(self, path, db):
        with open(path, "w", encoding="ascii") as f:
            f.write(CONFIG.format(run=self.run, db=db, suffix=ds389.SUFFIX, map_size=self.map_size,
                                  manager=ds389.MANAGER + "," + ds389.SUFFIX,
                                  password=ds389.PASSWORD))

    @property
    def command(self):
        return f"{SLAPD} -f {self.config} -h ldap://127.0.0.1:{self.port}"

    @property
    def pidfile(self):
        return os.path.join(self.run, "slapd.pid")

    def ldap_command(self, program, *args):
        return [program, "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D",
                ds389.MANAGER + "," + ds389.SUFFIX, "-w", ds389.PASSWORD, *args]

    def start(self):
        subprocess.run(self.command.split(), check=True, timeout=300)
        limit = time.monotonic() + 300
        while subprocess.run(self.ldap_command("ldapsearch", "-s", "base", "-b", "", "1.1"),
                             capture_output=True, check=False).returncode:
            if time.monotonic() > limit:
                raise AssertionError("slapd does not answer")
            time.sleep(0.05)

    def stop(self):
        os.kill(self.pid(), signal.SIGTERM)
        limit = time.monotonic() + 300
        while self.pid():
            if time.monotonic() > limit:
                raise AssertionError("slapd does not end")
            time.sleep(0.05)

    def pid(self):
        try:
            with open(self.pidfile, encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return pid if self.config.encode() in f.read() else None
        except (OSError, ValueError):
            return None

    def kill(self):
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def numbers(self, db):
        """Those of the people in the database directory DB, read by slapcat."""
        config = self.config + ".slapcat"
        self.write_config(config, db)
        found = subprocess.run([SLAPCAT, "-f", config, "-o", "ldif-wrap=no"], check=True,
                               capture_output=True, timeout=300).stdout
        return sorted(int(n) for n in re.findall(rb"(?m)^dn: uid=p(\d+),", found))

    def search(self):
        found = subprocess.run(
            self.ldap_command("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", ds389.PEOPLE,
                              "(objectClass=inetOrgPerson)", "1.1", "-z", "max"),
            check=False, capture_output=True, timeout=300).stdout
        return sorted(int(n) for n in re.findall(rb"(?m)^dn: uid=p(\d+),", found))


class Directory(Site):
    map_size = 512 << 20

    def setUp(self):
        super().setUp()
        self.server = Server(self.top, self.map_size)
        self.addCleanup(self.server.kill)
        self.configure_store()
        self.server.start()
        subprocess.run(self.server.ldap_command("ldapadd"), check=True, timeout=300,
                       input=ds389.ROOT_ENTRIES.encode(), stdout=subprocess.DEVNULL)

    def configure_store(self, extra="", engine="lmdb"):
        pidfile = self.server.pidfile
        service = self.service_commands(
            start=self.server.command,
            stop=f"kill $(cat {pidfile}); while [ -e {pidfile} ]; do sleep 0.05; done",
            status=f"kill -0 $(cat {pidfile}) 2> /dev/null && exit 0; exit 3")
        service = "\n".join(line for line in service.splitlines()
                            if not re.match("suspend|resume", line)) + "\n"
        self.configure("ldap01", families=("certsrv", "ds"), service=service, store=f"""\
engine = {engine}
database = {self.server.db}
dynamic = {self.server.config}
{extra}
""")

    def add_without_pause(self, first=1, count=30):
        adder = ds389.Adder(self.server, first)
        self.addCleanup(adder.end)
        adder.wait_for(count)
        return adder

    def assert_contiguous(self, numbers, least):
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreaterEqual(len(numbers), least)

    def in_set(self, name):
        return self.path("sets", name, "databases") + self.server.db

    def check_set(self, name, least):
        """Restored to a new place, it is opened by a slapd of its own."""
        self.dsbackup("verify", self.path("sets", name))
        top = self.path("opened-" + name)
        os.mkdir(top)
        place = os.path.join(top, "ldap")
        self.dsbackup("restore", "--map", f"{self.server.db}={place}", "ldap01",
                      self.path("sets", name))
        self.recover("ldap01")
        self.assertEqual(os.listdir(place), ["data.mdb"])
        self.assert_contiguous(self.server.numbers(place), least)
        opened = Server(top, self.map_size)
        self.addCleanup(opened.kill)
        opened.start()
        self.assert_contiguous(opened.search(), least)
        opened.stop()
        shutil.rmtree(top)


class OpenLdap(Directory):
    def test_each_backup_has_all_that_was_acknowledged(self):
        adder = self.add_without_pause()
        acknowledged = []
        for n in range(BACKUPS):
            if n == BACKUPS // 2:
                self.configure_store("compact = yes")
            acknowledged.append(adder.acknowledged)
            self.dsbackup("backup", "ldap01", self.path("sets", f"set{n}"))
            adder.wait_for(adder.acknowledged + 10)
        self.assertIsNone(adder.process.poll(), "the writer was disturbed")
        adder.end()
        for n, least in enumerate(acknowledged):
            self.check_set(f"set{n}", least)

    def test_restored_database_is_served(self):
        self.configure_store(engine="auto")
        adder = self.add_without_pause(count=200)
        acknowledged = adder.acknowledged
        self.dsbackup("backup", "ldap01", self.path("sets/full"))
        adder.wait_for(adder.acknowledged + 50)
        adder.end()
        self.dsbackup("restore", "--start", "ldap01", self.path("sets/full"))
        numbers = self.server.search()
        self.assert_contiguous(numbers, acknowledged)
        self.assertLess(len(numbers), adder.acknowledged)
        adder = self.add_without_pause(first=len(numbers) + 1)
        adder.end()
        self.assert_contiguous(self.server.search(), adder.acknowledged)
        replaced = os.listdir(self.path("state/ldap01"))
        self.assertTrue(any(name.startswith("replaced-") for name in replaced), replaced)

    def test_lost_directory_comes_back(self):
        adder = self.add_without_pause()
        adder.end()
        self.certbackup("backup", "ldap01", self.path("sets/full"))
        self.certbackup("stop", "ldap01")
        shutil.rmtree(self.server.db)
        self.certbackup("restore", "--start", "ldap01", self.path("sets/full"))
        self.assert_contiguous(self.server.search(), adder.acknowledged)

    def test_damage_is_found(self):
        self.add_without_pause().end()
        self.dsbackup("backup", "ldap01", self.path("sets/full"))
        data = self.in_set("full") + "/data.mdb"
        pages = os.path.getsize(data) // 4096
        with open(data, "r+b") as f:
            for page in range(2, pages):
                f.seek(page * 4096 + 12)
                f.write(b"\xff\xff\xff\xff")
        self.write_sums(self.path("sets/full"))
        done = self.dsbackup("verify", self.path("sets/full"), expect=1)
        self.assertIn(b"hrDatabaseCorrupted", done.stderr)
        self.assertIn(b"data.mdb", done.stderr)


class SmallMap(Directory):
    """The map is full soon where freed pages may not be used again."""
    map_size = SMALL_MAP

    def test_slow_reader_does_not_fill_the_map(self):
        adder = self.add_without_pause(count=100)
        begun = adder.acknowledged
        done = self.run_program(SLOW_READER, ["ldap01", "100", str(SLOW_SECONDS)], 0, None)
        self.assertGreater(int(done.stdout), 0)
        self.assertIsNone(adder.process.poll(), "the writer failed")
        # Each of these commits writes several pages anew.
        adder.wait_for(max(adder.acknowledged + 20, begun + 100))
        adder.end()
        self.assert_contiguous(self.server.numbers(self.server.db), adder.acknowledged)


if __name__ == "__main__":
    if not (SLAPD and SLAPCAT and shutil.which("ldapadd")):
        outcome.skip("no slapd is installed")
    testsite.main()
