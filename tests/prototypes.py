"""Prototypes of functions: what the public headers declare, and what man pages say."""
import os
import re

WINDOWS = ["certbcli.h", "certsrv.h", "ntdsbcli.h", "ntdsbmsg.h", "sisbkup.h"]
EXPORTED = re.compile(r"\b(?:BACKUPAPI_EXPORT|CERTBCLI_API|NTDSBCLI_API)\b")
NO_TYPES = {"BACKUPAPI_EXPORT", "CERTBCLI_API", "NTDSBCLI_API", "BACKUPAPI_CALL"}
CODE = r"(?:(?:ERROR|RPC_S)_\w+|hr[A-Z]\w+)"
# One or more codes at the beginning of a comment's line, with their meaning in a column of
# its own or on the next line.
LISTED = re.compile(rf"[\s*]*({CODE}(?:, {CODE})*)(?:\t|$)")
ARGUMENT = re.compile(r'"([^"]*)"|(\S+)')


class Prototype:
    """RESULT and PARAMETERS are text of C."""

    def __init__(self, name, result, parameters):
        self.name = name
        self.result = self.words(result)
        self.parameters = [words for words in map(self.words, parameters)
                           if words not in ([], ["void"])]

    @staticmethod
    def words(text):
        return [w for w in re.findall(r"\w+|[*\[\]]", text) if w not in NO_TYPES]

    def parameter_names(self):
        for words in self.parameters:
            end = words.index("[") if "[" in words else len(words)
            yield words[end - 1]

    def __eq__(self, other):
        return (self.result, self.parameters) == (other.result, other.parameters)

    def __str__(self):
        return (f"{' '.join(self.result)} {self.name}"
                f"({', '.join(' '.join(p) for p in self.parameters)})")


class Declaration:
    """What HEADER says about a function; the codes are those that its comment lists."""

    def __init__(self, header, prototype, comment):
        self.header = header
        self.prototype = prototype
        matches = filter(None, map(LISTED.match, comment.splitlines()))
        self.codes = [code for match in matches for code in match[1].split(", ")]


def public_headers(include):
    """All that are installed but the compatibility folder."""
    return WINDOWS + sorted("backupapi/" + name
                            for name in os.listdir(os.path.join(include, "backupapi")))


def declarations(include):
    """The functions of all public headers, by name."""
    found = {}
    for header in public_headers(include):
        with open(os.path.join(include, header)) as f:
            text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", f.read(), flags=re.M)
        comment = ""
        for part in re.findall(r"/\*.*?\*/|[^;{}/]+[;{}]|.", text, re.S):
            if part.startswith("/*"):
                comment = part
            elif EXPORTED.search(part):
                head, tail = part.split("(", 1)
                name = re.findall(r"\w+", head)[-1]
                prototype = Prototype(name, head[:head.rindex(name)],
                                      tail[:tail.index(")")].split(","))
                found[name] = Declaration(header, prototype, comment)
    return found


class Page:
    """A page in mdoc(7): the prototypes of its SYNOPSIS and the header that each is in; the
    names in its NAME section; the arguments and codes that the rest speaks of."""

    def __init__(self, path):
        with open(path) as f:
            parts = re.split(r"^\.Sh (.*)\n", f.read(), flags=re.M)
        sections = dict(zip(parts[1::2], parts[2::2]))
        self.prototypes = self.read_synopsis(sections.pop("SYNOPSIS", ""))
        self.names = re.findall(r"^\.Nm (\w+)", sections.pop("NAME"), re.M)
        text = "".join(sections.values())
        self.arguments = {word for line in re.findall(r"^\..*?\bFa (.*)$", text, re.M)
                          for word in re.findall(r"\w+", line)}
        self.codes = set(re.findall(CODE, text))

    @staticmethod
    def read_synopsis(text):
        found, header, result, name, parameters = {}, None, "", None, []
        for line in text.splitlines():
            macro, _, rest = line.partition(" ")
            arguments = [a or b for a, b in ARGUMENT.findall(rest)]
            if macro == ".In":
                header = arguments[0]
            elif macro == ".Ft":
                result = rest
            elif macro == ".Fn":
                found[arguments[0]] = (header,
                                       Prototype(arguments[0], result, arguments[1:]))
            elif macro == ".Fo":
                name, parameters = arguments[0], []
            elif macro == ".Fa":
                parameters += arguments
            elif macro == ".Fc":
                found[name] = (header, Prototype(name, result, parameters))
        # What is written like "(*type)" is a type.
        return {name: value for name, value in found.items() if name.isidentifier()}
