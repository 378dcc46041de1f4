#!/usr/bin/env python3
"""OpenGL programs that nobody here wrote, by `viaductctl run` alone: on GLX and EGL, on X11 without DRI3 and Wayland.

usage: test_programs.py --driver ICD.json [--layout LAYOUT]

LAYOUT imposes that GPU's memory types and device type on the driver (tests/e2e/layers), so that Mesa finds a
VIRTUAL_GPU instead of a CPU and goes its other way to a window. Versions and pictures are compared with those of Zink
on the native driver, which is always asked as it is.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "real"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402
import opengl  # noqa: E402

RENDERER = r"zink (?:Vulkan \S+ ?)?\(Viaduct \(.+\)"  # the version since Mesa 23.1
PICTURE = pathlib.Path(__file__).resolve().parent / "gl_picture.py"
SIZE = 256


class Programs(unittest.TestCase):
    driver = harness.DRIVER
    layout = None

    @classmethod
    def setUpClass(cls):
        environment = {} if cls.layout is None else {
            "VK_LAYER_PATH": str(harness.BUILD / "tests/layers"), "VIADUCT_TEST_MEMORY_LAYOUT": cls.layout,
            "VK_INSTANCE_LAYERS": "VK_LAYER_VIADUCT_memory_types"}
        cls.host = harness.Host(driver=cls.driver, environment=environment)
        cls.addClassCleanup(cls.host.stop)
        cls.x11 = displays.XServer()
        cls.addClassCleanup(cls.x11.close)
        cls.wayland = displays.Compositor()
        cls.addClassCleanup(cls.wayland.close)

    def start(self, command, display, native=False):
        environment = opengl.native_environment(self.driver) if native else opengl.guest_environment(self.host)
        if not native:
            command = opengl.run_command(*command)
        program = harness.Program(command, {**environment, "XDG_RUNTIME_DIR": self.x11.folder, **display.environment})
        self.addCleanup(program.kill)
        return program

    def text_of(self, command, display, native=False):
        return self.finish(self.start(command, display, native), command, display, native)

    def finish(self, program, command, display, native=False):
        """What it said, once it has ended well. A driver that falls over the same program natively cannot be asked:
        Chromium's SwiftShader of Debian 13 does, under glmark2 on Mesa 25."""
        status = program.wait(120)
        said = program.text() + program.error_text() + self.host.log()[-2000:]
        if status < 0 and not native and self.start(command, display, native=True).wait(120) == status:
            self.skipTest(f"{command[0]} ends by signal {-status} natively as well")
        self.assertEqual(status, 0, said)
        return program.text()

    def frames(self, pid):
        """Frames that the service has counted of that process."""
        out = subprocess.run([str(opengl.CTL), "status", "--json"], env=opengl.guest_environment(self.host),
                             capture_output=True, text=True, timeout=20, check=True).stdout
        return sum(session["frames"] for tenant in json.loads(out)["tenants"] for session in tenant["sessions"]
                   if session["pid"] == pid)

    def check_gears(self, program, display, renderer=False):
        # Only glxgears can tell its renderer; the service counts everybody's frames. viaductctl becomes the program,
        # so their pids are the same. Line by line, or the pipe would keep the words.
        running = self.start(["stdbuf", "-oL", program, "-info"], display)
        self.assertTrue(harness.wait_until(lambda: running.process.poll() is not None or self.frames(running.pid) > 20,
                                           60, 0.1), running.text()[-500:] + running.error_text())
        self.assertIsNone(running.process.poll(), running.error_text() + self.host.log()[-2000:])
        if renderer:
            _, line = running.wait_line("GL_RENDERER")
            self.assertRegex(line, RENDERER)
        self.assertTrue(harness.wait_until(lambda: self.shows_gears(display), 20, 0.2), "no red gear on the screen")
        running.kill()

    @staticmethod
    def shows_gears(display):
        """Whether the red gear is on the screen."""
        _, _, data = display.decode(display.grab())
        red, green, blue = (data[display.order.index(channel)::4] for channel in "RGB")
        return sum(r > 120 and g < 60 and b < 60 for r, g, b in zip(red, green, blue)) > 500

    def check_glmark2(self, program, display):
        # What it says of its frames says nothing of where they went.
        command = [program, "-b", "build:duration=0.5", "-b", "texture:duration=0.5", "-s", "200x200"]
        running = self.start(command, display)
        counted = 0
        while running.process.poll() is None:
            counted = max(counted, self.frames(running.pid))
            time.sleep(0.05)
        text = self.finish(running, command, display)
        self.assertGreater(counted, 20, text)
        self.assertRegex(text, r"GL_RENDERER: +" + RENDERER)
        self.assertRegex(text, r"glmark2 Score: \d+")
        self.assertEqual(len(re.findall(r"FPS: [1-9]\d*", text)), 2, text)

    def test_glxinfo_reports_the_versions_of_the_native_driver(self):
        text = self.text_of(["glxinfo", "-B"], self.x11)
        self.assertRegex(text, r"OpenGL renderer string: " + RENDERER)
        native = opengl.versions(self.text_of(["glxinfo", "-B"], self.x11, native=True))
        found = opengl.versions(text)
        self.assertEqual(found, native)
        self.assertIn("es", found)
        if self.driver == harness.LAVAPIPE:
            self.assertGreaterEqual(found["core"], opengl.LAVAPIPE_GL)
            self.assertEqual(found["es"], opengl.LAVAPIPE_ES)

    def test_glxgears_runs(self):
        self.check_gears("glxgears", self.x11, renderer=True)

    def test_glxgears_runs_where_there_is_wayland_too(self):
        both = types.SimpleNamespace(environment={**self.wayland.environment, **self.x11.environment},
                                     grab=self.x11.grab, decode=self.x11.decode, order=self.x11.order)
        self.check_gears("glxgears", both, renderer=True)

    def test_es2gears_x11_runs(self):
        self.check_gears("es2gears_x11", self.x11)

    def test_es2gears_wayland_runs(self):
        self.check_gears("es2gears_wayland", self.wayland)

    def test_glmark2_runs(self):
        self.check_glmark2("glmark2", self.x11)

    def test_glmark2_es2_runs(self):
        self.check_glmark2("glmark2-es2", self.x11)

    def test_glmark2_wayland_runs(self):
        self.check_glmark2("glmark2-wayland", self.wayland)

    def test_glmark2_finds_the_pixels_right_that_it_finds_right_natively(self):
        scenes = ["build", "texture", "shading", "bump", "buffer", "effect2d"]
        command = ["glmark2", "--validate", "-s", "300x300", *[word for scene in scenes for word in ("-b", scene)]]
        verdicts = [re.findall(r"^\[\w+\].*Validation: *(\w+)", self.text_of(command, self.x11, native), re.M)
                    for native in (False, True)]
        self.assertEqual(len(verdicts[0]), len(scenes))
        self.assertEqual(verdicts[0], verdicts[1])

    def picture(self, kind, native):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "picture")
            text = self.text_of(["/usr/bin/python3", "-B", PICTURE, kind, "pbuffer", path], self.x11, native)
            self.assertRegex(text, "renderer: zink .*" if native else "renderer: " + RENDERER)
            return pathlib.Path(path).read_bytes()

    def test_a_picture_is_the_native_one(self):
        for kind in ("gl", "es"):
            with self.subTest(api=kind):
                native = self.picture(kind, True)
                self.assertGreater(len({native[i:i + 4] for i in range(0, len(native), 4)}), 1000)
                self.assertTrue(self.picture(kind, False) == native, "the pixels differ")

    def test_a_window_shows_what_was_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "picture")
            running = self.start(["/usr/bin/python3", "-B", PICTURE, "gl", "window", path], self.x11)
            running.wait_line("shown", 60)
            drawn = pathlib.Path(path).read_bytes()
        rows = [drawn[y * SIZE * 4:(y + 1) * SIZE * 4] for y in reversed(range(SIZE))]  # OpenGL begins at the bottom
        wanted = [[row[channel::4] for channel in (2, 1, 0)] for row in rows]

        def shown():
            width, _, data = self.x11.decode(self.x11.grab())
            lines = [data[y * width * 4:(y * width + SIZE) * 4] for y in range(SIZE)]
            return [[line[channel::4] for channel in (0, 1, 2)] for line in lines] == wanted
        self.assertTrue(harness.wait_until(shown, 20, 0.1), "the screen shows something else")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    parser.add_argument("--layout")
    arguments, rest = parser.parse_known_args()
    Programs.driver, Programs.layout = arguments.driver, arguments.layout
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
