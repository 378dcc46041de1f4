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

# Words in the names of commands that have no entry point in the guest, because their extension is not offered
# (policy.toml, blocked_extensions).
NOT_OFFERED = ("Display", "ValidationCache", "DrmFormatModifier", "HostMapping", "RefreshCycle", "RegisterDeviceEvent",
               "HdrMetadata", "LocalDimming", "ExternalImageFormatPropertiesNV")


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
            kind, name = line.split(" ")[:2]
            kinds[kind].append(name)
        for kind in ("inputs-differ", "outputs-differ", "not-seen", "lost"):
            self.assertEqual(kinds[kind], [], kind)
        for name in kinds["absent"]:
            self.assertTrue(any(word in name for word in NOT_OFFERED), f"{name} has no entry point")
        print(f"  {len(kinds['same'])} commands the same on both sides, {len(kinds['exempt'])} exempt, "
              f"{len(kinds['absent'])} not offered, {len(kinds['no-object'])} without an object to call them on")
        self.assertGreaterEqual(len(kinds["same"]), 328)

    def test_any_result_can_come_back_from_anywhere(self):
        # inject WANTED OUTCOME NAME GIVEN: the driver was told to give WANTED and gave GIVEN.
        lines = [line.split() for line in self.run_guest("inject") if line.startswith("inject ")]
        self.assertEqual([line for line in lines if line[2] in ("lost", "inputs-differ")], [])
        failed = [line for line in lines if line[1] == line[4]]
        told = {line[3] for line in failed if line[2] == "same"}
        posted = {line[3] for line in failed if line[2] == "outputs-differ"}
        self.assertEqual(told & posted, set(), "told of one failure and not of another")
        print(f"  {len(told)} commands tell each result at once, {len(posted)} are posted")
        self.assertGreaterEqual(len(told), 30)
        self.assertGreaterEqual(len(posted), 30)
        document = (pathlib.Path(__file__).parents[2] / "docs/deferred-errors.md").read_text()
        undocumented = sorted(name for name in posted if f"`{name}`" not in document)
        self.assertEqual(undocumented, [], "posted, and docs/deferred-errors.md does not say who tells")

    def test_a_posted_creation_that_fails_is_told_by_the_submission_that_uses_it(self):
        lines = dict(line.split() for line in self.run_guest("deferred"))
        self.assertEqual(lines, {"before": "0", "create": "0", "use": DEVICE_LOST})

    def test_a_lost_device_is_told_by_everything_that_follows(self):
        for command in ("vkQueueSubmit", "vkWaitForFences"):
            with self.subTest(command):
                lines = dict(line.split() for line in self.run_guest("lose-device", command))
                self.assertEqual(lines, {"before": "0", "lost": DEVICE_LOST, "again": DEVICE_LOST,
                                         "submit": DEVICE_LOST})


if __name__ == "__main__":
    unittest.main(verbosity=2)
