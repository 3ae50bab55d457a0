#!/usr/bin/env python3
"""The compatibility headers compile everywhere, agree with mingw-w64's, and clash with nobody.

    check_compat.py SOURCE_DIR

Each header alone and in pairs, as C11 and C++, without a warning; no symbol comes of them;
what is defined already stays; another windows.h goes first; each integer has mingw-w64's
value and each structure its layout; the ports compile for Windows.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))

import outcome

FOREIGN = os.path.join(HERE, "../headers/foreign")
MINGW = "x86_64-w64-mingw32-gcc"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
          "-Wundef", "-Werror", "-fsyntax-only"]
COMPILERS = [("gcc", "c", "c11"), ("clang", "c", "c11"), ("g++", "c++", "c++11"),
             ("clang++", "c++", "c++17")]
HEADERS = ["windows.h", "winerror.h", "winioctl.h", "tchar.h", "Windows.h", "Certbcli.h",
           "Certsrv.h", "Ntdsbcli.h", "Sisbkup.h"]
SWITCHES = [[], ["-DUNICODE", "-D_UNICODE"], ["-DBACKUPAPI_PRINTF"], ["-DBACKUPAPI_UTF16"],
            ["-DBACKUPAPI_UTF16", "-DUNICODE", "-D_UNICODE", "-DBACKUPAPI_PRINTF"],
            ["-fshort-wchar", "-DUNICODE", "-D_UNICODE"],
            ["-DWIN32_LEAN_AND_MEAN", "-DUNICODE", "-D_UNICODE", "-DBACKUPAPI_PRINTF"]]
STRUCTURES = {
    "LARGE_INTEGER": ["LowPart", "HighPart", "u", "QuadPart"],
    "ULARGE_INTEGER": ["LowPart", "HighPart", "QuadPart"],
    "LUID": ["LowPart", "HighPart"],
    "LUID_AND_ATTRIBUTES": ["Luid", "Attributes"],
    "TOKEN_PRIVILEGES": ["PrivilegeCount", "Privileges"],
    "FILE_SET_SPARSE_BUFFER": ["SetSparse"],
    "FILE_ALLOCATED_RANGE_BUFFER": ["FileOffset", "Length"],
}
TYPES = """CHAR UCHAR SHORT USHORT WORD INT UINT LONG ULONG DWORD LONGLONG ULONGLONG BYTE BOOLEAN
    BOOL INT64 UINT64 INT32 UINT32 DWORD32 DWORD64 DWORDLONG INT_PTR UINT_PTR LONG_PTR ULONG_PTR
    DWORD_PTR SIZE_T HANDLE HMODULE HINSTANCE FARPROC LPVOID LPCVOID PBYTE HRESULT HLOCAL LPSTR
    FLOAT DOUBLE LPWSTR PDWORD LPBOOL""".split()
PORTS = ["examples/ports/cabackup.c", "examples/ports/dsport.c", "examples/ports/siswalk.c",
         "tests/compat/doc_tool.c", "tests/system/wide_tool.c"]

problems = []


def compile_text(command, text):
    done = subprocess.run([*command, "-"], input=text.encode(), capture_output=True)
    if done.returncode == 0:
        return None
    return f"{' '.join(command)}\n{text}\n{done.stderr.decode(errors='replace')}"


def include_text(headers):
    return "".join(f"#include <{header}>\n" for header in headers) + "typedef int not_empty;\n"


class Compat:
    def __init__(self, source):
        self.source = source
        self.include = os.path.join(source, "include")
        self.paths = ["-I", self.include + "/compat", "-I", self.include + "/compat/capital",
                      "-I", self.include]
        self.compilers = [c for c in COMPILERS if self.is_there(c[0])]
        self.mingw = self.is_there(MINGW)

    @staticmethod
    def is_there(program):
        if shutil.which(program):
            return True
        outcome.leave_out(f"{program} is not installed")
        return False

    def command(self, compiler, *options):
        return [compiler[0], "-x", compiler[1], "-std=" + compiler[2], *options]

    # ---- compiling ----

    def check_compile(self):
        jobs = []
        groups = [[header] for header in HEADERS]
        # Each ahead of all others.
        groups += [[header] + [h for h in HEADERS if h != header] for header in HEADERS]
        for compiler in self.compilers:
            for switches in SWITCHES:
                for group in groups if switches in (SWITCHES[0], SWITCHES[-1]) else \
                        groups[:len(HEADERS)]:
                    jobs.append((self.command(compiler, *STRICT, *switches, *self.paths),
                                 include_text(group)))
        self.run(jobs, "compilations")

    def run(self, jobs, what):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            problems.extend(p for p in pool.map(lambda job: compile_text(*job), jobs) if p)
        print(f"{len(jobs)} {what}")

    def check_tool(self):
        tool = os.path.join(self.source, "tests/compat/doc_tool.c")
        with open(tool) as f:
            text = f.read()
        self.run([(self.command(compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                *switches, *self.paths), text)
                  for compiler in self.compilers for switches in SWITCHES
                  if "-DBACKUPAPI_UTF16" not in switches],  # its literals are L"..."
                 "compilations of a tool, as C and as C++")

    # ---- no symbols ----

    def check_symbols(self):
        with tempfile.TemporaryDirectory() as work:
            for compiler in self.compilers:
                out = os.path.join(work, "all.o")
                command = self.command(compiler, "-O0", "-DBACKUPAPI_PRINTF", *self.paths,
                                       "-c", "-o", out)
                if problem := compile_text(command, include_text(HEADERS)):
                    problems.append(problem)
                    continue
                names = subprocess.run(["nm", "-g", "--defined-only", out], check=True,
                                       capture_output=True, text=True).stdout
                if names.strip():
                    problems.append(f"{compiler[0]}: symbols of the headers:\n{names}")

    # ---- yielding ----

    def macros(self):
        """The macros of the compatibility headers: name, parameters, body."""
        found = {}
        for directory, _, files in os.walk(self.include + "/compat"):
            for name in files:
                with open(os.path.join(directory, name)) as f:
                    text = f.read().replace("\\\n", " ")
                for match in re.finditer(r"^#define (\w+)(\([^)]*\))?[ \t]*(.*)$", text, re.M):
                    if not match[1].startswith("BACKUPAPI_") and match[1] != "_TCHAR_DEFINED":
                        found[match[1]] = (match[2] or "", match[3].split("/*")[0].strip())
        return found

    def check_yields(self):
        functions = {"printf", "fprintf", "wprintf", "fwprintf"}
        text, count = "", 0
        for name, (parameters, body) in self.macros().items():
            # In other words, so that defining it again would be a warning.
            if body and name not in functions:
                text += f"#define {name}{parameters} ({body})\n"
                count += 1
        if count < 150:
            problems.append(f"only {count} macros were found")
        text += include_text(HEADERS)
        self.run([(self.command(c, *STRICT, *self.paths), text) for c in self.compilers],
                 f"compilations with {count} macros defined before")

    # ---- another windows.h ----

    @staticmethod
    def put(work, name, text):
        """A folder with a windows.h of TEXT."""
        folder = os.path.join(work, name)
        os.mkdir(folder)
        with open(folder + "/windows.h", "w") as f:
            f.write(text)
        return folder

    def check_foreign(self):
        aside = ("#if defined(LoadLibraryA) || defined(BACKUPAPI_WIN32_TYPES_H)\n"
                 "#error both\n#endif\n")
        ours = os.path.join(self.include, "compat/windows.h")
        jobs = []
        with open(FOREIGN + "/windows.h") as f:
            foreign = f.read()
        with tempfile.TemporaryDirectory() as work:
            for guard in ("_WINDEF_", "_WINDEF_H", "WINPR_WTYPES_H"):
                text = foreign.replace("_WINDEF_", guard)
                # Winelib's and WinPR's characters have 16 bits.
                short = text.replace("wchar_t", "unsigned short")
                wide = self.put(work, guard, short if guard.startswith("WINPR") else text)
                wine = self.put(work, "wine" + guard, short)
                for compiler in self.compilers:
                    jobs.append((self.command(compiler, *STRICT, *self.paths),
                                 f'#include "{wide}/windows.h"\n#include "{ours}"\n' + aside +
                                 include_text(["winioctl.h", "tchar.h", "winerror.h",
                                               "Certsrv.h", "Sisbkup.h"])))
                    jobs.append((self.command(compiler, *STRICT, "-D__WINE__", *self.paths,
                                              "-I", wine),
                                 "#include <windows.h>\n" + aside + f"#ifndef {guard}\n"
                                 "#error neither\n#endif\n" + include_text(["Certsrv.h"])))
            self.run(jobs, "compilations with another windows.h")

    # ---- mingw-w64 ----

    def numbers(self):
        """The macros whose bodies are made of integers, casts, and other such macros."""
        known = {"HRESULT", "HANDLE", "LONG_PTR"}
        left = {name: re.findall(r"[A-Za-z_]\w*|[^\w\s()*|+-]", re.sub(
                    r"\b(0[xX][0-9A-Fa-f]+|\d+)u?\b", " ", body))
                for name, (parameters, body) in self.macros().items()
                if not parameters and re.search(r"\d|_", body)}
        found = []
        while True:
            new = [name for name, words in left.items()
                   if all(w in known or w.startswith("BACKUPAPI_CONTROL_") for w in words)]
            if not new:
                return found
            found += new
            known |= set(new)
            for name in new:
                del left[name]

    def value_of_each(self, work):
        """What ours makes of each macro that is a number."""
        source, program = os.path.join(work, "values.c"), os.path.join(work, "values")
        lines = ["#include <windows.h>", "#include <stdio.h>",
                 "#define SHOW(name) printf(\"%s %lld\\n\", #name, (long long)(name))",
                 "int main(void) {"]
        numbers = self.numbers()
        lines += [f"SHOW({name});" for name in numbers] + ["return 0; }"]
        with open(source, "w") as f:
            f.write("\n".join(lines) + "\n")
        subprocess.run([self.compilers[0][0], *self.paths, source, "-o", program], check=True)
        said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        return dict(line.split() for line in said.splitlines())

    def check_mingw(self):
        head = "#include <stddef.h>\n#include <windows.h>\n#include <winioctl.h>\n"
        with tempfile.TemporaryDirectory() as work:
            values = self.value_of_each(work)
        if len(values) < 90:
            problems.append(f"only {len(values)} macros are numbers")
        # The low 32 bits: hexadecimal constants may have either sign.
        checks = [f"#ifdef {name}\n_Static_assert((unsigned)({name}) == (unsigned){value}ll, "
                  f"\"{name}\");\n#endif" for name, value in values.items()]
        sizes = self.sizes()
        checks += [f"_Static_assert({expression} == {value}, \"{expression}\");"
                   for expression, value in sizes.items()]
        self.run([([MINGW, "-x", "c", "-std=gnu11", "-fsyntax-only", "-w"],
                   head + "\n".join(checks) + "\n")],
                 f"comparison of {len(values)} numbers and {len(sizes)} sizes and offsets")

    def sizes(self):
        """Of a build for a machine with 64 bits like that of mingw-w64's."""
        expressions = [f"sizeof({name})" for name in [*TYPES, *STRUCTURES]]
        expressions += [f"offsetof({name}, {member})"
                        for name, members in STRUCTURES.items() for member in members]
        text = include_text(["windows.h"]) + "const unsigned long values[] = {\n" + \
            ",\n".join(expressions) + "};\n"
        known = {}
        with tempfile.TemporaryDirectory() as work:
            source, program = os.path.join(work, "sizes.c"), os.path.join(work, "sizes")
            with open(source, "w") as f:
                f.write(text + "#include <stdio.h>\nint main(void) {\n"
                        "for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)\n"
                        "printf(\"%lu\\n\", values[i]);\nreturn 0; }\n")
            subprocess.run([self.compilers[0][0], *self.paths, source, "-o", program],
                           check=True)
            said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
            known = dict(zip(expressions, said.split()))
        return known if known["sizeof(HANDLE)"] == "8" else {
            k: v for k, v in known.items() if k in ("sizeof(DWORD)", "sizeof(LONG)")}

    def check_ports(self):
        # %ws and casts of FARPROC are what Windows programs are made of.
        usual = ["-std=gnu11", "-Wall", "-Wextra", "-Wno-format", "-Wno-cast-function-type",
                 "-Werror", "-I", self.include + "/compat/capital"]
        with tempfile.TemporaryDirectory() as work:
            for port in PORTS:
                for unicode in ([], ["-DUNICODE", "-D_UNICODE"]):
                    command = [MINGW, *usual, *unicode, "-c",
                               os.path.join(self.source, port), "-o", work + "/port.o"]
                    done = subprocess.run(command, capture_output=True, text=True)
                    if done.returncode != 0:
                        problems.append(f"{' '.join(command)}\n{done.stderr}")
        print(f"{2 * len(PORTS)} programs compiled for Windows")


def main():
    compat = Compat(os.path.abspath(sys.argv[1]))
    if not compat.compilers or compat.compilers[0][1] != "c":
        sys.exit("no C compiler is installed")
    compat.check_compile()
    compat.check_tool()
    compat.check_symbols()
    compat.check_yields()
    compat.check_foreign()
    if compat.mingw:
        compat.check_mingw()
        compat.check_ports()
    print("\n".join(problems[:10]))
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
