#!/usr/bin/env python3
"""vkcube on X11 and on Wayland, natively and through the driver, and what stands on the screen meanwhile.

usage: test_windows.py --driver ICD.json

vkcube turns its cube by a fixed angle a frame, so its n-th picture is always the same: pictures caught of a forwarded
run must be among those caught of a native one on X11, byte for byte.
"""

import argparse
import json
import pathlib
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402


FRAMES = ["--c", "300", "--suppress_popups"]


MOST = {displays.XServer: 1000, displays.Compositor: 12}  # a PNG takes a second to decode here


def watch(program, display):
    """The different pictures of a window with a cube that are seen until the program ends."""
    screens = {}
    while program.process.poll() is None:
        screen = display.grab()
        screens[zlib.crc32(screen)] = screen
    screens = list(screens.values())
    step = max(1, len(screens) // MOST[type(display)])
    windows = {displays.window(display.decode(screen), display.order) for screen in screens[step // 2::step]}
    # The cube's texture has hundreds of colours, an empty window has one.
    return {planes for planes in windows if planes is not None and displays.colours(planes) > 200}


class Windows(unittest.TestCase):
    driver = harness.DRIVER

    def setUp(self):
        self.host = harness.Host(driver=self.driver)
        self.addCleanup(self.host.stop)

    def run_cube(self, program, display, forwarded):
        environment = self.host.guest_environment() if forwarded else harness.native_environment(self.driver)
        running = harness.Program([program, *FRAMES], {**environment, **display.environment})
        self.addCleanup(running.kill)
        seen = watch(running, display)
        self.assertEqual(running.wait(60), 0, running.error_text())
        return running, seen

    def x_server(self):
        display = displays.XServer()
        self.addCleanup(display.close)
        return display

    def check_selected(self, running):
        text = running.text() + running.error_text()
        self.assertRegex(text, r"Selected GPU 0: Viaduct \(.+\)", text)

    def compare(self, program, display, least):
        running, forwarded = self.run_cube(program, display, True)
        self.check_selected(running)
        native, same = set(), 0
        for turn in range(8):  # a busy machine catches only some of the pictures each time
            if turn % 2:
                forwarded |= self.run_cube(program, display, True)[1]
            native |= self.run_cube("vkcube", self.x_server(), False)[1]
            same = len(native & forwarded)
            if len(native) > 50 and same >= least:
                break
        self.assertGreater(len(native), 50, "natively there are pictures to compare with")
        print(f"{program}: {len(native)} pictures natively, {len(forwarded)} forwarded, {same} in both", flush=True)
        self.assertGreaterEqual(same, least, running.error_text() + self.host.log()[-2000:])

    def finish(self, program, display):
        environment = {**self.host.guest_environment(), **display.environment}
        running = harness.Program([program, "--c", "100", "--suppress_popups"], environment)
        self.addCleanup(running.kill)
        self.assertEqual(running.wait(60), 0, running.error_text() + self.host.log()[-2000:])
        self.check_selected(running)

    def test_vkcube_draws_the_native_pictures_on_x11(self):
        display = self.x_server()
        self.compare("vkcube", display, 10)

    def test_vkcube_ends_well_after_100_frames_on_x11(self):
        display = self.x_server()
        self.finish("vkcube", display)

    def test_vkcube_runs_in_every_present_mode_on_x11(self):
        display = self.x_server()
        for mode in ("0", "1", "2"):
            with self.subTest(mode=mode):
                environment = {**self.host.guest_environment(), **display.environment}
                running = harness.Program(["vkcube", "--c", "60", "--present_mode", mode, "--suppress_popups"],
                                          environment)
                self.addCleanup(running.kill)
                self.assertEqual(running.wait(60), 0, running.error_text())

    def test_vkcube_draws_the_native_pictures_on_wayland(self):
        display = displays.Compositor()
        self.addCleanup(display.close)
        self.compare("vkcube-wayland", display, 2)

    def test_vkcube_ends_well_after_100_frames_on_wayland(self):
        display = displays.Compositor()
        self.addCleanup(display.close)
        self.finish("vkcube-wayland", display)

    def test_the_service_counts_the_frames_of_a_window(self):
        display = self.x_server()
        environment = {**self.host.guest_environment(), **display.environment}
        running = harness.Program(["vkcube", "--c", "100000", "--suppress_popups"], environment)
        self.addCleanup(running.kill)

        def frames():
            for tenant in json.loads(self.host.status("--json"))["tenants"]:
                for session in tenant["sessions"]:
                    if session["pid"] == running.pid:
                        return session["frames"]
            return 0

        self.assertTrue(harness.wait_until(lambda: frames() >= 10, 20, 0.1), self.host.status())
        seen = frames()
        self.assertTrue(harness.wait_until(lambda: frames() > seen, 20, 0.1), "the count stands still")
        running.kill()
        # Each of its frames is one present, no more and no less.
        counted = harness.Program(["vkcube", "--c", "40", "--suppress_popups"], environment)
        self.addCleanup(counted.kill)
        self.assertEqual(counted.wait(60), 0, counted.error_text())
        self.host.wait_log(rf"vkcube, pid {counted.pid}\) ended after 40 frames")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Windows.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
