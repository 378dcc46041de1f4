#!/usr/bin/env python3
"""Checks the rules of the house that a script can check, on the files git knows or would add.

usage: walls.py ROOT

Prints one line a violation, `file:line: what`, and exits 1 if there is any. The rules: who may include whom;
no Vulkan in base and transport; no protobuf in an application's process; sizes of files and functions; names
of files and macros; a contract at the top of each header; no unfinished or commented-out code; no dead link
in a document.
"""

import pathlib
import re
import subprocess
import sys

# Which folders' headers each folder may include. Folders that are not named here may include everything.
MAY_INCLUDE = {
    "base": {"base"},
    "protocol": {"protocol", "base"},
    "transport": {"transport", "base"},
    "guest-icd": {"guest-icd", "protocol", "transport", "base"},
    "host-renderer": {"host-renderer", "protocol", "transport", "base"},
    "tools": {"tools", "protocol", "transport", "base"},
    "benchmarks": {"benchmarks", "protocol", "transport", "base"},
}
# Doors in those walls: a folder, and the one header elsewhere that it may include.
DOORS = {
    # Who writes viaductd's settings checks them by viaductd's own rules.
    ("tools/viaductctl", "host-renderer/daemon/config.hpp"),
    # Its doctor looks at what viaductd makes and becomes.
    ("tools/viaductctl", "host-renderer/daemon/privileges.hpp"),
    ("tools/viaductctl", "host-renderer/vm/memory_file.hpp"),
}
# Generated headers belong to the folder whose rules they follow.
GENERATED_OWNER = {
    "generated/protocol": "protocol",
    "generated/control": "protocol",
    "generated/guest": "guest-icd",
    "generated/host": "host-renderer",
    "generated/testing": "tests",
}
OURS = set(MAY_INCLUDE) | {"tests"}
WITHOUT_VULKAN = {"base", "transport"}
WITHOUT_PROTOBUF = {"base", "transport", "guest-icd"}

HEADER_LINES = 250
SOURCE_LINES = 500
FUNCTION_LINES = 80  # "about 60": beyond this it is no longer about
# A file may be longer when it opens with the reason for it.
SIZE_REASON = re.compile(r"\bLong because\b")
REASON_WITHIN = 30

SOURCE_SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')
MACRO = re.compile(r"^\s*#\s*define\s+(\w+)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
CODE_IN_COMMENT = re.compile(r"^\s*//\s*[\w:>.\-]+\([^)]*\)\s*;\s*$|^\s*//\s*#\s*include|^\s*//\s*(if|for|while) \(.*\{\s*$")
BANNER = re.compile(r"^\s*(//|#|/\*)\s*[-=*#/]{6,}")
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
PRIVATE_PATH = re.compile(r"/work/(main|plan|shared)\b")


class Walls:
    """One run over a tree; the violations are gathered in order of file and line."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.violations = []

    def report(self, path, line, what):
        self.violations.append(f"{path}:{line}: {what}")

    def files(self):
        """Files git tracks or would add; in a tree without git, all of them."""
        if (self.root / ".git").exists():
            out = subprocess.run(
                ["git", "-C", str(self.root), "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
                check=True, capture_output=True, text=True).stdout.splitlines()
            return sorted(pathlib.PurePosixPath(name) for name in set(out) if (self.root / name).is_file())
        return sorted(pathlib.PurePosixPath(path.relative_to(self.root).as_posix())
                      for path in self.root.rglob("*") if path.is_file())

    def check(self):
        for path in self.files():
            if path.parts[:2] == ("tests", "golden") or path.name == "walls.py" or path.name == "test_walls.py":
                continue
            if path.suffix in SOURCE_SUFFIXES:
                self.check_source(path, self.lines(path))
            elif path.suffix == ".py":
                lines = self.lines(path)
                self.check_size(path, lines, SOURCE_LINES)
                self.check_text(path, lines)
            elif path.suffix == ".md":
                self.check_document(path, self.lines(path))
        return self.violations

    def lines(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace").splitlines()

    def check_source(self, path, lines):
        header = path.suffix in {".hpp", ".h"}
        self.check_size(path, lines, HEADER_LINES if header else SOURCE_LINES)
        self.check_text(path, lines)
        self.check_includes(path, lines)
        if not re.fullmatch(r"[a-z0-9_]+", path.stem):
            self.report(path, 1, "a file's name is in snake_case")
        for number, line in enumerate(lines, 1):
            if CODE_IN_COMMENT.match(line):
                self.report(path, number, "commented-out code")
            macro = MACRO.match(line)
            if macro and path.parts[0] != "tests" and not self.macro_allowed(macro[1]):
                self.report(path, number, f"macro {macro[1]} does not begin with VIADUCT_")
            if header and re.match(r"\s*using namespace", line):
                self.report(path, number, "using namespace in a header")
        if header:
            self.check_header(path, lines)
        self.check_functions(path, lines)

    @staticmethod
    def macro_allowed(name):
        # VK_*, VKAPI_* and the like configure the headers of others.
        return name.startswith(("VIADUCT_", "VK_", "WL_", "BOOST_", "TOML_", "SO_")) or name == "_GNU_SOURCE"

    def check_includes(self, path, lines):
        folder = path.parts[0]
        for number, line in enumerate(lines, 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found[1]
            owner = self.owner_of(name)
            door = (str(path.parent), name) in DOORS
            if folder in MAY_INCLUDE and owner and owner not in MAY_INCLUDE[folder] and not door:
                self.report(path, number, f"{folder} may not include {owner} ({name})")
            if folder in WITHOUT_VULKAN and name.startswith("vulkan/"):
                self.report(path, number, f"Vulkan headers do not enter {folder}")
            protobuf = name.startswith("google/protobuf") or name.endswith(".pb.h")
            if folder in WITHOUT_PROTOBUF and protobuf:
                self.report(path, number, f"protobuf does not enter {folder}")
            if name.startswith("../"):
                self.report(path, number, "include paths start at the root of the repository")

    @staticmethod
    def owner_of(name):
        for prefix, owner in GENERATED_OWNER.items():
            if name.startswith(prefix + "/"):
                return owner
        first = name.split("/", 1)[0]
        return first if first in OURS and "/" in name else None

    def check_size(self, path, lines, limit):
        if len(lines) > limit and not any(SIZE_REASON.search(line) for line in lines[:REASON_WITHIN]):
            self.report(path, limit, f"{len(lines)} lines, more than {limit}, and no 'Long because' at its top")

    def check_text(self, path, lines):
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                self.report(path, number, "unfinished by its own words")
            if BANNER.match(line):
                self.report(path, number, "a banner comment")
            if "\t" in line:
                self.report(path, number, "a tab")
            if line != line.rstrip():
                self.report(path, number, "trailing space")
            if PRIVATE_PATH.search(line):
                self.report(path, number, "a path outside the repository")

    def check_header(self, path, lines):
        meaningful = [line.strip() for line in lines if line.strip()]
        if "#pragma once" not in meaningful:
            self.report(path, 1, "no #pragma once")
        code = [line for line in meaningful if line != "#pragma once"]
        if not code or not code[0].startswith(("//", "/*")):
            self.report(path, 1, "a header opens with its contract")
        body = [line for line in code if not line.startswith(("//", "/*", "*", "#"))]
        if not body:
            self.report(path, 1, "an umbrella header")

    def check_functions(self, path, lines):
        """Functions at namespace level, as clang-format lays them out: from an unindented line to a `}` alone."""
        start = None
        for number, line in enumerate(lines, 1):
            if start is None and line and not line[0].isspace() and line.rstrip().endswith("{") and "(" in line:
                if not line.startswith(("namespace", "struct", "class", "enum", "union", "extern \"C\"", "#", "}")):
                    start = number
            elif start is not None and line.startswith("}"):
                length = number - start + 1
                is_table = lines[start - 1].rstrip().endswith(("= {", "({"))
                if length > FUNCTION_LINES and not is_table:
                    self.report(path, start, f"a function of {length} lines; {FUNCTION_LINES} is the most")
                start = None

    def check_document(self, path, lines):
        for number, line in enumerate(lines, 1):
            if PRIVATE_PATH.search(line):
                self.report(path, number, "a path outside the repository")
            for target, _ in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (self.root / path.parent / target).exists():
                    self.report(path, number, f"a dead link: {target}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    violations = Walls(sys.argv[1]).check()
    for violation in violations:
        print(violation)
    print(f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
