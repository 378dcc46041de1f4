#!/usr/bin/env python3
"""vkd3d's demos, which are Direct3D 12 programs: what they draw natively and through the driver.

usage: test_direct3d.py --driver ICD.json

lavapipe is the driver to give: vkd3d wants VK_KHR_shader_draw_parameters, which SwiftShader does not have.
"""

import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402


def pixels(screen):
    """The screen's pixels as a list of (red, green, blue)."""
    _, _, data = displays.XServer.decode(screen)
    return list(zip(data[2::4], data[1::4], data[0::4]))


class Direct3D(unittest.TestCase):
    driver = harness.DRIVER

    def setUp(self):
        self.host = harness.Host(driver=self.driver)
        self.addCleanup(self.host.stop)

    def watch(self, program, forwarded, enough):
        """The first screen of a run that is enough, after which the program still runs."""
        display = displays.XServer()
        self.addCleanup(display.close)
        environment = self.host.guest_environment() if forwarded else harness.native_environment(self.driver)
        running = harness.Program([program], {**environment, **display.environment})
        self.addCleanup(running.kill)
        found = harness.wait_until(lambda: (screen := display.grab()) and enough(screen) and screen, 60, 0.1)
        self.assertTrue(found, f"{program} draws nothing; {running.error_text()} {self.host.log()[-2000:]}")
        self.assertIsNone(running.process.poll(), running.error_text())
        if forwarded:
            self.assertRegex(self.host.status(), program)
        return found

    def test_the_triangle_is_the_native_one(self):
        def enough(screen):
            return len(set(pixels(screen))) > 5000
        native, forwarded = (self.watch("vkd3d-triangle", way, enough) for way in (False, True))
        self.assertTrue(displays.XServer.decode(native) == displays.XServer.decode(forwarded))

    def test_the_gears_have_the_native_colours(self):
        def gears(screen):
            counts = [0, 0, 0]
            for pixel in pixels(screen):
                brightest = max(pixel)
                if brightest > 40 and min(pixel) < brightest // 2:
                    counts[pixel.index(brightest)] += 1
            return counts

        def enough(screen):
            return min(gears(screen)) > 500
        native, forwarded = (gears(self.watch("vkd3d-gears", way, enough)) for way in (False, True))
        # They turn with the clock, so the teeth stand elsewhere; the areas are nearly the same.
        for one, other in zip(native, forwarded):
            self.assertLess(abs(one - other), max(one, other) // 5, f"{native} {forwarded}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Direct3D.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
