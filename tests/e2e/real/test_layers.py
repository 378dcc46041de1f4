#!/usr/bin/env python3
"""MangoHud, a layer in the guest that draws into the application's swapchain images, over vkcube.

usage: test_layers.py --driver ICD.json

The overlay shows a fixed text, so the pictures caught of a forwarded run must be among the native ones, byte for byte.
"""

import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402
import test_windows  # noqa: E402

OVERLAY = {"MANGOHUD": "1", "MANGOHUD_CONFIG": "legacy_layout=false,custom_text=Viaduct"}


def overlaid(planes):
    """Whether the window's upper left corner has the text's white."""
    side, third = 500, len(planes) // 3
    white = 0
    for y in range(60):
        for x in range(200):
            at = y * side + x
            white += planes[at] == planes[third + at] == planes[2 * third + at] == 255
    return white > 20


class Layers(unittest.TestCase):
    driver = harness.DRIVER

    def setUp(self):
        self.host = harness.Host(driver=self.driver)
        self.addCleanup(self.host.stop)
        self.display = displays.XServer()
        self.addCleanup(self.display.close)

    def pictures(self, environment):
        running = harness.Program(["vkcube", "--c", "150", "--suppress_popups"],
                                  {**environment, **self.display.environment, **OVERLAY})
        self.addCleanup(running.kill)
        seen = test_windows.watch(running, self.display)
        self.assertEqual(running.wait(60), 0, running.error_text())
        return seen

    def test_mangohud_draws_its_overlay_over_the_native_pictures(self):
        forwarded = self.pictures(self.host.guest_environment())
        self.assertGreater(len(forwarded), 10)
        self.assertTrue(all(overlaid(planes) for planes in forwarded), "the overlay shows")
        native, same = set(), 0
        for _ in range(4):  # a busy machine catches only some of the native pictures each time
            native |= self.pictures(harness.native_environment(self.driver))
            same = len(native & forwarded)
            if same >= 5:
                break
        print(f"{len(native)} pictures natively, {len(forwarded)} forwarded, {same} in both", flush=True)
        self.assertGreaterEqual(same, 5, self.host.log()[-2000:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Layers.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
