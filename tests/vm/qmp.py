"""QEMU's control socket: pausing a machine and going on, resetting it."""

import json
import socket
import time

ANSWER_S = 30


class Qmp:
    """A connection to the socket of `-qmp unix:PATH,server=on,wait=off`. Not for several threads."""

    def __init__(self, path, seconds):
        end = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(ANSWER_S)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                if time.monotonic() >= end:
                    raise
                time.sleep(0.1)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self._message()  # its greeting
        self.ask("qmp_capabilities")

    def _message(self):
        line = self.lines.readline()
        if not line:
            raise AssertionError("QEMU closed its control socket")
        return json.loads(line)

    def ask(self, command, **arguments):
        """What QEMU returns; its events are passed over."""
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._message()
            if "error" in message:
                raise AssertionError(f"QEMU refuses {command}: {message['error']}")
            if "return" in message:
                return message["return"]

    def close(self):
        self.lines.close()
        self.socket.close()
