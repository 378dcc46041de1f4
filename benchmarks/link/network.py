#!/usr/bin/env python3
"""Stream-only sessions over networks of several rates and delays, with and without compression, as root: three network
namespaces in a row, joined by veth pairs whose ends are limited by tbf, and in the middle one a relay that delays. So what
each side sends meets the rate at once, and the delay later. Prints a table in Markdown: medians of the rounds.

usage: network.py [--build DIR] [--driver MANIFEST] [--rates 10000,1000,100] [--delays 0.1,1,5,20] [--rounds 3]
                  [--compression no,yes]

rates in Mbit/s; delays are added round trips in ms, half in each direction. With both kinds of --compression they take turns
within each round, and a cell has both figures: without / with.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from columns import ROWS

HOST, MIDDLE, GUEST = "vdbench-host", "vdbench-middle", "vdbench-guest"
ADDRESS, RELAY = "10.77.7.1", "10.77.8.1"
FRAMES = (30, 90)  # of vkcube: the difference is measured
ECHO = """
import socket
s=socket.create_server(("", 7708))
while True:
    c,_=s.accept(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while d:=c.recv(64): c.sendall(d)
"""
PING = f"""
import socket,time
c=socket.create_connection(("{RELAY}", 7718)); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
t=[]
for _ in range(100):
    a=time.perf_counter(); c.sendall(b"x"); c.recv(64); t.append(time.perf_counter()-a)
print(sorted(t)[50]*1e6)
"""
COLUMNS = [("TCP echo ms", "ping_us", 1000, 2), *ROWS, ("vkcube 1280x720 frames/s", "vkcube_per_s", 1, 1)]


def sh(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def inside(namespace, *command, **options):
    return ["ip", "netns", "exec", namespace, *map(str, command)]


class Network:
    def __init__(self, mbit):
        self.close()
        for namespace in (HOST, MIDDLE, GUEST):
            sh("ip", "netns", "add", namespace)
            sh(*inside(namespace, "ip", "link", "set", "lo", "up"))
        self.join(mbit, (HOST, "vdb0", ADDRESS), (MIDDLE, "vdb1", "10.77.7.2"))
        self.join(mbit, (MIDDLE, "vdb2", RELAY), (GUEST, "vdb3", "10.77.8.2"))

    @staticmethod
    def join(mbit, *ends):
        (here, link, _), (there, other, _) = ends
        sh("ip", "link", "add", link, "netns", here, "type", "veth", "peer", "name", other, "netns", there)
        for namespace, name, address in ends:
            sh(*inside(namespace, "ip", "address", "add", f"{address}/24", "dev", name))
            sh(*inside(namespace, "ip", "link", "set", name, "up"))
            # A burst of a millisecond, and at least what offloading makes of a segment.
            burst = max(131072, mbit * 125)
            sh(*inside(namespace, "tc", "qdisc", "add", "dev", name, "root", "tbf", "rate", f"{mbit}mbit", "burst",
                       str(burst), "latency", "50ms"))

    @staticmethod
    def close():
        for namespace in (HOST, MIDDLE, GUEST):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


class Bench:
    """A service and its relays on a network that is there."""

    def __init__(self, options, delay_ms, folder):
        self.options, self.folder, self.running = options, folder, []
        self.bench = options.build / "bin/viaduct-bench"
        self.token = folder / "token"
        self.token.write_text("a-token-for-this-run-only\n")
        config = folder / "viaductd.toml"
        config.write_text(f'[tenants.vm]\ntoken_file = "{self.token}"\n')
        half = int(delay_ms * 500)
        self.start(HOST, options.build / "bin/viaductd", "--listen", f"unix://{folder}/v.sock", "--listen",
                   f"tcp://{ADDRESS}:7707", "--driver", options.driver, "--config", config)
        self.start(HOST, sys.executable, "-c", ECHO)
        self.start(MIDDLE, self.bench, "link-relay", 7717, f"{ADDRESS}:7707", half)
        self.start(MIDDLE, self.bench, "link-relay", 7718, f"{ADDRESS}:7708", half)
        time.sleep(3)

    def start(self, namespace, *command):
        with open(self.folder / "log", "ab") as log:
            self.running.append(subprocess.Popen(inside(namespace, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def guest(self, compression, *command):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("VK_", "VIADUCT_"))}
        environment["VK_ICD_FILENAMES"] = str(self.options.build / "share/vulkan/icd.d/viaduct_icd.json")
        environment["VIADUCT_URL"] = f"tcp://{RELAY}:7717?region=none"
        environment["VIADUCT_TOKEN_FILE"] = str(self.token)
        environment["DISPLAY"] = self.options.display
        if compression == "no":
            environment["VIADUCT_PERF"] = "no_compression"
        done = subprocess.run(inside(GUEST, *command), env=environment, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{done.stdout}{done.stderr}{(self.folder / 'log').read_text()[-3000:]}")
        return done.stdout

    def cube(self, compression, frames):
        begin = time.monotonic()
        self.guest(compression, "vkcube", "--c", frames, "--width", 1280, "--height", 720, "--present_mode", 0)
        return time.monotonic() - begin

    def measure(self, compression):
        values = dict(line.split() for line in self.guest(compression, self.bench, "link-rows").splitlines())
        values["ping_us"] = self.guest(compression, sys.executable, "-c", PING)
        less, more = (self.cube(compression, frames) for frames in FRAMES)
        values["vkcube_per_s"] = (FRAMES[1] - FRAMES[0]) / (more - less)
        return {name: float(value) for name, value in values.items()}

    def close(self):
        for process in self.running:
            process.kill()
            process.wait()


def row(options, mbit, delay):
    rounds = {kind: [] for kind in options.compression}
    network = Network(mbit)
    try:
        with tempfile.TemporaryDirectory(prefix="vdbench-") as folder:
            os.chmod(folder, 0o755)
            bench = Bench(options, delay, pathlib.Path(folder))
            try:
                for _ in range(options.rounds):
                    for kind in options.compression:
                        rounds[kind].append(bench.measure(kind))
            finally:
                bench.close()
    finally:
        network.close()
    cells = [str(mbit), f"{delay:g}"]
    for _, name, divisor, decimals in COLUMNS:
        cells.append(" / ".join(f"{statistics.median(one[name] for one in values) / divisor:.{decimals}f}"
                                for values in rounds.values()))
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--driver", default="/usr/lib/chromium/vk_swiftshader_icd.json")
    parser.add_argument("--rates", default="10000,1000,100")
    parser.add_argument("--delays", default="0.1,1,5,20")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", default="no,yes")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.compression = options.compression.split(",")
    ready, number = os.pipe()
    screen = subprocess.Popen(["Xvfb", "-displayfd", str(number), "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"],
                              pass_fds=[number], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(number)
    try:
        with os.fdopen(ready) as pipe:
            options.display = f":{pipe.readline().strip()}"
        print("| Mbit/s | added ms | " + " | ".join(heading for heading, *_ in COLUMNS) + " |")
        print("|" + "---|" * (2 + len(COLUMNS)))
        for mbit in map(int, options.rates.split(",")):
            for delay in map(float, options.delays.split(",")):
                print(row(options, mbit, delay), flush=True)
    finally:
        screen.kill()
        screen.wait()


if __name__ == "__main__":
    main()
