"""The programs of examples/ports back up for real, and a tool that was written from the
Windows documentation alone does, compiled against the installed library."""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import testsite

PORTS = os.environ["PORTS"]
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BUILD = os.environ["BUILD_ROOT"]
CC = shlex.split(os.environ["CC"])


class Late(testsite.Site):
    """Copies that fail when every byte of the server was read."""

    def small_store(self, family):
        """Files that all fit into a FILE's buffer: what is wrong shows when it is closed."""
        os.mkdir(self.path("data"))
        for number in range(4):
            self.write(self.path("data", f"{number}.db"), f"content {number}\n")
        self.configure("small", families=(family,),
                       store=f"engine = flat\ndatabase = {self.path('data')}/*.db\n")

    def full(self, name):
        """Everything that is written to the file NAME gets lost on the way."""
        path = self.path("sets", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink("/dev/full", path)

    def last_full(self, family="certsrv"):
        program = self.dsbackup if family == "ds" else self.certbackup
        return json.loads(program("status", "--json", "small").stdout)[0]["last_full"]


class Ports(Late):
    def port(self, name, *args, expect=0, **env):
        return self.run_program(os.path.join(PORTS, name), args, expect, env)

    def copies(self, directory):
        """Every file below DIRECTORY/server/posix$, by the path that it is the copy of."""
        found = {}
        for where, _, files in os.walk(directory):
            for name in files:
                path = os.path.join(where, name)
                match = re.fullmatch(r"[^/]+/posix\$(/.*)", os.path.relpath(path, directory))
                if match:
                    found[match[1]] = self.read(path)
        return found

    def originals(self, *patterns):
        paths = [path for pattern in patterns for path in glob.glob(self.path("ca", pattern))]
        return {path: self.read(path) for path in paths}

    DATABASES = ("index.txt", "index.txt.attr", "serial", "crlnumber", "newcerts/*.pem")
    DYNAMIC = ("ca.pem", "crl/*.crl")

    # ---- certadm.dll ----

    def test_the_port_of_certadm_saves_every_byte(self):
        done = self.port("cabackup", "ca01", self.path("sets/ca"))
        wanted = self.originals(*self.DATABASES, *self.DYNAMIC)
        self.assertGreater(len(wanted), 10)
        self.assertEqual(self.copies(self.path("sets/ca")), wanted)
        self.assertEqual(done.stdout.count(b"\nD ") + done.stdout.startswith(b"D "),
                         len(self.originals(*self.DATABASES)))
        self.assertIn(b"posix$" + self.path("ca/serial").replace("/", "\\").encode(),
                      done.stdout)
        self.assertIsNotNone(self.status()["last_full"])

    def test_its_copy_replaces_a_lost_authority(self):
        known = self.known()
        self.port("cabackup", "ca01", self.path("sets/ca"), "-truncate")
        shutil.rmtree(self.path("ca"))
        for path, content in self.copies(self.path("sets/ca")).items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.write(path, content)
        self.assertEqual(self.known(), known)
        self.issue("after.example.test")

    def test_it_tells_why_it_fails(self):
        done = self.port("cabackup", "nobody", self.path("sets/ca"), expect=1)
        self.assertIn(b"0x800706ba No such server is configured or reachable.",
                      done.stderr)
        self.assertEqual(self.port("cabackup", expect=2).stdout, b"")
        self.write(self.path("sets/file"), "in the way")
        done = self.port("cabackup", "ca01", self.path("sets/file"), expect=1)
        self.assertIn(b"cannot be created", done.stderr)
        self.assertIsNone(self.status()["last_full"])

    def last_copy(self, directory):
        """The copy that comes last: below DIRECTORY, in the order of the list."""
        return f"{directory}/small/posix$" + self.path("data/3.db")

    def test_what_was_read_and_not_saved_is_no_backup(self):
        self.small_store("certsrv")
        self.port("cabackup", "small", self.path("sets/good"))
        before = self.last_full()
        self.assertIsNotNone(before)
        for truncate in ((), ("-truncate",)):
            self.full(self.last_copy("full" + "".join(truncate)))
            done = self.port("cabackup", "small", self.path("sets/full" + "".join(truncate)),
                             *truncate, expect=1)
            self.assertIn(b"3.db: 0x80070070", done.stderr)
            self.assertEqual(self.last_full(), before)

    def test_a_missing_dynamic_file_makes_no_backup(self):
        # What is in the way of the copy.
        os.makedirs(self.path("sets/ca/ca01/posix$" + self.path("ca/ca.pem")))
        done = self.port("cabackup", "ca01", self.path("sets/ca"), expect=1)
        self.assertIn(b"cannot be created", done.stderr)
        self.assertIsNone(self.status()["last_full"])

    # ---- ntdsbcli.h ----

    def test_a_directory_that_was_not_saved_has_no_backup(self):
        self.small_store("ds")
        for name in ("dsport", "dsport-wide"):
            self.full(self.last_copy("full-" + name))
            done = self.port(name, "small", self.path("sets/full-" + name), expect=1)
            self.assertIn(b"3.db: 0x80070070", done.stderr)
            self.assertIsNone(self.last_full("ds"))
        self.port("dsport", "small", self.path("sets/good"))
        self.assertIsNotNone(self.last_full("ds"))

    def test_the_port_of_ntdsbcli_saves_the_same_with_and_without_unicode(self):
        self.configure("ds01", families=("ds",))
        os.remove(self.path("config/ca01.conf"))
        wanted = self.originals(*self.DATABASES)
        said = []
        for name in ("dsport", "dsport-wide"):
            done = self.port(name, "ds01", self.path("sets", name))
            self.assertEqual(self.copies(self.path("sets", name)), wanted)
            self.assertGreater(len(self.read(self.path("sets", name, "token"))), 20)
            said.append(done.stdout)
        self.assertEqual(said[0], said[1])
        self.assertEqual(len(said[0].splitlines()), len(wanted))

    def test_names_of_every_plane_are_the_same_in_both(self):
        os.mkdir(self.path("data"))
        names = ["\xe4\xf6\xfc", "plain", *(chr(plane << 16 | 0x4e2d) for plane in range(17))]
        for name in names:
            self.write(self.path("data", name), name)
        self.configure("ds01", families=("ds",),
                       store=f"engine = flat\ndatabase = {self.path('data')}/*\n")
        for name in ("dsport", "dsport-wide"):
            done = self.port(name, "ds01", self.path("sets", name))
            self.assertEqual(self.copies(self.path("sets", name)),
                             {self.path("data", n): n.encode() for n in names})
            for n in names:
                self.assertIn(n.encode(), done.stdout)

    def test_without_a_server_nothing_is_saved(self):
        for name in ("dsport", "dsport-wide"):
            done = self.port(name, "nobody", self.path("sets", name), expect=1)
            self.assertIn(b"0xc7ff0007", done.stderr)
            self.assertEqual(os.listdir(self.path("sets", name)), [])


class Installed(Late):
    """With what `pkg-config --cflags --libs backupapi-compat` says, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dest = tempfile.mkdtemp(prefix="backupapi-install-")
        cls.addClassCleanup(shutil.rmtree, cls.dest)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.dest],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        # Where pkg-config then looks for libuuid's headers too, and CMake insists.
        os.makedirs(cls.dest + "/usr/include/uuid", exist_ok=True)
        cls.pc = cls.find("backupapi-compat.pc")
        cls.lib = os.path.dirname(cls.find("libbackupapi.so"))

    @classmethod
    def find(cls, name):
        for directory, _, files in os.walk(cls.dest):
            if name in files:
                return os.path.join(directory, name)
        raise FileNotFoundError(name)

    def pkg_config(self, *args):
        env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=self.dest,
                   PKG_CONFIG_PATH=os.path.dirname(self.pc))
        return shlex.split(subprocess.run(["pkg-config", *args, "backupapi-compat"], env=env,
                                          check=True, stdout=subprocess.PIPE,
                                          text=True).stdout)

    def compile(self, source, *options):
        program = self.path("tool")
        command = [*CC, *options, source, "-o", program,
                   *self.pkg_config("--cflags", "--libs")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        return program

    def test_a_tool_from_the_documentation_saves_an_authority(self):
        tool = self.compile(os.path.join(TOP, "tests/compat/doc_tool.c"))
        os.mkdir(self.path("sets/doc"))
        self.run_program(tool, ["ca01", self.path("sets/doc")], 0,
                         {"LD_LIBRARY_PATH": self.lib})
        found = {}
        for line in self.read(self.path("sets/doc/index.txt")).decode().splitlines():
            number, tag, name = line.split(" ", 2)
            self.assertEqual(tag, "44")
            path = re.fullmatch(r"\\\\ca01\\posix\$(.*)", name)[1].replace("\\", "/")
            found[path] = self.read(self.path("sets/doc", number + ".dat"))
        self.assertEqual(found, {path: self.read(path) for pattern in Ports.DATABASES
                                 for path in glob.glob(self.path("ca", pattern))})
        self.assertGreater(len(found), 8)

    def test_its_failed_copy_is_no_backup(self):
        tool = self.compile(os.path.join(TOP, "tests/compat/doc_tool.c"))
        self.small_store("certsrv")
        env = {"LD_LIBRARY_PATH": self.lib}
        for lost in ("0004.dat", "index.txt"):
            self.full(f"{lost}-set/{lost}")
            done = self.run_program(tool, ["small", self.path(f"sets/{lost}-set")], 1, env)
            self.assertIn(b"The backup failed: 0x80070070", done.stderr)
            self.assertIsNone(self.last_full())
        os.mkdir(self.path("sets/good"))
        self.run_program(tool, ["small", self.path("sets/good")], 0, env)
        self.assertIsNotNone(self.last_full())

    def test_it_fails_without_a_server(self):
        tool = self.compile(os.path.join(TOP, "tests/compat/doc_tool.c"))
        done = self.run_program(tool, ["nobody", self.path("sets")], 1,
                                {"LD_LIBRARY_PATH": self.lib})
        self.assertIn(b"The backup failed: 0x800706ba No such server", done.stderr)

    def test_a_wide_tool_that_loads_the_dll_saves_an_authority(self):
        tool = self.compile(os.path.join(TOP, "tests/system/wide_tool.c"), "-Wall", "-Wextra",
                            "-Werror", "-DBACKUPAPI_PRINTF")
        into = self.path("sets/wide")
        os.mkdir(into)
        env = {"LD_LIBRARY_PATH": self.lib}
        done = self.run_program(tool, ["\\\\CA01", into], 0, env)
        lines = done.stdout.decode().splitlines()
        self.assertGreater(len(lines), 8)
        for number, line in enumerate(lines):
            total, size, name = line.split(" ", 2)
            path = re.fullmatch(r"\\\\ca01\\posix\$(.*)", name)[1].replace("\\", "/")
            saved = self.read(os.path.join(into, f"{number}.dat"))
            self.assertEqual(saved, self.read(path))
            self.assertEqual((int(total), int(size)), (len(saved), len(saved)))
        self.assertIsNotNone(self.status()["last_full"])
        done = self.run_program(tool, ["nobody", into], 1, env)
        self.assertEqual(done.stderr,
                         b"nobody: No such server is configured or reachable.\r\n")
        self.assertEqual(self.run_program(tool, [], 2, env).stdout, b"")

    def test_every_header_is_there(self):
        top = os.path.dirname(self.find("windows.h"))
        self.assertTrue(top.endswith("/backupapi/compat"))
        self.assertEqual(
            sorted(os.listdir(top)),
            ["Certbcli.h", "Certsrv.h", "Ntdsbcli.h", "Sisbkup.h", "Windows.h", "tchar.h",
             "win32", "windows.h", "winerror.h", "winioctl.h"])
        program = self.path("all.c")
        self.write(program, "".join(f"#include <{name}>\n" for name in os.listdir(top)
                                    if name != "win32") + "int main(void) { return 0; }\n")
        self.compile(program)

    # ---- the guide ----

    def guide(self, title):
        """The block of docs/porting.md that follows TITLE."""
        with open(os.path.join(TOP, "docs/porting.md"), encoding="utf-8") as f:
            return re.search(re.escape(title) + r"\n\n```\w+\n(.*?)^```", f.read(),
                             re.S | re.M)[1]

    def build_as_told(self, name, title, commands, *more):
        if not shutil.which(commands[0][0]):
            self.skipTest(f"{commands[0][0]} is not installed")
        if "-fsanitize" in " ".join(CC):
            self.skipTest("the instrumented library is for instrumented programs")
        here = self.path("guide")
        os.mkdir(here)
        for source in ("cabackup.c", "ports.h"):
            shutil.copy(os.path.join(TOP, "examples/ports", source), here)
        for file, block in ((name, title), *more):
            self.write(os.path.join(here, file), self.guide(block))
        env = dict(self.env, PKG_CONFIG_SYSROOT_DIR=self.dest, LD_LIBRARY_PATH=self.lib,
                   PKG_CONFIG_PATH=os.path.dirname(self.pc), CC=" ".join(CC),
                   LDFLAGS="-Wl,-rpath-link," + self.lib)
        for command in commands:
            done = subprocess.run(command, cwd=here, env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        found = [path for path in glob.glob(here + "/**/cabackup", recursive=True)
                 if os.path.isfile(path)]
        self.run_program(found[0], ["ca01", self.path("sets/guide")], 0,
                         {"LD_LIBRARY_PATH": self.lib})

    def test_the_guides_make_works(self):
        self.build_as_told("Makefile", "Plain make:", [["make"]])

    def test_the_guides_meson_works(self):
        self.build_as_told("meson.build", "Meson:",
                           [["meson", "setup", "build"], ["meson", "compile", "-C", "build"]])

    def test_the_guides_cmake_works(self):
        self.build_as_told("CMakeLists.txt", "CMake:",
                           [["cmake", "-B", "build"], ["cmake", "--build", "build"]])

    def test_the_guides_autotools_work(self):
        self.build_as_told("configure.ac", "Autotools, configure.ac:",
                           [["autoreconf", "-i"], ["./configure"], ["make"]],
                           ("Makefile.am", "and Makefile.am:"))


if __name__ == "__main__":
    testsite.main()
