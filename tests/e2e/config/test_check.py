#!/usr/bin/env python3
"""`viaductctl config check`: it says all that is wrong in the settings, and viaductd agrees with it."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, clean_environment  # noqa: E402

PLACE = re.compile(r"^(?P<file>/[^:]*):(?P<line>\d+):(?P<column>\d+): (?P<what>.+)$")


def check(*words, status):
    done = subprocess.run([str(BUILD / "bin/viaductctl"), "config", "check", *map(str, words)], env=clean_environment(),
                          capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.splitlines()


class Faulty(unittest.TestCase):
    """A folder as /etc/viaduct, with mistakes in three files."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="viaduct-test-")
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)
        self.main = self.folder / "viaductd.toml"
        (self.folder / "tenants.d").mkdir()
        self.write("viaductd.toml", 'polcy = "equal-share"\n[pool]\nwarm = 99\n[tenants.a]\ncid = 5\n')
        self.write("tenants.d/b.toml", "[tenants.b\n")
        self.write("tenants.d/c.toml", "[tenants.c]\n  cid = 5\n")
        self.places = [(str(self.main), "1", "1"), (str(self.main), "3", "8"),
                       (str(self.folder / "tenants.d/b.toml"), "1", None), (str(self.folder / "tenants.d/c.toml"), "2", "9")]

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def assert_all_named(self, lines):
        found = [PLACE.match(line) for line in lines]
        self.assertNotIn(None, found, lines)
        self.assertEqual([(each["file"], each["line"]) for each in found], [place[:2] for place in self.places])
        for each, (_, _, column) in zip(found, self.places):
            if column is not None:
                self.assertEqual(each["column"], column, each[0])
        self.assertIn("did you mean 'policy'?", found[0]["what"])

    def test_every_mistake_of_every_file_is_named_with_its_place(self):
        self.assert_all_named(check(self.main, status=1))

    def test_the_folder_and_a_tenants_file_mean_the_same_settings(self):
        for words in ([self.folder], ["--config-dir", self.folder], [self.folder / "tenants.d/c.toml"],
                      [self.main, self.folder]):
            self.assert_all_named(check(*words, status=1))

    def test_viaductd_refuses_them_with_the_first_and_the_number_of_the_others(self):
        done = subprocess.run([str(BUILD / "bin/viaductd"), "--config", str(self.main), "--listen",
                               f"unix://{self.folder}/viaduct.sock"], env=clean_environment(), capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.main}:1: unknown key 'polcy'", done.stderr)
        self.assertIn(f"(3 more: viaductctl config check {self.main})", done.stderr)

    def test_one_faulty_file_among_paths_is_status_1_and_the_others_are_said_to_be_well(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        well = elsewhere / "well.toml"
        well.write_text("[tenants.a]\n")
        lines = check(well, self.main, status=1)
        self.assertEqual(lines[0], f"{well}: nothing is wrong; 1 file, 1 tenant named")
        self.assert_all_named(lines[1:])

    def test_what_cannot_be_read_is_named(self):
        self.main.unlink()
        lines = check(self.folder, status=1)
        self.assertTrue(lines[0].startswith(f"{self.main}: cannot be read"), lines)
        self.assertEqual(len(lines), 2, "b.toml is no TOML; c.toml's CID is nobody else's any more")


class Well(unittest.TestCase):
    def test_what_it_finds_well_viaductd_serves(self):
        config = 'policy = "equal-share"\n[pool]\nwarm = 0\n[tenants.a]\nfps = 30\n'
        host = Host(config=config)
        self.addCleanup(host.stop)
        self.assertEqual(check(host.folder, status=0), [f"{host.folder}/viaductd.toml: nothing is wrong; 1 file, 1 tenant named"])

    def test_a_wrong_command_line_is_status_2(self):
        for words in (["config"], ["config", "chek"], ["config", "check", "--json"], ["config", "check", "--cid", "3"]):
            done = subprocess.run([str(BUILD / "bin/viaductctl"), *words], capture_output=True, text=True, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
