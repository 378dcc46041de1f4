#!/usr/bin/env python3
"""Dawn's WebGPU (the npm package "webgpu"): the programs of dawn/, natively and forwarded.

usage: test_dawn.py --driver ICD.json

The package is installed by npm, at the versions of dawn/package-lock.json, into the build folder, once. lavapipe 22.3
lacks a feature that Dawn wants, so SwiftShader is the driver to give.
"""

import argparse
import filecmp
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import harness  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent / "dawn"
PLACE = harness.BUILD / "tests/dawn"


def install():
    lock = PLACE / "package-lock.json"
    if (PLACE / "node_modules/webgpu/package.json").exists() and lock.exists() and \
            filecmp.cmp(lock, SOURCE / "package-lock.json", shallow=False):
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    shutil.copy(SOURCE / "package.json", PLACE)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    shutil.copy(SOURCE / "package-lock.json", PLACE)
    done = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        lock.unlink()
        raise AssertionError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")


class Dawn(unittest.TestCase):
    driver = harness.SWIFTSHADER

    @classmethod
    def setUpClass(cls):
        install()

    def run_program(self, program, environment, output):
        environment = {**environment, "XDG_RUNTIME_DIR": str(output.parent)}
        done = subprocess.run(["node", str(SOURCE / program), str(PLACE), str(output)], env=environment,
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-3000:])
        self.assertIn("done", done.stdout)
        return done.stdout

    def compare(self, program):
        host = harness.Host(driver=self.driver)
        self.addCleanup(host.stop)
        with tempfile.TemporaryDirectory() as folder:
            native, forwarded = (pathlib.Path(folder) / name for name in ("native.bin", "forwarded.bin"))
            self.run_program(program, harness.native_environment(self.driver), native)
            text = self.run_program(program, host.guest_environment(), forwarded)
            self.assertIn("Viaduct", text, "the adapter is the guest's driver")
            self.assertEqual(native.read_bytes(), forwarded.read_bytes())

    def test_compute_and_render_give_the_native_bytes(self):
        self.compare("program.mjs")

    def test_the_breadth_of_webgpu_gives_the_native_bytes(self):
        self.compare("breadth.mjs")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.SWIFTSHADER)
    arguments, rest = parser.parse_known_args()
    Dawn.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
