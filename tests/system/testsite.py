"""What the tests of the programs share: a certification authority and its server."""

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

CERTBACKUP = os.environ["CERTBACKUP"]
DSBACKUP = os.environ["DSBACKUP"]
RECOVER = os.environ["BACKUPAPI_RECOVER"]
SHIM = os.environ["ENOSPC_SHIM"]
HAVE_SQLITE = bool(os.environ.get("HAVE_SQLITE"))
ROOT = os.geteuid() == 0

OPENSSL_CONFIG = """\
[ca]
default_ca = test
[test]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = newcerts
certificate = ca.pem
private_key = ../private/ca.key
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = yes
[any]
commonName = supplied
[req]
prompt = no
distinguished_name = root
x509_extensions = authority
[root]
commonName = Test CA
[authority]
basicConstraints = critical, CA:true
"""


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def snapshot(top):
    """Everything below TOP: type, mode, owner, content."""
    found = {}
    for directory, names, files in os.walk(os.fsencode(top)):
        for name in names + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            content = None
            if stat.S_ISREG(st.st_mode):
                content = sha256(path)
            elif stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            found[path] = (st.st_mode, st.st_uid, st.st_gid, content)
    return found


class Site(unittest.TestCase):
    """One temporary directory with a CA, its configuration and a place for sets."""

    @classmethod
    def setUpClass(cls):
        # The CA is made once, and copied for each test.
        cls.template = tempfile.mkdtemp(prefix="backupapi-template-")
        cls.addClassCleanup(shutil.rmtree, cls.template)
        make_ca(cls.template)

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="backupapi-system-"))
        self.addCleanup(self.remove_top)
        for name in ("ca", "private"):
            shutil.copytree(os.path.join(self.template, name), self.path(name))
        for name in ("config", "sets", "state"):
            os.mkdir(self.path(name), 0o700)
        self.env = dict(os.environ, BACKUPAPI_CONFIG_DIR=self.path("config"), LC_ALL="C")
        self.env.pop("BACKUPAPI_LOG", None)
        self.configure()

    def remove_top(self):
        shutil.rmtree(os.fsencode(self.top), ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def write(self, path, content):
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    # ---- servers ----

    def flat_store(self, directory="ca"):
        ca = self.path(directory)
        return f"""engine = flat
database = {ca}/index.txt
database = {ca}/index.txt.attr
database = {ca}/serial
database = {ca}/crlnumber
database = {ca}/newcerts/*.pem
dynamic = {ca}/ca.pem
dynamic = {ca}/crl/*.crl
"""

    def configure(self, name="ca01", store=None, extra="", service="", families=("certsrv",)):
        path = self.path("config", name + ".conf")
        lines = "".join(f"family = {family}\n" for family in families)
        if "certsrv" in families:
            lines += f"authority = Test {name}\n"
        self.write(path, f"""[server]
name = {name}
{lines}state_dir = {self.path("state")}/{name}
{extra}
[store]
{store or self.flat_store()}
{service}
""")
        os.chmod(path, 0o600)

    def service_commands(self, **replaced):
        """A service whose state is the content of a file."""
        state = self.path("service")
        if not os.path.exists(state):
            self.write(state, "0")
        def command(name, code):
            script = self.path(name + ".sh")
            self.write(script, f"#!/bin/sh\n{replaced.get(name, code)}\n")
            os.chmod(script, 0o700)
            return f"{name} = {script}\n"
        return ("[service]\n" + command("start", f"printf 0 > {state}") +
                command("stop", f"printf 3 > {state}") +
                command("suspend", f"printf 4 > {state}") +
                command("resume", f"printf 0 > {state}") +
                command("status", f"exit $(cat {state})"))

    def make_sqlite(self, rows=1000):
        path = self.path("ca.db")
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE certs (serial INTEGER PRIMARY KEY, subject TEXT)")
        db.executemany("INSERT INTO certs VALUES (?, ?)",
                       ((n, "host%d" % n) for n in range(rows)))
        db.commit()
        db.close()
        self.configure("db01", store=f"engine = sqlite\ndatabase = {path}\n")
        return path

    def make_large(self, megabytes=48):
        """A server whose backup takes long enough to be disturbed."""
        os.mkdir(self.path("large"))
        block = os.urandom(1 << 20)
        for n in range(4):
            with open(self.path("large", "part%d.dat" % n), "wb") as f:
                for i in range(megabytes // 4):
                    f.write(bytes([n, i]) + block[2:])
        self.configure("large", store=f"engine = flat\ndatabase = {self.path('large')}/*.dat\n")
        return self.path("large")

    # ---- programs ----

    def start(self, *args, **kwargs):
        kwargs.setdefault("env", self.env)
        return subprocess.Popen([CERTBACKUP, *args], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

    def start_stopped(self, below, *args, **kwargs):
        """A run that has stopped when it had made its first file or directory BELOW, and was
        about to write more there. It goes on after SIGCONT."""
        program = self.start(*args, env=dict(
            self.env, LD_PRELOAD=SHIM, ASAN_OPTIONS="verify_asan_link_order=0",
            ENOSPC_BELOW=below, ENOSPC_AT="2", ENOSPC_STOPS="1"), **kwargs)
        how = os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if how.si_code != os.CLD_STOPPED:
            self.fail(f"{args}: it has ended\n{program.communicate()[1].decode(errors='replace')}")
        return program

    def run_program(self, program, args, expect, env, **kwargs):
        done = subprocess.run([program, *args], env=dict(self.env, **(env or {})),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                              **kwargs)
        if expect is not None and done.returncode != expect:
            self.fail(f"{args}: exit status {done.returncode}, not {expect}\n"
                      f"{done.stdout.decode(errors='replace')}"
                      f"{done.stderr.decode(errors='replace')}")
        return done

    def certbackup(self, *args, expect=0, env=None, **kwargs):
        done = self.run_program(CERTBACKUP, args, expect, env, **kwargs)
        if expect == 1 and "--json" not in args:
            self.assertRegex(done.stderr, rb"(?m)^certbackup: .+", "a failure says why")
        return done

    def dsbackup(self, *args, expect=0, env=None, **kwargs):
        done = self.run_program(DSBACKUP, args, expect, env, **kwargs)
        if expect == 1 and "--json" not in args:
            self.assertRegex(done.stderr, rb"(?m)^dsbackup: .+", "a failure says why")
        return done

    def recover(self, server="ca01", expect=0):
        return self.run_program(RECOVER, [server], expect, None)

    def status(self, server="ca01"):
        return json.loads(self.certbackup("status", "--json", server).stdout)[0]

    def assert_no_partial(self):
        left = [name for name in os.listdir(self.path("sets")) if name.startswith(".")]
        self.assertEqual(left, [], "a partial set is left")

    def assert_no_staging(self, top=None):
        for directory, names, _ in os.walk(top or self.top):
            for name in names:
                self.assertFalse(name.startswith(".backupapi-restore"),
                                 f"{directory}/{name} is left")

    def write_sums(self, backup):
        """What is in the set now, whatever was done to it, gets the right checksums."""
        files = sorted(os.path.relpath(os.path.join(directory, name), backup)
                       for directory, _, names in os.walk(backup) for name in names
                       if name != "SHA256SUMS")
        self.write(backup + "/SHA256SUMS",
                   "".join(f"{sha256(os.path.join(backup, name))}  {name}\n"
                           for name in files))

    def assert_good_set(self, path):
        self.certbackup("verify", path)
        subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path,
                       check=True)

    # ---- the authority ----

    def openssl_ca(self, *args, directory="ca"):
        return openssl_ca(self.path(directory), *args)

    def issue(self, name, directory="ca"):
        issue(self.path(directory), name)

    def known(self, directory="ca"):
        """What openssl ca says of every certificate in index.txt."""
        serials = [line.split("\t")[3]
                   for line in self.read(self.path(directory, "index.txt")).decode().splitlines()]
        answers = {}
        for serial in serials:
            said = self.openssl_ca("-status", serial, directory=directory)
            answers[serial] = [line for line in said.splitlines()
                               if line.startswith(serial + "=")]
        return answers


def openssl(directory, *args, check=True):
    done = subprocess.run(["openssl", *args], cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"openssl {args}: {done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def openssl_ca(directory, *args):
    # -status exits with 1 whatever it answers.
    return openssl(directory, "ca", "-batch", "-config", "../private/openssl.cnf", *args,
                   check="-status" not in args)


def issue(directory, name):
    openssl_ca(directory, "-in", "../private/host.csr", "-subj", "/CN=" + name, "-notext")


def make_ca(top, certificates=6, revoked=2):
    ca, private = os.path.join(top, "ca"), os.path.join(top, "private")
    os.makedirs(os.path.join(ca, "newcerts"))
    os.makedirs(os.path.join(ca, "crl"))
    os.mkdir(private, 0o700)
    for path, text in (("private/openssl.cnf", OPENSSL_CONFIG), ("ca/index.txt", ""),
                       ("ca/serial", "1000\n"), ("ca/crlnumber", "01\n")):
        with open(os.path.join(top, path), "w", encoding="ascii") as f:
            f.write(text)
    for key in ("ca.key", "host.key"):
        openssl(private, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl(ca, "req", "-x509", "-new", "-key", "../private/ca.key", "-config",
            "../private/openssl.cnf", "-days", "3650", "-out", "ca.pem")
    openssl(ca, "req", "-new", "-key", "../private/host.key", "-config",
            "../private/openssl.cnf", "-out", "../private/host.csr")
    for n in range(certificates):
        issue(ca, "host%d.example.test" % n)
    for n in range(revoked):
        openssl_ca(ca, "-revoke", "newcerts/%X.pem" % (0x1000 + n))
    openssl_ca(ca, "-gencrl", "-out", "crl/ca.crl")


def main():
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
