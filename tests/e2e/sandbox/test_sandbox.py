#!/usr/bin/env python3
"""A hostile driver in a worker: every attempt to reach beyond its own session fails, and is named."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, Program, native_environment  # noqa: E402

PROBER = BUILD / "tests/sandbox_prober"
HOSTILE = BUILD / "tests/libsandbox_hostile_driver.so"
EXPECTED_ATTEMPTS = 45  # fewer lines mean that the report was cut


def manifest(folder):
    path = pathlib.Path(folder) / "hostile_icd.json"
    path.write_text(json.dumps({
        "file_format_version": "1.0.0", "ICD": {"library_path": str(HOSTILE), "api_version": "1.2.0"}}))
    path.chmod(0o644)
    return str(path)


class Sandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="viaduct-sandbox-")
        os.chmod(cls.folder.name, 0o755)
        cls.secret = pathlib.Path(cls.folder.name) / "secret"
        cls.secret.write_text("world-readable, and none of a driver's business\n")
        cls.secret.chmod(0o644)
        cls.open_folder = pathlib.Path(cls.folder.name) / "open"
        cls.open_folder.mkdir()
        cls.open_folder.chmod(0o1777)
        driver_folder = pathlib.Path(cls.folder.name) / "driver"
        driver_folder.mkdir()
        cls.manifest = manifest(driver_folder)
        cls.host = Host(driver=cls.manifest, config="[tenants.bob]\n")
        # Another tenant's session, to be attacked: a program that stays in its session.
        cls.other = cls.host.guest(PROBER, "bystander", "--stay", tenant="bob")
        cls.other.wait_line("name")
        cls.other_worker = cls.host.worker_of(cls.other)

    @classmethod
    def tearDownClass(cls):
        cls.other.kill()
        cls.host.stop()
        cls.folder.cleanup()

    def facts(self, harmless=False):
        return (f"daemon={self.host.pid},worker={self.other_worker},guest={self.other.pid},secret={self.secret},"
                f"folder={self.open_folder},socket={self.host.socket}" + (",harmless=1" if harmless else ""))

    def report(self, program):
        self.assertEqual(program.wait(30), 0, program.text() + program.error_text())
        return {line.split(" ", 1)[1]: line.split(" ", 1)[0] for line in program.text().splitlines()
                if line.startswith(("refused ", "SUCCEEDED "))}

    def test_every_attempt_fails(self):
        results = self.report(self.host.guest(PROBER, self.facts()))
        self.assertGreaterEqual(len(results), EXPECTED_ATTEMPTS, results)
        for attempt, outcome in results.items():
            with self.subTest(attempt):
                self.assertEqual(outcome, "refused")
        print("\n".join(f"  {outcome}: {attempt}" for attempt, outcome in results.items()))

    def test_outside_the_sandbox_the_same_code_succeeds(self):
        """The harmless half of the attempts, in an ordinary process: the test above can fail."""
        results = self.report(Program([PROBER, self.facts(harmless=True)], native_environment(self.manifest)))
        for attempt in ("read a world-readable file of another user", "create a file in a world-writable folder",
                        "make an IPv4 socket", "fork", "connect to the daemon's socket",
                        "bind an abstract socket", "open a pidfd of another worker"):
            with self.subTest(attempt):
                self.assertEqual(results[attempt], "SUCCEEDED")

    def test_a_worker_that_scribbles_over_its_descriptors_harms_only_its_session(self):
        self.host.guest(PROBER, "scribble").wait(60)  # this session's own outcome is its own business
        self.assertIsNone(self.host.daemon.poll(), self.host.log()[-3000:])
        self.assertIsNone(self.other.process.poll())
        after = self.host.guest(PROBER, "after the scribbler")
        self.assertEqual(after.wait(30), 0, after.text() + after.error_text())
        self.assertIn("hostile", after.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
