"""A throw-away X server and a throw-away Wayland compositor, both headless, and pictures of what they show.

A picture is (width, height, bytes of rows with four bytes a pixel: BGRX of an X screen, RGBX of a PNG).
Nothing that is started here outlives close().
"""

import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import zlib


def window(picture, order, size=500, background=b"\x33"):
    """The red, green and blue planes of the size by size window that begins with a row of its background colour, or
    None where there is no such window. order is "BGRX" or "RGBX"."""
    width, height, data = picture
    stride = width * 4
    blank = background * size
    for y in range(height - size + 1):
        row = data[y * stride:(y + 1) * stride]
        x = row[0::4].find(blank)
        if x >= 0 and row[1::4].find(blank) == x:
            area = b"".join(data[(y + i) * stride + x * 4:(y + i) * stride + (x + size) * 4] for i in range(size))
            return b"".join(area[order.index(channel)::4] for channel in "RGB")
    return None


def colours(planes):
    """How many different pixels a window has."""
    third = len(planes) // 3
    return len(set(zip(planes[:third], planes[third:2 * third], planes[2 * third:])))


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class XServer:
    """Xvfb without DRI3, 24 bits, its frame buffer in a file that can be read at any time. It stays as it is when its
    last client leaves: a server that starts over refuses who comes meanwhile."""

    order = "BGRX"

    def __init__(self, width=640, height=640):
        self.folder = tempfile.mkdtemp(prefix="viaduct-xvfb-")
        ready, number = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(number), "-screen", "0", f"{width}x{height}x24", "-fbdir", self.folder,
             "-nolisten", "tcp", "-noreset", "-extension", "DRI3"],
            pass_fds=[number], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(number)
        with os.fdopen(ready) as pipe:
            line = pipe.readline().strip()
        if not line:
            self.close()
            raise AssertionError("Xvfb does not start")
        self.environment = {"DISPLAY": f":{line}"}

    def grab(self):
        """The screen as it is now: the XWD file that Xvfb keeps mapped."""
        return pathlib.Path(self.folder, "Xvfb_screen0").read_bytes()

    @staticmethod
    def decode(data):
        header = struct.unpack(">25I", data[:100])
        header_size, width, height, stride, colour_count = header[0], header[4], header[5], header[12], header[19]
        first = header_size + colour_count * 12
        rows = [data[first + y * stride:first + y * stride + width * 4] for y in range(height)]
        return width, height, b"".join(rows)

    def close(self):
        stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Compositor:
    """A headless Weston on a socket of its own; pictures through its own screenshooter."""

    order = "RGBX"

    def __init__(self, width=640, height=640):
        self.folder = tempfile.mkdtemp(prefix="viaduct-weston-")
        os.chmod(self.folder, 0o700)
        self.environment = {"XDG_RUNTIME_DIR": self.folder, "WAYLAND_DISPLAY": "viaduct-test"}
        self.log = open(os.path.join(self.folder, "weston.log"), "wb")
        self.process = subprocess.Popen(
            ["weston", "--backend=headless-backend.so", "--use-pixman", f"--width={width}", f"--height={height}",
             "--socket=viaduct-test", "--idle-time=0", "--debug", "--no-config"],
            env={**os.environ, "XDG_RUNTIME_DIR": self.folder}, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        end = time.monotonic() + 20
        while not os.path.exists(os.path.join(self.folder, "viaduct-test")):
            if time.monotonic() > end or self.process.poll() is not None:
                text = pathlib.Path(self.folder, "weston.log").read_text(errors="replace")
                self.close()
                raise AssertionError(f"weston does not start: {text[-2000:]}")
            time.sleep(0.02)

    def grab(self):
        """The output as it is now: the PNG that the screenshooter writes."""
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(["weston-screenshooter"], env={**os.environ, **self.environment}, cwd=place, timeout=30,
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            files = list(pathlib.Path(place).glob("*.png"))
            if len(files) != 1:
                raise AssertionError("weston-screenshooter wrote no picture")
            return files[0].read_bytes()

    @staticmethod
    def decode(data):
        return read_png(data)

    def close(self):
        stop(self.process)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def read_png(data):
    """An 8-bit RGB or RGBA PNG without interlacing, which is what the screenshooter writes. Colours are multiplied by
    alpha again, which gives back exactly the compositor's bytes: those are what the PNG's writer divided."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    at, packed, width, height, channels = 8, b"", 0, 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            channels = {2: 3, 6: 4}[colour]
            if depth != 8 or interlace:
                raise ValueError("unexpected kind of PNG")
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    raw, stride = zlib.decompress(packed), width * channels
    previous, rows = bytearray(stride), []
    for y in range(height):
        line = raw[y * (stride + 1):(y + 1) * (stride + 1)]
        row = bytearray(line[1:])
        for x in range(stride):
            left = row[x - channels] if x >= channels else 0
            up = previous[x]
            corner = previous[x - channels] if x >= channels else 0
            if line[0] == 1:
                row[x] = (row[x] + left) & 255
            elif line[0] == 2:
                row[x] = (row[x] + up) & 255
            elif line[0] == 3:
                row[x] = (row[x] + (left + up) // 2) & 255
            elif line[0] == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                row[x] = (row[x] + nearest[2]) & 255
        previous = row
        rows.append(row)
    if channels == 4:
        data = bytearray(b"".join(rows))
        alpha = data[3::4]
        if min(alpha) < 255:
            for channel in range(3):
                data[channel::4] = bytes((c * a + 127) // 255 for c, a in zip(data[channel::4], alpha))
        return width, height, bytes(data)
    return width, height, b"".join(bytes(row[x:x + 3]) + b"\0" for row in rows for x in range(0, stride, 3))
