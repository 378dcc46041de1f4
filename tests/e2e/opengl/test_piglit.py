#!/usr/bin/env python3
"""piglit through the driver: tests that pass on Zink on the native driver pass here.

usage: test_piglit.py [--driver ICD.json] [--long]

The list (piglit_tests.txt) holds only tests that pass natively, so natively only those are run that fail here: where
they fail there too (another Mesa, another processor), the driver is not at fault.
"""

import argparse
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "real"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402
import opengl  # noqa: E402
import piglit  # noqa: E402

LIST = pathlib.Path(__file__).resolve().parent / "piglit_tests.txt"


def listed():
    """[(kind, name)]"""
    lines = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


class Piglit(unittest.TestCase):
    driver = harness.LAVAPIPE
    kinds = {"short"}

    def test_the_list_has_at_least_2000_tests(self):
        names = [name for _, name in listed()]
        self.assertGreaterEqual(len(names), 2000)
        self.assertEqual(len(names), len(set(names)))

    def test_what_passes_natively_passes_through_the_driver(self):
        names = [name for kind, name in listed() if kind in self.kinds]
        host = harness.Host(driver=self.driver)
        self.addCleanup(host.stop)
        display = displays.XServer(1024, 768)
        self.addCleanup(display.close)
        jobs = os.cpu_count()
        found = piglit.run(names, piglit.environment(opengl.guest_environment(host), display),
                           opengl.run_command(), jobs)
        self.assertEqual(set(found), set(names))
        failed = [name for name in names if found[name][0] != "pass"]
        print(f"{len(names)} tests, {len(names) - len(failed)} pass", flush=True)
        if failed:
            native = piglit.run(failed, piglit.environment(opengl.native_environment(self.driver), display), (), jobs)
            for name in failed:
                print(f"{name}: {found[name][0]} here, {native[name][0]} natively; {found[name][2]}", flush=True)
            failed = [name for name in failed if native[name][0] == "pass"]
        self.assertEqual(failed, [], host.log()[-2000:])
        self.assertRegex(host.log(), r"session \d+ \(tenant default, shader_runner")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.LAVAPIPE)
    parser.add_argument("--long", action="store_true")
    arguments, rest = parser.parse_known_args()
    Piglit.driver = arguments.driver
    Piglit.kinds = {"short", "long"} if arguments.long else {"short"}
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
