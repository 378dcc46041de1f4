#!/usr/bin/env python3
"""Takes the pictures of the README anew: docs/images/page.png and docs/images/top.png, of programs that render meanwhile.

pictures.py [FOLDER]: with VIADUCT_BUILD, as tests have it. Wants Chromium, Xvfb, vkcube and glmark2; takes two minutes.
"""

import fcntl
import html
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / folder) for folder in ("support", "http", "real"))]
import displays  # noqa: E402
import test_http  # noqa: E402
from browser import Browser  # noqa: E402
from harness import BUILD, Host, wait_until  # noqa: E402

SETTINGS = """policy = "fixed-share"
[http]
listen = "127.0.0.1:{port}"
token_file = "{token}"
[tenants.alice]
share = 50
fps = 60
[tenants.bob]
share = 30
[tenants.carol]
share = 20
fps = 30
"""
CUBE = ("vkcube", "--suppress_popups", "--present_mode", "0")
MARK = (BUILD / "bin/viaductctl", "run", "--", "glmark2", "--run-forever", "-b", "build:use-vbo=true", "-s", "320x240")
PROGRAMS = (("alice", CUBE), ("alice", MARK), ("bob", CUBE), ("bob", (BUILD / "tests/gpu_consumer", 48, 2, 60000)), ("carol", CUBE))
SIZE = (12, 126)  # of the terminal: rows, columns

TERMINAL = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 14px; background: #11151c; width: max-content; }}
pre {{ margin: 0; color: #d8dee9; font: 14px/1.35 "DejaVu Sans Mono", monospace; }}
.bold {{ font-weight: bold; color: #fff; }} .inverse {{ background: #d8dee9; color: #11151c; }} .line {{ text-decoration: underline; }}
</style><pre>{text}</pre>"""


def last_screen(written):
    """What a terminal shows once it has all that top wrote: lines of (text, classes). top draws whole screens, so the
    last whole one is what stands there."""
    frame = written.rsplit("\x1b[J", 1)[0].rsplit("\x1b[H", 1)[1]
    looks = {"1": "bold", "7": "inverse", "4": "line"}
    lines = []
    for line in re.split(r"\r+\n", frame):  # the terminal adds a return
        on, parts = set(), []
        for piece in re.split(r"(\x1b\[[0-9;]*[A-Za-z])", line):
            if not piece.startswith("\x1b"):
                if piece:
                    parts.append((piece, sorted(on)))
            elif piece.endswith("m"):
                code = piece[2:-1]
                if code in looks:
                    on.add(looks[code])
                elif code == "24":
                    on.discard("line")
                elif code == "0":
                    on.clear()
                else:
                    raise ValueError(f"top has learnt a new escape sequence: {piece!r}")
            elif piece != "\x1b[K":
                raise ValueError(f"top has learnt a new escape sequence: {piece!r}")
        lines.append(parts)
    return lines


def run_top(host, seconds):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    environment = {**os.environ, "VIADUCT_URL": host.url, "TERM": "xterm"}
    process = subprocess.Popen([str(BUILD / "bin/viaductctl"), "top"], stdin=slave, stdout=slave, stderr=slave, env=environment,
                               start_new_session=True)
    os.close(slave)
    chunks = []

    def read():
        try:
            while chunk := os.read(master, 65536):
                chunks.append(chunk)
        except OSError:
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    time.sleep(seconds)
    written = b"".join(chunks).decode()
    process.kill()
    process.wait()
    os.close(master)
    reader.join(5)
    return last_screen(written)


def picture_of(browser, lines, folder):
    text = "\n".join("".join(f'<span class="{" ".join(looks)}">{html.escape(piece)}</span>' for piece, looks in line) for line in lines)
    place = folder / "top.html"
    place.write_text(TERMINAL.format(text=text))
    page = browser.open(place.as_uri(), 1280, 400)
    width, height = page.value("[document.body.offsetWidth, document.body.offsetHeight]")
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    return page.picture(whole=False)


def take(folder):
    work = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-pictures-"))
    (work / "token").touch(mode=0o600)
    (work / "token").write_text(test_http.TOKEN + "\n")
    port = test_http.free_port()
    screen, browser = displays.XServer(1024, 768), Browser()
    host = Host(config=SETTINGS.format(port=port, token=work / "token"))
    try:
        for tenant, command in PROGRAMS:
            host.guest(*command, tenant=tenant, extra=screen.environment)
        if not wait_until(lambda: len(host.sessions()) == len(PROGRAMS), 60, 0.2):
            raise AssertionError(f"not every program runs: {host.status()} {[each.error_text() for each in host.programs]}")
        page = browser.open(f"http://127.0.0.1:{port}/", 1280, 960)
        page.wait("!document.getElementById('token-form').hidden")
        page.value("document.getElementById('token').focus()")
        page.type(test_http.TOKEN)
        page.enter()
        page.wait("document.querySelectorAll('.tenant').length > 0")
        time.sleep(50)
        host.ctl("tenant", "set", "carol", "--fps", 15)
        time.sleep(50)
        (folder / "page.png").write_bytes(page.picture())
        page.close()
        (folder / "top.png").write_bytes(picture_of(browser, run_top(host, 8), work))
    finally:
        browser.close()
        host.stop()
        screen.close()
        shutil.rmtree(work)


if __name__ == "__main__":
    take(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[2] / "docs/images"))
