#!/usr/bin/env python3
"""Runs every pixel case natively and through the driver and compares the bytes.

usage: test_pixels.py --driver ICD.json --mode MODE

import     mapped memory is the region itself (what the worker chooses on software drivers)
shadow     VIADUCT_MEMORY=shadow: nothing is imported
stream     no shared memory: the region's bytes travel on the control stream (?region=none)
streamshadow  both of these
ivshmem    a VM's shared memory, of which this machine plays the VM
uncached   the same, treated as memory that no cache covers (VIADUCT_PERF=no_cached_bar)
LAYOUT     the memory-type test layer in the worker, imposing that GPU's memory types (tests/e2e/layers)

A case that the driver lacks a feature for must skip natively and forwarded for the same reason. EXCEPTED names what
a mode does not promise: there the case must not pass by luck of timing, so it is not run.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import harness  # noqa: E402
from shared_memory import MemoryHost  # noqa: E402

PIXELS = harness.BUILD / "tests/pixels"
SKIPPED = 77
EXCEPTED = {
    # Without shared memory too.
    "stream": {"coherent_polling"},
    "streamshadow": {"coherent_polling"},
    # Decision 4: with the shadow, writes that already executing work should see are not seen.
    "shadow": {"coherent_polling"},
    "amd": {"coherent_polling"},  # this layout refuses imports, so the worker falls back to the shadow
    "buffers": {"coherent_polling"},  # its storage buffers cannot be imported, so they are shadowed
}
SHARED = ("ivshmem", "uncached")
PLAIN = ("import", "shadow", "stream", "streamshadow", *SHARED)
LAYER = harness.BUILD / "tests/layers"


def cases():
    out = subprocess.run([str(PIXELS), "--list"], capture_output=True, text=True, timeout=20, check=True)
    return [line.split("\t")[0] for line in out.stdout.splitlines()]


def run(case, environment, folder):
    """The status, the line on standard output and the bytes of one case."""
    path = pathlib.Path(folder) / f"{case}.bin"
    path.unlink(missing_ok=True)
    try:
        done = subprocess.run([str(PIXELS), "--case", case, "--out", str(path)], env=environment, capture_output=True,
                              text=True, errors="replace", timeout=120, check=False)
    except subprocess.TimeoutExpired as hung:
        return None, "still running after 120 s", str(hung.stderr or ""), b""
    data = path.read_bytes() if path.exists() else b""
    return done.returncode, done.stdout.strip(), done.stderr, data


def layer_environment(layout):
    return {"VK_LAYER_PATH": str(LAYER), "VK_INSTANCE_LAYERS": "VK_LAYER_VIADUCT_memory_types",
            "VIADUCT_TEST_MEMORY_LAYOUT": layout}


def first_difference(a, b):
    if len(a) != len(b):
        return f"{len(a)} bytes natively, {len(b)} forwarded"
    at = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)
    count = sum(x != y for x, y in zip(a, b))
    return f"{count} of {len(a)} bytes differ, the first at {at}: {a[at]:#04x} natively, {b[at]:#04x} forwarded"


class Pixels(unittest.TestCase):
    driver = harness.DRIVER
    mode = "import"

    @classmethod
    def setUpClass(cls):
        cls.environment = {}
        if cls.mode in ("shadow", "streamshadow"):
            cls.environment["VIADUCT_MEMORY"] = "shadow"
        elif cls.mode not in PLAIN:
            cls.environment.update(layer_environment(cls.mode))
        if cls.mode in SHARED:
            cls.host = MemoryHost(["1 GiB"], driver=cls.driver)
        else:
            cls.host = harness.Host(driver=cls.driver, environment=cls.environment)

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def test_each_case_gives_the_same_bytes_natively_and_forwarded(self):
        native = harness.native_environment(self.driver)
        forwarded = self.host.guest_environment()
        if self.mode in SHARED:
            forwarded.update(self.host.vm_way())
        if self.mode == "uncached":
            forwarded["VIADUCT_PERF"] = "no_cached_bar"
        if self.mode.startswith("stream"):
            forwarded["VIADUCT_URL"] += "?region=none"
        run_count = 0
        for case in cases():
            if case in EXCEPTED.get(self.mode, ()):
                print(f"{case}: excepted in mode {self.mode}", flush=True)
                continue
            with self.subTest(case=case), tempfile.TemporaryDirectory() as folder:
                status, line, errors, data = run(case, native, folder)
                self.assertIn(status, (0, SKIPPED), f"natively: {line} {errors}")
                got_status, got_line, got_errors, got = run(case, forwarded, folder)
                print(f"{case}: {got_line}", flush=True)
                detail = f"{got_line}\n{got_errors[-3000:]}\nviaductd: {self.host.log()[-2000:]}"
                self.assertEqual(got_status, status, detail)
                self.assertFalse(got != data, "" if got == data else first_difference(data, got))
                if status == SKIPPED:
                    self.assertEqual(got_line, line, "skipped for another reason")
                run_count += status == 0
        self.assertGreater(run_count, 30, "most cases run on every driver")


class Layer(unittest.TestCase):
    """With no Viaduct in between, the pixels are the same with the layer and without."""

    @unittest.skipIf("--mode" in sys.argv and sys.argv[sys.argv.index("--mode") + 1] in PLAIN, "this mode uses no layer")
    def test_the_layer_changes_no_pixel(self):
        plain = harness.native_environment(Pixels.driver)
        layered = {**plain, **layer_environment(Pixels.mode)}
        for case in cases():
            with self.subTest(case=case), tempfile.TemporaryDirectory() as folder:
                expected, got = run(case, plain, folder), run(case, layered, folder)
                self.assertEqual((expected[0], expected[1]), (got[0], got[1]), got[2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    parser.add_argument("--mode", default="import")
    arguments, rest = parser.parse_known_args()
    Pixels.driver, Pixels.mode = arguments.driver, arguments.mode
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
