#!/usr/bin/env python3
"""ffmpeg's Vulkan filters and mpv's Vulkan output: frames natively and through the driver.

usage: test_video.py --driver ICD.json

On SwiftShader only ffmpeg's libplacebo filter is compared: what its other filters give there differs natively from run
to run, and mpv wants VK_KHR_xlib_surface natively, which Chromium's SwiftShader does not have.
"""

import argparse
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402

FILTERS = {
    "ffmpeg's own": "avgblur_vulkan,chromaber_vulkan=dist_x=2:dist_y=2,scale_vulkan=w=160:h=120,transpose_vulkan,"
                    "gblur_vulkan,hflip_vulkan,vflip_vulkan",
    "libplacebo": "libplacebo=w=200:h=100",
}
SOURCE = "testsrc2=size=320x240:rate=5:duration=1"


class Video(unittest.TestCase):
    driver = harness.DRIVER

    def setUp(self):
        self.host = harness.Host(driver=self.driver)
        self.addCleanup(self.host.stop)

    def swiftshader(self):
        return self.driver == harness.SWIFTSHADER

    def filtered(self, text, environment):
        """Checksums of the frames that come out of a filter on the device."""
        done = subprocess.run(
            ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-init_hw_device", "vulkan=vk:0",
             "-filter_hw_device", "vk", "-f", "lavfi", "-i", SOURCE, "-vf",
             f"format=yuv420p,hwupload,{text},hwdownload,format=yuv420p", "-f", "framemd5", "-"],
            env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return [line for line in done.stdout.splitlines() if not line.startswith("#")]

    def test_ffmpeg_filters_give_the_native_frames(self):
        for name in ["libplacebo"] if self.swiftshader() else FILTERS:
            with self.subTest(name):
                native = self.filtered(FILTERS[name], harness.native_environment(self.driver))
                forwarded = self.filtered(FILTERS[name], self.host.guest_environment())
                self.assertEqual(len(native), 5)
                self.assertEqual(native, forwarded)
        self.host.wait_log(r"ffmpeg.* ended after")

    def shown(self, output, environment, device, wanted=None):
        """The picture that mpv comes to show of the first frame: it draws it more than once, and the later ones, which
        come from a cache of the renderer's, are rounded otherwise. Natively it is the one that stays for three seconds,
        through the driver the one that is wanted."""
        display = displays.XServer(480, 360)
        self.addCleanup(display.close)
        running = harness.Program(
            ["mpv", "--no-config", "--pause", "--osc=no", "--osd-level=0", f"--vo={output}", "--gpu-api=vulkan",
             "--gpu-context=x11vk", f"--vulkan-device={device}", "--geometry=400x300+20+20",
             f"av://lavfi:{SOURCE}"], {**environment, **display.environment})
        self.addCleanup(running.kill)
        last, since = None, 0

        def settled():
            nonlocal last, since
            before, last = last, display.decode(display.grab())
            if before != last:
                since = time.monotonic()
            if wanted is not None:
                return last == wanted
            _, _, data = last
            return time.monotonic() - since > 3 and len({data[i:i + 4] for i in range(0, len(data), 4)}) > 1000
        found = harness.wait_until(settled, 60, 0.2)
        self.assertTrue(found, running.text()[-3000:] + running.error_text()[-2000:] + self.host.log()[-1000:])
        running.kill()
        return last

    def test_mpv_shows_the_native_picture(self):
        if self.swiftshader():
            return  # the reason stands at the top
        # A CPU is only taken when it is asked for by name.
        name = subprocess.run(["vulkaninfo", "--summary"], env=harness.native_environment(self.driver),
                              capture_output=True, text=True, timeout=60, check=True).stdout
        name = next(line.split("=", 1)[1].strip() for line in name.splitlines() if "deviceName" in line)
        for output in ("gpu", "gpu-next"):
            with self.subTest(output):
                native = self.shown(output, harness.native_environment(self.driver), name)
                self.shown(output, self.host.guest_environment(), f"Viaduct ({name})", native)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Video.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
