#!/usr/bin/env python3
"""Direct3D 11 by DXVK under Wine, in a Debian 13: what a program draws natively and through the driver.

usage: test_dxvk.py

Debian 12 has no DXVK that runs with its Wine. So this enters a Debian 13 (tools/in-debian13, which makes one where there
is none), with the build of this machine, and is its own test there: a guest of Debian 13 on a service beside it, with the
same driver, whose picture must be the native one to the byte; and on the service of the machine around it, whose driver is
another version. Ends with 77, which ctest shows as skipped, where no Debian 13 can be made.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "real")]
sys.dont_write_bytecode = True
import displays  # noqa: E402
import harness  # noqa: E402

DXVK = pathlib.Path("/usr/lib/dxvk/wine64")
SIZE = 256
# Where lavapipe of one release and of another put a colour between two values.
ROUNDING = 2


def run(command, environment, folder, seconds=300):
    done = subprocess.run([str(part) for part in command], env=environment, cwd=folder, capture_output=True, text=True,
                          errors="replace", timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr


class Dxvk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory(prefix="viaduct-dxvk-")
        cls.addClassCleanup(place.cleanup)
        cls.folder = pathlib.Path(place.name)
        cls.display = displays.XServer()
        cls.addClassCleanup(cls.display.close)
        status, out, errors = run(["x86_64-w64-mingw32-gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror",
                                   HERE / "triangle.c", "-o", "triangle.exe", "-ld3d11", "-ldxgi", "-ld3dcompiler_47"],
                                  os.environ, cls.folder)
        if status != 0:
            raise AssertionError(f"triangle.c does not compile: {out}{errors}")
        for library in ("d3d11", "dxgi"):
            (cls.folder / f"{library}.dll").write_bytes((DXVK / f"{library}.dll.so").read_bytes())
        cls.wine = {"WINEPREFIX": str(cls.folder / "prefix"), "WINEDEBUG": "-all", "XDG_RUNTIME_DIR": place.name,
                    "WINEDLLOVERRIDES": "d3d11,dxgi=n,b;mscoree,mshtml=", "DXVK_LOG_LEVEL": "info",
                    "DXVK_LOG_PATH": "none", **cls.display.environment}
        status, out, errors = run(["wine", "wineboot", "--init"], {**harness.native_environment(), **cls.wine}, cls.folder)
        if status != 0:
            raise AssertionError(f"Wine's prefix cannot be made: {out}{errors}")
        cls.addClassCleanup(run, ["wineserver", "-k"], {**harness.clean_environment(), **cls.wine}, cls.folder)
        cls.native = cls.draw(harness.native_environment())

    @classmethod
    def draw(cls, environment):
        """(feature level, adapter, picture) of the program's run on a driver."""
        picture = cls.folder / "out.ppm"
        picture.unlink(missing_ok=True)
        status, out, errors = run(["wine", "triangle.exe", picture.name], {**environment, **cls.wine}, cls.folder)
        words = re.search(r"level (\w+)\s+adapter (.*?)\s*$", out, re.M)
        if status != 0 or not words:
            raise AssertionError(f"the program ended with {status}: {out[-2000:]}{errors[-4000:]}")
        header, _, pixels = picture.read_bytes().partition(b"\n255\n")
        if header != f"P6\n{SIZE} {SIZE}".encode() or len(pixels) != SIZE * SIZE * 3:
            raise AssertionError(f"not the picture that was asked for: {header}, {len(pixels)} bytes")
        return words[1], words[2], pixels

    def test_the_native_picture_is_a_triangle_on_the_cleared_colour(self):
        level, adapter, pixels = self.native
        self.assertGreaterEqual(int(level, 16), 0xB000, "feature level 11_0")
        self.assertIn("llvmpipe", adapter)
        self.assertEqual(tuple(pixels[:3]), (51, 102, 153))
        self.assertGreater(len(set(zip(*[iter(pixels)] * 3))), 5000, "colours between three corners")

    def test_a_service_with_the_same_driver_draws_the_native_picture(self):
        host = harness.Host()
        self.addCleanup(host.stop)
        level, adapter, pixels = self.draw(host.guest_environment())
        self.assertEqual(level, self.native[0])
        self.assertRegex(adapter, r"^Viaduct \(.*llvmpipe")
        self.assertTrue(pixels == self.native[2], f"the bytes differ; {host.log()[-2000:]}")
        host.wait_log(r"tenant default, triangle\.exe, pid \d+\) ended")

    @unittest.skipUnless("VIADUCT_TEST_OUTSIDE" in os.environ, "this machine is the Debian 13: there is none around it")
    def test_the_service_of_the_machine_around_draws_it_too(self):
        environment = {**harness.native_environment(str(harness.ICD)), "VIADUCT_URL": os.environ["VIADUCT_TEST_OUTSIDE"]}
        level, adapter, pixels = self.draw(environment)
        self.assertGreaterEqual(int(level, 16), 0xB000)
        self.assertRegex(adapter, r"^Viaduct \(")
        worst = max(abs(a - b) for a, b in zip(pixels, self.native[2]))
        different = sum(a != b for a, b in zip(pixels, self.native[2]))
        self.assertTrue(worst <= ROUNDING or different < len(pixels) // 100, f"{different} bytes differ, by up to {worst}")


def outside():
    """Enters a Debian 13, with a service of this machine at a place that both see; the exit status."""
    enter = [str(ROOT / "tools/in-debian13"), "--same-build"]
    packages = subprocess.run([*enter, "packaging/install-missing", "dxvk-packages.txt"], check=False)
    if packages.returncode != 0:
        return packages.returncode
    with tempfile.TemporaryDirectory(prefix="dxvk-", dir=harness.BUILD) as place:
        tempfile.tempdir = place
        host = harness.Host()
        try:
            environment = {**os.environ, "VIADUCT_TEST_OUTSIDE": host.url, "VIADUCT_BUILD": str(harness.BUILD)}
            status = subprocess.run([*enter, "python3", "-B", str(HERE / "test_dxvk.py")], env=environment,
                                    check=False).returncode
            if status != 0:
                print(f"the log of the service around: {host.log()[-3000:]}")
            return status
        finally:
            host.stop()


if __name__ == "__main__":
    release = pathlib.Path("/etc/os-release").read_text()
    if "VERSION_CODENAME=trixie" in release:
        if "VIADUCT_TEST_OUTSIDE" not in os.environ:
            subprocess.run([str(ROOT / "packaging/install-missing"), "dxvk-packages.txt"], check=True)
        unittest.main(verbosity=2)
    sys.exit(outside())
