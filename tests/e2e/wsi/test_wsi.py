#!/usr/bin/env python3
"""wsi_window's scenarios on the guest driver, on every kind of window; natively too, so that the program itself is
known to ask for nothing that another driver would not give."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, SWIFTSHADER, Host, Program, native_environment, wait_until  # noqa: E402

PROGRAM = BUILD / "tests/wsi_window"
SCENARIOS = ["queries", "colours", "pacing", "resize", "two", "acquires", "aliases", "lost", "leave", "ids",
             "maintenance", "scaling", "views", "unoffered"]
SKIPPED = 77
DEVICE_LOST = -4
SURFACE_LOST = -1000000000


class XServer:
    """Xvfb without DRI3; it does not reset when its last client leaves, so that programs can follow each other."""

    def __init__(self):
        ready, number = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(number), "-screen", "0", "1300x600x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[number], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(number)
        with os.fdopen(ready) as pipe:
            line = pipe.readline().strip()
        if not line:
            self.close()
            raise AssertionError("Xvfb does not start")
        self.environment = {"DISPLAY": f":{line}"}

    def close(self):
        self.process.kill()
        self.process.wait()


class Compositor:
    """A headless Weston."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="viaduct-weston-")
        os.chmod(self.folder, 0o700)
        self.environment = {"XDG_RUNTIME_DIR": self.folder, "WAYLAND_DISPLAY": "viaduct-test"}
        self.process = subprocess.Popen(
            ["weston", "--backend=headless-backend.so", "--socket=viaduct-test", "--idle-time=0", "--no-config"],
            env={**os.environ, "XDG_RUNTIME_DIR": self.folder}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait_until(lambda: os.path.exists(os.path.join(self.folder, "viaduct-test")), 20):
            self.close()
            raise AssertionError("weston does not start")

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class OwnCompositor:
    """wsi_window brings the compositor; a run-time directory keeps libwayland quiet."""

    environment = {"XDG_RUNTIME_DIR": tempfile.gettempdir()}

    def close(self):
        pass


DISPLAYS = {"xcb": XServer, "xlib": XServer, "wayland": Compositor, "wayland-own": OwnCompositor,
            "headless": OwnCompositor}
# What a kind of window has nothing to try for: its size is not its server's to set, or it cannot be destroyed alone.
NOTHING_TO_TRY = {("wayland", "resize"), ("wayland", "lost"), ("wayland-own", "lost"), ("headless", "resize"),
                  ("headless", "lost")}
# What Debian 12's lavapipe lacks by itself, and what no driver need give.
NOT_NATIVE = {"ids", "maintenance", "scaling", "unoffered"}
# What is drawn into Debian 13's images of a swapchain by another name is not what its window shows.
if "VERSION_CODENAME=trixie" in pathlib.Path("/etc/os-release").read_text():
    NOT_NATIVE.add("aliases")


class Swapchains(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def display(self, platform):
        display = DISPLAYS[platform]()
        self.addCleanup(display.close)
        return display

    def run_scenarios(self, platform, environment, *flags, scenarios=SCENARIOS):
        for scenario in scenarios:
            with self.subTest(platform=platform, scenario=scenario):
                program = Program([PROGRAM, scenario, "--platform", platform, *flags], environment)
                status = program.wait(60)
                text = program.text() + program.error_text()
                expected = SKIPPED if (platform, scenario) in NOTHING_TO_TRY else 0
                self.assertEqual(status, expected, text + self.host.log()[-1500:])

    def forwarded(self, platform):
        self.run_scenarios(platform, {**self.host.guest_environment(), **self.display(platform).environment})

    def native(self, platform):
        self.run_scenarios(platform, {**native_environment(), **self.display(platform).environment}, "--lenient",
                           scenarios=[each for each in SCENARIOS if each not in NOT_NATIVE])

    def test_xcb(self):
        self.forwarded("xcb")

    def test_xlib(self):
        self.forwarded("xlib")

    def test_wayland_on_weston(self):
        self.forwarded("wayland")

    def test_wayland_on_a_compositor_that_tells_what_it_shows(self):
        self.forwarded("wayland-own")

    def test_headless(self):
        self.forwarded("headless")

    def test_the_program_itself_is_right_on_xcb(self):
        self.native("xcb")

    def test_the_program_itself_is_right_on_xlib(self):
        self.native("xlib")

    def test_the_program_itself_is_right_on_wayland(self):
        self.native("wayland-own")

    def test_the_program_itself_is_right_about_what_another_driver_has(self):
        environment = {**native_environment(SWIFTSHADER), **self.display("xcb").environment}
        self.run_scenarios("xcb", environment, scenarios=["maintenance", "views"])

    def test_frames_arrive_when_mapped_memory_is_a_shadow(self):
        host = Host(environment={"VIADUCT_MEMORY": "shadow"})
        self.addCleanup(host.stop)
        for platform in ("xcb", "wayland-own"):
            with self.subTest(platform=platform):
                display = self.display(platform)
                program = host.guest(PROGRAM, "colours", "--platform", platform, extra=display.environment)
                self.assertEqual(program.wait(60), 0, program.error_text() + host.log()[-1500:])
        self.assertIn("shadow", host.log())

    def endless(self, platform, scenario="endless"):
        display = self.display(platform)
        program = self.host.guest(PROGRAM, scenario, "--platform", platform, extra=display.environment)
        program.wait_line("running")
        return program, display

    def test_a_killed_worker_ends_presentation_within_a_second(self):
        for platform, scenario in (("xcb", "endless"), ("wayland", "endless"), ("headless", "endless"),
                                   ("xcb", "await")):
            with self.subTest(platform=platform, scenario=scenario):
                program, _ = self.endless(platform, scenario)
                worker = self.host.worker_of(program)
                when = time.monotonic()
                os.kill(worker, signal.SIGKILL)
                ended, line = program.wait_line("ended", 10)
                self.assertEqual(line, f"ended {DEVICE_LOST}")
                self.assertLess(ended - when, 1.0)
                self.assertEqual(program.wait(10), 0)

    def test_a_killed_display_server_is_a_lost_surface(self):
        for platform, scenario in (("xcb", "endless"), ("wayland", "endless"), ("xcb", "await")):
            with self.subTest(platform=platform, scenario=scenario):
                program, display = self.endless(platform, scenario)
                display.process.kill()
                self.assertEqual(program.wait_line("ended", 10)[1], f"ended {SURFACE_LOST}")
                program.wait(10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
