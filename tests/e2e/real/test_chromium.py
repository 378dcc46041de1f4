#!/usr/bin/env python3
"""Chromium, headless, with WebGL and WebGPU: its pixels natively and through the driver, and the picture of the page.

usage: test_chromium.py --driver ICD.json

chromium/page.html is served on loopback and posts what it drew. SwiftShader is the driver to give: Chromium's Vulkan
compositor wants samplerYcbcrConversion, and its WebGPU wants features, that lavapipe 22.3 does not have natively.

Among adapters that are CPUs Chromium's WebGPU prefers a SwiftShader of its own, whatever the system's driver is; so the
forwarded run sees an empty file in that library's place (the worker, outside its mounts, does not).
"""

import argparse
import http.server
import json
import os
import pathlib
import queue
import shutil
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parent / "chromium" / "page.html"

# docs/programs.md says what each of the first group is for; the second keeps Chromium quiet on a machine without a
# network.
FLAGS = ["--use-gl=angle", "--use-angle=vulkan", "--use-vulkan=native", "--enable-features=Vulkan",
         "--ignore-gpu-blocklist", "--enable-unsafe-webgpu", "--enable-webgpu-developer-features", "--no-sandbox",
         "--headless", "--window-size=400,800", "--hide-scrollbars",
         "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--enable-logging=stderr"]


HIDE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
        'mount --bind /dev/null /usr/lib/chromium/libvk_swiftshader.so && exec "$@"', "sh"]


class Site:
    """The page on a port of loopback, and what it posts. The page has loaded, and Chromium takes its picture, when the
    answer to /wait comes: once it has posted."""

    def __init__(self):
        posted = self.posted = queue.Queue()
        done = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == "/"
                if self.path == "/wait":
                    done.wait(90)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE.read_bytes() if found else b"")

            def do_POST(self):
                posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()
                done.set()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Chromium(unittest.TestCase):
    driver = harness.SWIFTSHADER

    def browse(self, environment, prefix=()):
        """What the page posted, and a picture of the page."""
        site = Site()
        self.addCleanup(site.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-chromium-"))
        self.addCleanup(shutil.rmtree, folder, True)
        picture = folder / "page.png"
        running = harness.Program(
            [*prefix, "chromium", *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}", "--timeout=90000",
             site.url],
            {**environment, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}, cwd=folder)
        self.addCleanup(running.kill)
        self.assertEqual(running.wait(120), 0, running.error_text()[-4000:])
        self.assertFalse(site.posted.empty(), f"the page posted nothing: {running.error_text()[-4000:]}")
        answer = site.posted.get()
        self.assertNotIn("webglError", answer, running.error_text()[-4000:])
        self.assertNotIn("webgpuError", answer, running.error_text()[-4000:])
        return answer, displays.read_png(picture.read_bytes())

    def test_webgl_and_webgpu_draw_the_native_pixels(self):
        host = harness.Host(driver=self.driver)
        self.addCleanup(host.stop)
        native, native_page = self.browse(harness.native_environment(self.driver))
        forwarded, page = self.browse(host.guest_environment(), HIDE)
        print(f"WebGL: {forwarded['webglRenderer']}\nWebGPU: {forwarded['webgpuAdapter']}", flush=True)
        self.assertIn("Viaduct (", forwarded["webglRenderer"])
        self.assertNotIn("Viaduct", native["webglRenderer"])
        self.assertIn("Viaduct", " ".join(forwarded["webgpuAdapter"]))
        for name in ("webglPixels", "webgpuPixels"):
            colours = {forwarded[name][i:i + 8] for i in range(0, len(forwarded[name]), 8)}
            self.assertGreater(len(colours), 10, name)
            self.assertTrue(forwarded[name] == native[name], f"{name} differ")
        self.assertEqual(forwarded["squares"], [float(n * n) for n in range(16)])
        self.check_page(page)
        self.assertTrue(page == native_page, "the pictures of the page differ")

    def check_page(self, page):
        """The canvases' clear colours and the page's white stand where they should; both pictures of WebGPU are one."""
        width, _, data = page
        for x, y, colour in ((2, 2, (26, 51, 77)), (2, 510, (128, 64, 0)), (2, 766, (128, 64, 0)), (300, 100, (255, 255, 255))):
            at = (y * width + x) * 4
            for got, wanted in zip(data[at:at + 3], colour):
                self.assertLessEqual(abs(got - wanted), 1, f"pixel {x}, {y}: {tuple(data[at:at + 3])}")
        rows = [data[y * width * 4:(y * width + 256) * 4] for y in range(256, 768)]
        self.assertGreater(len(set(rows)), 100, "WebGPU drew something")
        self.assertTrue(rows[:256] == rows[256:], "the WebGPU canvas shows another picture than its copy")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.SWIFTSHADER)
    arguments, rest = parser.parse_known_args()
    Chromium.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
