#!/usr/bin/env python3
"""vulkaninfo through the driver against vulkaninfo on the host's driver, as text and as JSON.

usage: test_vulkaninfo.py --driver ICD.json --name NAME [--show]

Both outputs are flattened into lines of "path = value". Every line in which the two runs differ must match a line of
vulkaninfo_differences.txt, which justifies it; and every entry of that file for this driver must have matched
something, so that the file cannot rot. --show prints the differences that no entry covers, one a line.
"""

import argparse
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import harness  # noqa: E402

FILE = pathlib.Path(__file__).resolve().parent / "vulkaninfo_differences.txt"


def flatten_text(text):
    """Lines of vulkaninfo's text by the path of their headings; a list's items count as part of their path."""
    lines, path = {}, []
    for line in text.splitlines():
        if not line.strip() or re.fullmatch(r"\s*[-=]+", line):
            continue
        depth = len(line) - len(line.lstrip("\t"))
        body = line.strip()
        del path[depth:]
        name, separator, value = re.fullmatch(r"(.*?)(?:\s*(=)(?: (.*)|$))?", body).groups(default="")
        if not separator and ":" in body and not body.endswith(":"):
            name, separator, value = body.partition(":")
        name = name.strip().rstrip(":")
        heading = re.sub(r": count$", "", name)
        path += [""] * (depth - len(path)) + [heading]
        key = "/".join(path) if separator else "/".join(path[:-1] + [body.rstrip(":")])
        while key in lines:
            key += "'"
        lines[key] = value.strip()
    return lines


def flatten_json(value, path=""):
    if isinstance(value, dict):
        found = {}
        for name, item in value.items():
            found.update(flatten_json(item, f"{path}/{name}"))
        return found or {path: "{}"}
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return {f"{path}/{item}": "listed" for item in value}
        found = {}
        for index, item in enumerate(value):
            found.update(flatten_json(item, f"{path}/{index}"))
        return found or {path: "[]"}
    return {path: json.dumps(value)}


def run(arguments, environment, folder):
    done = subprocess.run(["vulkaninfo", *arguments], env=environment, cwd=folder, capture_output=True, text=True,
                          errors="replace", timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"vulkaninfo {arguments} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def text_lines(environment):
    with tempfile.TemporaryDirectory() as folder:
        # The formats' part groups formats that are alike; --show-formats lists every one.
        return flatten_text(run(["--text", "--show-formats"], environment, folder))


def json_lines(environment):
    with tempfile.TemporaryDirectory() as folder:
        run(["--json"], environment, folder)
        files = list(pathlib.Path(folder).glob("*.json"))
        if len(files) != 1:
            raise AssertionError(f"vulkaninfo --json wrote {files}")
        return flatten_json(json.loads(files[0].read_text()))


def entries(driver, kind):
    """(pattern, reason) of the lines that apply."""
    found = []
    for number, line in enumerate(FILE.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 4 or not parts[3]:
            raise AssertionError(f"{FILE.name}:{number}: wants driver | kind | pattern | reason")
        if parts[0] in (driver, "all") and parts[1] in (kind, "both"):
            found.append((parts[2], parts[3]))
    return found


def differences(native, forwarded):
    for key in sorted(native.keys() | forwarded.keys()):
        a, b = native.get(key, "(absent)"), forwarded.get(key, "(absent)")
        if a != b:
            yield f"{key}: {a} -> {b}"


class VulkanInfo(unittest.TestCase):
    driver, name, show = harness.DRIVER, "lavapipe", False

    @classmethod
    def setUpClass(cls):
        cls.host = harness.Host(driver=cls.driver)

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def environments(self):
        # Both without the layers that this machine happens to have: they would describe themselves, not the driver.
        quiet = {"VK_LOADER_LAYERS_DISABLE": "*", "XDG_RUNTIME_DIR": self.host.folder.as_posix()}
        return ({**harness.native_environment(self.driver), **quiet}, {**self.host.guest_environment(), **quiet})

    def compare(self, kind, lines):
        native, forwarded = (lines(environment) for environment in self.environments())
        self.assertGreater(len(native), 300, "vulkaninfo said something")
        allowed = entries(self.name, kind)
        used, unlisted = set(), []
        for difference in differences(native, forwarded):
            matching = {pattern for pattern, _ in allowed if fnmatch.fnmatchcase(difference, pattern)}
            used |= matching
            if not matching:
                unlisted.append(difference)
        stale = [pattern for pattern, _ in allowed if pattern not in used]
        if self.show:
            print("\n".join([f"{kind} {line}" for line in unlisted] + [f"{kind} stale: {line}" for line in stale]))
        self.assertEqual(unlisted, [], f"differences that {FILE.name} does not justify")
        self.assertEqual(stale, [], f"entries of {FILE.name} that match nothing any more")

    def test_the_text_differs_only_as_listed(self):
        self.compare("text", text_lines)

    def test_the_json_differs_only_as_listed(self):
        self.compare("json", json_lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    parser.add_argument("--name", default="lavapipe")
    parser.add_argument("--show", action="store_true")
    arguments, rest = parser.parse_known_args()
    VulkanInfo.driver, VulkanInfo.name, VulkanInfo.show = arguments.driver, arguments.name, arguments.show
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
