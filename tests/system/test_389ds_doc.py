"""docs/389-ds.md, followed word by word, on a system of its own: a copy of this one that
nothing outside of it sees, with a stand-in for systemd."""

import glob
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import ds389
import outcome

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/389-ds.md")
CONFIG_DIR = "/etc/backupapi/servers.d"
PROGRAMS = {"/usr/bin/certbackup": "CERTBACKUP", "/usr/bin/dsbackup": "DSBACKUP",
            "/usr/sbin/backupapi-recover": "BACKUPAPI_RECOVER"}
ENTRIES = 300
STEP = 1500

# What systemd does with the unit and its drop-in.
SYSTEMCTL = """#!/bin/bash
pidfile=/run/dirsrv/slapd-example.pid
starting=/run/dirsrv-example-starting
dropin=/etc/systemd/system/dirsrv@example.service.d/backupapi.conf
running() { pid=$(cat $pidfile 2> /dev/null) && [ -d /proc/$pid ]; }
start() {
  running && return 0
  touch $starting
  sed -n 's/^ExecStartPre=+//p' $dropin | sh -e || { rm $starting; return 1; }
  rm $starting
  /usr/sbin/ns-slapd -D /etc/dirsrv/slapd-example -i $pidfile < /dev/null &> /run/starting.log ||
    { cat /run/starting.log >&2; return 1; }
  for i in {1..3000}; do [ -S /run/slapd-example.socket ] && running && return 0; sleep 0.1; done
  return 1
}
stop() {
  running || return 0
  kill $pid
  for i in {1..3000}; do
    [ -d /proc/$pid ] || { rm -f /run/slapd-example.socket; return 0; }
    sleep 0.1
  done
  return 1
}
while [[ $1 == --* ]]; do shift; done
command=$1
case "$command ${!#}" in
"$command dirsrv@example.service" | "$command dirsrv@example" | "daemon-reload daemon-reload") ;;
*) echo "no such unit" >&2; exit 4 ;;
esac
case $command in
daemon-reload) ;;
start) start ;;
stop) stop ;;
restart) stop && start ;;
show)
  echo LoadState=loaded
  echo FreezerState=running
  if running; then echo ActiveState=active; echo SubState=running
  elif [ -e $starting ]; then echo ActiveState=activating; echo SubState=start-pre
  else echo ActiveState=inactive; echo SubState=dead; fi ;;
*) exit 1 ;;
esac
"""


def other_file_systems():
    """Of what this test needs: the copy is one of the root's alone. Nothing is written there."""
    build = os.path.dirname(os.path.dirname(os.environ["BACKUPAPI_LIBEXECDIR"]))
    needed = (*map(os.path.dirname, map(os.path.abspath, (DOCUMENT, __file__))), build,
              sys.prefix)
    device = os.stat("/").st_dev
    return [path for path in needed if path != "/usr" and os.stat(path).st_dev != device]


def enter_copy():
    """From here on this process sees a copy of the file system, made of a layer above it."""
    top = tempfile.mkdtemp(prefix="backupapi-system-")
    if os.fork() != 0:
        _, status = os.wait()
        os.rmdir(top)
        sys.exit(os.waitstatus_to_exitcode(status))
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f"""
mount -t tmpfs tmpfs {top}
mkdir {top}/above {top}/work {top}/root
mount -t overlay overlay -o lowerdir=/,upperdir={top}/above,workdir={top}/work {top}/root
for dir in /proc /sys /dev "$@"; do
  mkdir -p "{top}/root$dir"
  mount --rbind "$dir" "{top}/root$dir"
done
mount -t tmpfs tmpfs {top}/root/run
mount -t tmpfs tmpfs {top}/root/dev/shm
exec env INSIDE_COPY=1 chroot {top}/root {sys.executable} {os.path.abspath(__file__)}
""", "sh", *other_file_systems()])


class Document:
    def __init__(self):
        with open(DOCUMENT, encoding="utf-8") as f:
            self.text = f.read()
        self.used = set()

    def section(self, heading):
        found = re.search(rf"(?ms)^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", self.text)
        return found[1]

    def commands(self, heading):
        self.used.add(heading)
        return re.findall(r"(?ms)^```sh\n(.*?)^```$", self.section(heading))

    def files(self):
        """(path, content) of all that are to be written."""
        return re.findall(r"(?ms)^`(/\S+)`[^\n]*:\n\n```ini\n(.*?)^```$", self.text)

    def headings_with_commands(self):
        return {heading for heading in re.findall(r"(?m)^##+ (.*)$", self.text)
                if "```sh" in self.section(heading)}


class Walk(unittest.TestCase):
    def setUp(self):
        self.document = Document()
        for path, variable in PROGRAMS.items():
            os.symlink(os.environ[variable], path)
        self.write("/usr/bin/systemctl", SYSTEMCTL, 0o755)
        os.environ.update(BACKUPAPI_CONFIG_DIR=CONFIG_DIR, LC_ALL="C",
                          PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        os.mkdir("/backup", 0o700)
        self.make_instance()
        self.addCleanup(self.server.kill)

    def make_instance(self):
        self.server = ds389.Server.make(ds389.layout_of_packages("example"), circular=True)

    def write(self, path, content, mode):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        os.chmod(path, mode)

    def sh(self, script, expect=0):
        done = subprocess.run(["bash", "-e"], input=script.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300, check=False)
        said = done.stdout.decode(errors="replace")
        if done.returncode != expect:
            self.fail(f"{script}\nexit status {done.returncode}\n{said}\n{self.server.errors()}")
        return said

    def follow(self, heading, number=0):
        return self.sh(self.document.commands(heading)[number])

    def assert_people(self, count):
        self.assertEqual(self.server.names(), set(range(count)))

    def lose_a_database(self):
        self.server.kill()
        shutil.rmtree(self.server.db + "/userroot")

    def test_walk_through(self):
        self.prepare()
        self.back_up()
        self.restore_here()
        self.restore_without_a_log()
        self.restore_on_a_new_machine()
        self.restore_elsewhere()
        self.assertEqual(self.document.used, self.document.headings_with_commands())

    def prepare(self):
        said = self.follow("What is where")
        for line in ("nsslapd-directory: /var/lib/dirsrv/slapd-example/db\n",
                     "nsslapd-db-home-directory: /dev/shm/slapd-example\n",
                     "nsslapd-backend-implement: bdb\n"):
            self.assertIn(line, said)
        for path, content in self.document.files():
            self.write(path, content, 0o600)
        self.sh("systemctl start dirsrv@example")
        self.assertIn("serving", self.follow("Configuration"))
        self.follow("Never start on half-restored files")
        self.server.ldap("ldapadd", text=ds389.ROOT_ENTRIES)
        self.server.add_people(0, ENTRIES)

    def back_up(self):
        said = self.follow("A full backup")
        for path in ("/etc/dirsrv/slapd-example/dse.ldif", "userroot/id2entry.db"):
            self.assertIn(path, said)
        self.assertEqual(stat.S_IMODE(os.stat("/backup/ldap01-full").st_mode), 0o700)
        off, chain = self.document.commands("Incremental backups")
        self.sh(off)
        self.people = ENTRIES
        for command in chain.strip().split("\n"):
            self.sh(command)
            # More than what one log holds.
            self.server.add_people(self.people, STEP)
            self.people += STEP

    def restore_here(self):
        heading = "Restore on the same machine"
        # First with the chain, which brings the logs back that its backups deleted: then the
        # older set can be rolled forward, too.
        for number in (1, 0):
            self.lose_a_database()
            self.follow(heading, number)
            self.assert_people(self.people)
        self.follow(heading, 2)
        self.assert_people(ENTRIES)

    def restore_without_a_log(self):
        self.sh("dsbackup stop ldap01; rm /var/lib/dirsrv/slapd-example/db/log.*")
        self.sh("certbackup restore ldap01 /backup/ldap01-sunday /backup/ldap01-tuesday")
        said = self.sh("systemctl start dirsrv@example", expect=1)
        self.assertIn("hrMissingRestoreLogFiles", said)
        self.follow("When a log is missing")
        self.assert_people(self.people - STEP)

    def restore_on_a_new_machine(self):
        self.server.stop()
        for directory in ("etc", "db", "regions", "log", "run"):
            shutil.rmtree(self.server.layout[directory])
        for state in glob.glob("/var/*/lib/backupapi") + glob.glob("/var/lib/backupapi"):
            shutil.rmtree(state)
        port = self.server.port
        self.make_instance()
        self.server.start()
        self.server.stop()
        self.follow("Restore on a new machine")
        self.server.port = port # as in the dse.ldif of the set
        self.assert_people(ENTRIES)

    def restore_elsewhere(self):
        self.server.add_people(ENTRIES, 50)
        heading = "Restore to another place"
        self.follow(heading, 0)
        before = os.stat("/var/lib/dirsrv/slapd-example/db")
        after = os.stat("/srv/ldap/db")
        self.assertEqual((before.st_mode, before.st_uid), (after.st_mode, after.st_uid))
        self.follow(heading, 1)
        self.assert_people(ENTRIES)
        self.assertEqual(glob.glob("/srv/**/.backupapi-restore", recursive=True), [])
        self.server.add_people(ENTRIES, 10)
        self.assertTrue(glob.glob("/srv/ldap/db/log.*"))


def unavailable():
    if not ds389.available():
        with open("/proc/filesystems", encoding="ascii") as f:
            return None if "\toverlay\n" in f.read() else "no overlay file system"
    return ds389.available()


if __name__ == "__main__":
    if os.environ.get("INSIDE_COPY"):
        unittest.main(argv=[sys.argv[0], "-v"])
    reason = unavailable()
    if reason:
        outcome.skip(reason)
    enter_copy()
