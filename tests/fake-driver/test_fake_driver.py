#!/usr/bin/env python3
"""The recording fake driver: every command over a real ring, unchanged; any result, anywhere; a lost device."""

import collections
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/support"))
from harness import BUILD, Host  # noqa: E402

DRIVER = BUILD / "tests/libviaduct_fake_driver.so"
GUEST = BUILD / "tests/fake_driver_guest"
ICD_LIBRARY = BUILD / "lib/libvulkan_viaduct.so"
SEEDS = 6
DEVICE_LOST = "-4"

# Commands of extensions that the guest does not offer (policy.toml, blocked_extensions) have no entry point there.
MAY_BE_ABSENT = (
    "vkAcquireProfilingLockKHR",
)


class FakeDriver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="viaduct-fake-")
        pathlib.Path(cls.folder.name).chmod(0o755)
        manifest = pathlib.Path(cls.folder.name) / "fake_icd.json"
        manifest.write_text(json.dumps({
            "file_format_version": "1.0.0", "ICD": {"library_path": str(DRIVER), "api_version": "1.3.239"}}))
        manifest.chmod(0o644)
        cls.host = Host(driver=str(manifest))

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()
        cls.folder.cleanup()

    def run_guest(self, *arguments, status=0):
        program = self.host.guest(GUEST, ICD_LIBRARY, *arguments)
        self.assertEqual(program.wait(120), status,
                         program.text()[-3000:] + program.error_text()[-2000:] + self.host.log()[-2000:])
        return program.text().splitlines()

    def test_every_command_arrives_as_it_was_sent_and_its_answer_too(self):
        lines = self.run_guest("walk", 1, SEEDS)
        self.assertEqual(lines[-1], "finished")
        kinds = collections.defaultdict(list)
        for line in lines[:-1]:
            kind, name, *detail = line.split(" ", 2)
            kinds[kind].append((name, detail[0] if detail else ""))
        for kind in ("inputs-differ", "outputs-differ", "not-seen", "lost"):
            self.assertEqual(kinds[kind], [], kind)
        print(f"  {len(kinds['same'])} commands the same on both sides, {len(kinds['exempt'])} exempt, "
              f"{len(kinds['absent'])} not offered, {len(kinds['no-object'])} without an object to call them on")
        self.assertGreaterEqual(len(kinds["same"]), 300)

    def test_any_result_can_come_back_from_anywhere(self):
        lines = [line.split() for line in self.run_guest("inject") if line.startswith("inject ")]
        told = {(line[3], line[1]) for line in lines if line[2] == "same"}
        wrong = [line for line in lines if line[2] in ("lost", "inputs-differ")]
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(len(told), 200)

    def test_a_posted_creation_that_fails_is_told_by_the_submission_that_uses_it(self):
        lines = dict(line.split() for line in self.run_guest("deferred"))
        self.assertEqual(lines, {"before": "0", "create": "0", "use": DEVICE_LOST})

    def test_a_lost_device_is_told_by_everything_that_follows(self):
        for command in ("vkQueueSubmit", "vkWaitSemaphores"):
            with self.subTest(command):
                lines = dict(line.split() for line in self.run_guest("lose-device", command))
                self.assertEqual(lines, {"before": "0", "lost": DEVICE_LOST, "again": DEVICE_LOST,
                                         "submit": DEVICE_LOST})


if __name__ == "__main__":
    unittest.main(verbosity=2)
