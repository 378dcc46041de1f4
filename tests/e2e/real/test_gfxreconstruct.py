#!/usr/bin/env python3
"""Captures of vkcube by gfxreconstruct, made natively and through the driver, replayed natively and through the driver.

usage: test_gfxreconstruct.py --driver ICD.json

The replays write screenshots of some frames; they must be the same files, byte for byte.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402

FRAMES = (1, 10, 40)


class Capture(unittest.TestCase):
    driver = harness.DRIVER

    def run_quietly(self, command, environment):
        done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True,
                              errors="replace", timeout=120, check=False)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout[-3000:]} {done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def replay(self, capture, environment, place):
        place.mkdir()
        # Memory types are matched by property, since the two devices number theirs differently.
        text = self.run_quietly(
            ["gfxrecon-replay", "-m", "rebind", "--wsi", "xcb", "--omit-pipeline-cache-data", "--screenshots",
             ",".join(str(frame) for frame in FRAMES), "--screenshot-dir", place, capture], environment)
        self.assertNotRegex(text, r"\[gfxrecon\] (ERROR|FATAL)", text)
        return {path.name: path.read_bytes() for path in sorted(place.iterdir())}

    def capture(self, environment, capture):
        """vkcube under gfxreconstruct's layer, which stands in the guest when the driver is the guest's."""
        self.run_quietly(["vkcube", "--c", "60", "--suppress_popups"],
                         {**environment, "VK_INSTANCE_LAYERS": "VK_LAYER_LUNARG_gfxreconstruct",
                          "GFXRECON_CAPTURE_FILE": str(capture), "GFXRECON_CAPTURE_FILE_TIMESTAMP": "false"})
        self.assertGreater(capture.stat().st_size, 10000, "vkcube was captured")

    def test_captures_of_vkcube_replay_with_the_native_pictures(self):
        host = harness.Host(driver=self.driver)
        self.addCleanup(host.stop)
        display = displays.XServer()
        self.addCleanup(display.close)
        native = {**harness.native_environment(self.driver), **display.environment}
        guest = {**host.guest_environment(), **display.environment}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            self.capture(native, folder / "native.gfxr")
            self.capture(guest, folder / "guest.gfxr")
            host.wait_log(r"vkcube.* ended after")  # the capture was made of the driver
            expected = self.replay(folder / "native.gfxr", native, folder / "expected")
            self.assertEqual(len(expected), len(FRAMES), "natively each frame asked for is there")
            for name, data in expected.items():
                self.assertGreater(len(set(data)), 50, f"{name} shows something")
            for made, played, environment in (("native", "guest", guest), ("guest", "guest", guest),
                                              ("guest", "native", native)):
                with self.subTest(captured=made, replayed=played):
                    got = self.replay(folder / f"{made}.gfxr", environment, folder / f"{made}-{played}")
                    self.assertEqual(expected.keys(), got.keys())
                    for name, data in expected.items():
                        self.assertTrue(data == got[name], f"{name} differs")
            host.wait_log(r"gfxrecon-replay.* ended after")  # the replays went through the service


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Capture.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
