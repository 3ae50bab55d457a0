"""A 389 Directory Server of a test's own: its own directories, a free port of the loopback."""

import base64
import contextlib
import hashlib
import itertools
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

NS_SLAPD = shutil.which("ns-slapd", path="/usr/sbin:/usr/bin:/sbin:/bin")
TEMPLATES = "/usr/share/dirsrv/data"
SUFFIX = "dc=example,dc=test"
PEOPLE = "ou=people," + SUFFIX
MANAGER = "cn=Directory Manager"
PASSWORD = "a password of the test"
USER = "dirsrv"

ROOT_ENTRIES = f"""dn: {SUFFIX}
objectClass: top
objectClass: domain
dc: example

dn: {PEOPLE}
objectClass: top
objectClass: organizationalUnit
ou: people

"""


def available():
    """Why there can be no server here; None where there can."""
    if not NS_SLAPD or not os.path.exists(TEMPLATES + "/template-dse.ldif"):
        return "no 389 Directory Server is installed"
    if not all(map(shutil.which, ("ldapadd", "ldapsearch", "ldapmodify"))):
        return "no ldapadd, ldapmodify or ldapsearch"
    if os.geteuid() != 0:
        return "needs root: the server runs as a user of its own"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return f"no user {USER}"
    return None


RESERVED = []


def free_port():
    """One that the kernel gives to nobody else while a server is down, as it does those of
    clients. A socket named after it reserves it among these tests, until this process ends."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        clients = range(*map(int, f.read().split()))
    ports = [port for port in range(10000, 65536) if port not in clients]
    for port in random.sample(ports, len(ports)):
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0backupapi-test-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        RESERVED.append(mark)
        return port
    raise AssertionError("no port is free")


def own(top):
    for directory, names, files in os.walk(top):
        shutil.chown(directory, USER, USER)
        for name in names + files:
            shutil.chown(os.path.join(directory, name), USER, USER)


def hashed(password):
    salt = os.urandom(8)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()


def person(n):
    name = f"p{n:06}"
    return (f"dn: uid={name},{PEOPLE}\nobjectClass: top\nobjectClass: inetOrgPerson\n"
            f"uid: {name}\ncn: Person {n}\nsn: {n}\nmail: {name}@example.test\n"
            f"description: {'entry %d of the test, ' % n * 8}\n\n")


def people(first, count):
    return "".join(map(person, range(first, first + count)))


def layout_below(top):
    """Where an instance keeps what, in one directory."""
    layout = {name: os.path.join(top, name) for name in
              ("etc", "db", "regions", "run", "lock", "log", "bak", "ldif", "tmp", "lib")}
    layout["pidfile"] = os.path.join(top, "run", "slapd.pid")
    layout["socket"] = os.path.join(top, "run", "ldapi.socket")
    return layout


def layout_of_packages(name):
    """The same where an installed instance has it."""
    data = "/var/lib/dirsrv/slapd-" + name
    return {"etc": "/etc/dirsrv/slapd-" + name, "db": data + "/db", "bak": data + "/bak",
            "ldif": data + "/ldif", "regions": "/dev/shm/slapd-" + name, "run": "/run/dirsrv",
            "lock": "/run/lock/dirsrv/slapd-" + name, "log": "/var/log/dirsrv/slapd-" + name,
            "tmp": "/tmp", "lib": "/usr/lib/dirsrv-" + name,
            "pidfile": f"/run/dirsrv/slapd-{name}.pid", "socket": f"/run/slapd-{name}.socket"}


class Server:
    """An instance with LAYOUT, its region files apart from its databases, as packages set it
    up. Circular: it throws its logs away by itself."""

    def __init__(self, layout, circular=False):
        self.layout = layout
        self.port = free_port()
        self.config, self.db = layout["etc"], layout["db"]
        self.region_dir, self.pidfile = layout["regions"], layout["pidfile"]
        self.circular = circular

    @classmethod
    def make(cls, layout, circular=False):
        server = cls(layout, circular)
        for name in ("etc", "db", "regions", "run", "lock", "log", "bak", "ldif", "lib", "tmp"):
            server.make_directory(layout[name])
        server.make_directory(os.path.join(server.config, "schema"))
        for name in ("slapd-collations.conf", "certmap.conf"):
            shutil.copy(os.path.join("/etc/dirsrv/config", name), server.config)
        shutil.copy("/etc/dirsrv/schema/99user.ldif", os.path.join(server.config, "schema"))
        server.write_config()
        own(server.config)
        return server

    @classmethod
    def copy(cls, model, top):
        """Of MODEL, a stopped one made with layout_below, with its data."""
        old = os.path.dirname(model.config)
        server = cls(layout_below(top), model.circular)
        shutil.copytree(old, top, ignore=shutil.ignore_patterns("*.socket"))
        server.edit_config(old + "/", top + "/")
        server.edit_config(f"nsslapd-port: {model.port}\n", f"nsslapd-port: {server.port}\n")
        own(top)
        return server

    @staticmethod
    def make_directory(path):
        if not os.path.isdir(path):
            os.makedirs(path)
            os.chmod(path, 0o770)
            shutil.chown(path, USER, USER)

    # ---- configuration ----

    def write_config(self):
        layout = self.layout
        values = {
            "bak_dir": layout["bak"], "config_dir": self.config, "cert_dir": self.config,
            "inst_dir": layout["lib"], "ldif_dir": layout["ldif"], "lock_dir": layout["lock"],
            "log_dir": layout["log"], "run_dir": layout["run"], "tmp_dir": layout["tmp"],
            "schema_dir": os.path.join(self.config, "schema"), "ldapi": layout["socket"],
            "db_dir": self.db, "db_home_dir": self.region_dir, "db_lib": "bdb",
            "ds_passwd": hashed(PASSWORD), "ds_port": str(self.port), "ds_suffix": SUFFIX,
            "ds_bename": "userroot", "ds_user": USER, "fqdn": "localhost",
            "ldapi_autobind": "on", "ldapi_enabled": "on", "rootdn": MANAGER,
        }
        text = self.template("template-dse.ldif", values).rstrip() + "\n\n"
        text += self.template("template-suffix-db.ldif", values)
        text = text.replace("nsslapd-localhost: localhost\n",
                            "nsslapd-localhost: localhost\n"
                            "nsslapd-listenhost: 127.0.0.1\n"
                            "nsslapd-accesslog-logging-enabled: off\n", 1)
        # Small caches: the tests run more than one server.
        text = text.replace("nsslapd-subtree-rename-switch: on\n",
                            "nsslapd-subtree-rename-switch: on\n"
                            "nsslapd-cache-autosize: 0\n"
                            "nsslapd-dbcachesize: 33554432\n" +
                            ("" if self.circular else "nsslapd-db-circular-logging: off\n"), 1)
        with open(self.dse, "w", encoding="utf-8") as f:
            f.write(text)

    @staticmethod
    def template(name, values):
        with open(os.path.join(TEMPLATES, name), encoding="utf-8") as f:
            lines = [line for line in f if not line.startswith("#")]
        text = re.sub(r"%([a-z_]+)%", lambda found: values[found.group(1)], "".join(lines))
        text = re.sub(r"(?mi)^(nsslapd-pluginenabled): *\n", r"\1: on\n", text)
        # Any other attribute without a value is no attribute.
        return re.sub(r"(?m)^[A-Za-z-]+: *\n", "", text)

    @property
    def dse(self):
        return os.path.join(self.config, "dse.ldif")

    def edit_config(self, old, new):
        """In dse.ldif, while the server is down."""
        with open(self.dse, encoding="utf-8") as f:
            text = f.read()
        if old not in text:
            raise AssertionError(f"{old!r} is not in dse.ldif")
        with open(self.dse, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        for name in ("dse.ldif.bak", "dse.ldif.startOK"):
            if os.path.exists(os.path.join(self.config, name)):
                os.unlink(os.path.join(self.config, name))

    # ---- running ----

    @property
    def command(self):
        return [NS_SLAPD, "-D", self.config, "-i", self.pidfile]

    def start(self):
        subprocess.run(self.command, check=True, timeout=300, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until_serving()

    def pid(self):
        """Of the server, None where it does not run."""
        try:
            with open(self.pidfile, encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return pid if self.config.encode() in f.read() else None
        except (OSError, ValueError):
            return None

    def wait_until_serving(self, seconds=300):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.answers():
                return
            time.sleep(0.1)
        raise AssertionError("the server does not answer\n" + self.errors())

    def answers(self):
        return self.ldap("ldapsearch", "-s", "base", "-b", "", "1.1", check=False).returncode == 0

    def stop(self, sig=signal.SIGTERM, seconds=300):
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, sig)
        limit = time.monotonic() + seconds
        while os.path.exists(f"/proc/{pid}"):
            if time.monotonic() > limit:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError("the server does not end\n" + self.errors())
            time.sleep(0.05)

    def kill(self):
        self.stop(signal.SIGKILL)

    def errors(self):
        try:
            with open(os.path.join(self.layout["log"], "errors"), encoding="utf-8",
                      errors="replace") as f:
                return "".join(f.readlines()[-40:])
        except OSError:
            return ""

    # ---- LDAP ----

    def ldap_command(self, program, *args):
        return [program, "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", MANAGER, "-w",
                PASSWORD, *args]

    def ldap(self, program, *args, check=True, text=None):
        done = subprocess.run(self.ldap_command(program, *args), capture_output=True,
                              input=text.encode() if text else b"", timeout=300, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{program}: {done.stderr.decode(errors='replace')}")
        return done

    def names(self):
        """The numbers of the people that are there."""
        found = self.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", PEOPLE,
                          "(uid=p*)", "1.1").stdout
        return {int(n) for n in re.findall(rb"(?m)^dn: uid=p(\d+),", found)}

    def add_people(self, first, count, clients=4):
        """By several clients at once: a commit waits for the disk."""
        share = -(-count // clients)
        adders = []
        for start in range(first, first + count, share):
            adder = subprocess.Popen(
                self.ldap_command("ldapadd"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
            feeder = threading.Thread(target=adder.communicate, args=(
                people(start, min(share, first + count - start)).encode(),))
            feeder.start()
            adders.append((adder, feeder))
        for adder, feeder in adders:
            feeder.join()
            if adder.returncode != 0:
                raise AssertionError("ldapadd failed\n" + self.errors())

    def modify(self, dn, attribute, value):
        self.ldap("ldapmodify", text=f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n"
                                     f"{attribute}: {value}\n")


class Adder:
    """ldapadd without pause, in the background; `acknowledged` are added for sure."""

    def __init__(self, server, first):
        self.acknowledged = first - 1
        self.first = first
        # Line by line, or what it says would wait in its buffer.
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", *server.ldap_command("ldapadd", "-v")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.threads = [threading.Thread(target=work) for work in (self.feed, self.listen)]
        for thread in self.threads:
            thread.start()

    def feed(self):
        with contextlib.suppress(BrokenPipeError):
            for n in itertools.count(self.first):
                self.process.stdin.write(person(n).encode())
                self.process.stdin.flush()

    def listen(self):
        for line in self.process.stdout:
            if line == b"modify complete\n":
                self.acknowledged += 1

    def wait_for(self, count):
        """Until so many were added."""
        limit = time.monotonic() + 300
        while self.acknowledged < self.first + count - 1:
            if time.monotonic() > limit or self.process.poll() is not None:
                raise AssertionError(f"only {self.acknowledged - self.first + 1} were added")
            time.sleep(0.01)

    def end(self):
        self.process.kill()
        for thread in self.threads:
            thread.join()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
