#!/usr/bin/env python3
"""What is offered does not shrink, and what is not has a reason.

usage: test_coverage.py --driver ICD.json --name NAME

Measures as tools/coverage does and compares with the measurement that docs/coverage.md was made from:
docs/coverage/NAME*.json, the one of a driver with the same Vulkan version, or else the oldest. A driver of another
version may have more or fewer extensions than that: what is forwarded is counted against what the driver has.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/e2e/support"))
import harness  # noqa: E402

KINDS = ("device_extensions", "instance_extensions")
LOADERS = {"VK_KHR_portability_enumeration", "VK_LUNARG_direct_driver_loading"}


class Coverage(unittest.TestCase):
    driver, name = harness.DRIVER, "lavapipe"

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "now.json"
            subprocess.run([sys.executable, "-B", str(ROOT / "tools/coverage"), "measure", cls.name, "--driver",
                            cls.driver, "--build", str(harness.BUILD), "--out", str(out)], check=True, timeout=200)
            cls.now = json.loads(out.read_text())
        measured = [json.loads(path.read_text()) for path in sorted((ROOT / "docs/coverage").glob(f"{cls.name}*.json"))]
        cls.recorded = next((one for one in measured if one["native"]["version"] == cls.now["native"]["version"]), measured[0])
        cls.blocked = tomllib.loads((ROOT / "protocol/registry/policy.toml").read_text())["blocked_extensions"]

    def test_every_extension_that_was_forwarded_still_is_where_the_driver_has_it(self):
        for kind in KINDS:
            before = {e for e in self.recorded["native"][kind] if e in self.recorded["forwarded"][kind]}
            lost = [e for e in before if e in self.now["native"][kind] and e not in self.now["forwarded"][kind]]
            self.assertEqual(lost, [], kind)
            self.assertGreater(len(before), 5, "the recorded measurement says something")

    def test_what_the_guest_offers_besides_is_still_offered(self):
        for kind in KINDS:
            before = {e for e in self.recorded["forwarded"][kind] if e not in self.recorded["native"][kind]}
            self.assertLessEqual(before, set(self.now["forwarded"][kind]), kind)

    def test_every_extension_that_is_not_forwarded_has_a_reason(self):
        for kind in KINDS:
            missing = set(self.now["native"][kind]) - set(self.now["forwarded"][kind])
            self.assertEqual(missing - set(self.blocked) - LOADERS - set(self.now["unknown"]), set(), kind)

    def test_every_feature_that_was_forwarded_still_is(self):
        native, forwarded = self.now["native"]["features"], self.now["forwarded"]["features"]
        lost = [f for f, on in self.recorded["forwarded"]["features"].items()
                if on and native.get(f) and not forwarded.get(f)]
        self.assertEqual(lost, [])

    def test_the_core_version_is_the_drivers(self):
        self.assertEqual(self.now["native"]["version"].split(".")[:2], self.now["forwarded"]["version"].split(".")[:2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    parser.add_argument("--name", default=Coverage.name)
    arguments, rest = parser.parse_known_args()
    Coverage.driver, Coverage.name = arguments.driver, arguments.name
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
