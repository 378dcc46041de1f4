"""Debian's Chromium, headless, driven over its debugging pipe: a page at a size, what it says, and its picture."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-quic",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]


class Browser:
    def __init__(self, *flags):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-browser-"))
        its_in, self.out = os.pipe()
        self.incoming, its_out = os.pipe()
        # Chromium reads descriptor 3 and writes 4; the shell puts them there.
        line = f'exec 3<&{its_in} 4>&{its_out}; exec chromium "$@"'
        self.errors = open(self.folder / "errors", "wb")
        command = [*FLAGS, *flags, f"--user-data-dir={self.folder / 'profile'}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", line, "bash", *command],
            pass_fds=[its_in, its_out], stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            start_new_session=True, env={**os.environ, "HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)})
        os.close(its_in)
        os.close(its_out)
        self.buffer, self.number, self.events = b"", 0, []

    def close(self):
        try:
            self.call("Browser.close", seconds=10)
            self.process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for descriptor in (self.out, self.incoming):
            os.close(descriptor)
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self, end):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.incoming], [], [], left)[0]:
                raise AssertionError("Chromium does not answer in time: " + self.error_text())
            chunk = os.read(self.incoming, 1 << 20)
            if not chunk:
                raise AssertionError("Chromium has ended: " + self.error_text())
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def error_text(self):
        return (self.folder / "errors").read_text(errors="replace")[-2000:]

    def call(self, method, session=None, seconds=60, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + seconds
        while True:
            answer = self.receive(end)
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise AssertionError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def open(self, url, width, height, dark=False):
        return Page(self, url, width, height, dark)


class Page:
    def __init__(self, browser, url, width, height, dark):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)
        self.wait(f"document.readyState === 'complete' && (location.href !== 'about:blank') === {json.dumps(url != 'about:blank')}")

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def value(self, script):
        """What an expression gives, awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script, seconds=30):
        """The expression's first true value."""
        end = time.monotonic() + seconds
        while True:
            value = self.value(script)
            if value:
                return value
            if time.monotonic() >= end:
                raise AssertionError(f"never true within {seconds} s: {script}; the page says: "
                                     + self.value("document.body.innerText"))
            time.sleep(0.05)

    def key(self, key, code=None, text=None):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code or 0,
                      **({"text": text} if text and kind == "keyDown" else {}))

    def tab(self):
        self.key("Tab", 9)

    def enter(self):
        self.key("Enter", 13, "\r")

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, whole=True):
        """A PNG of the page, of its whole height."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def complaints(self):
        """What the console has said, and exceptions."""
        return [event for event in self.browser.events if event.get("sessionId") == self.session
                and (event["method"] == "Runtime.exceptionThrown" or (event["method"] == "Log.entryAdded"
                                                                     and event["params"]["entry"]["level"] == "error"))]

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
