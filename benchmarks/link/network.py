#!/usr/bin/env python3
"""Stream-only sessions over networks of several rates and delays, as root: two network namespaces, joined by a veth pair
whose ends are limited by tbf, and a relay that delays. Prints a table in Markdown.

usage: network.py [--build DIR] [--driver MANIFEST] [--rates 10000,1000,100] [--delays 0.1,1,5,20] [--driver MANIFEST]

rates in Mbit/s; delays are added round trips in ms, half in each direction.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HOST, GUEST = "vdbench-host", "vdbench-guest"
ADDRESS = "10.77.7.1"
ECHO = """
import socket
s=socket.create_server(("", 7708))
while True:
    c,_=s.accept(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while d:=c.recv(64): c.sendall(d)
"""
PING = f"""
import socket,time
c=socket.create_connection(("{ADDRESS}", 7718)); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
t=[]
for _ in range(100):
    a=time.perf_counter(); c.sendall(b"x"); c.recv(64); t.append(time.perf_counter()-a)
print(sorted(t)[50]*1e6)
"""


def sh(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def inside(namespace, *command, **options):
    return ["ip", "netns", "exec", namespace, *map(str, command)]


class Network:
    def __init__(self, mbit):
        self.close()
        sh("ip", "netns", "add", HOST)
        sh("ip", "netns", "add", GUEST)
        sh("ip", "link", "add", "vdb0", "netns", HOST, "type", "veth", "peer", "name", "vdb1", "netns", GUEST)
        for namespace, link, address in ((HOST, "vdb0", ADDRESS), (GUEST, "vdb1", "10.77.7.2")):
            sh(*inside(namespace, "ip", "address", "add", f"{address}/24", "dev", link))
            for name in (link, "lo"):
                sh(*inside(namespace, "ip", "link", "set", name, "up"))
            # A burst of a millisecond, and at least what offloading makes of a segment.
            burst = max(131072, mbit * 125)
            sh(*inside(namespace, "tc", "qdisc", "add", "dev", link, "root", "tbf", "rate", f"{mbit}mbit", "burst",
                       str(burst), "latency", "50ms"))

    @staticmethod
    def close():
        for namespace in (HOST, GUEST):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


def measure(options, mbit, delay_ms, folder):
    bench = options.build / "bin/viaduct-bench"
    token = folder / "token"
    token.write_text("a-token-for-this-run-only\n")
    config = folder / "viaductd.toml"
    config.write_text(f'[tenants.vm]\ntoken_file = "{token}"\n')
    network = Network(mbit)
    running = []

    def start(*command):
        with open(folder / "log", "ab") as log:
            running.append(subprocess.Popen(inside(HOST, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log))
    try:
        half = int(delay_ms * 500)
        start(options.build / "bin/viaductd", "--listen", f"unix://{folder}/v.sock", "--listen", f"tcp://{ADDRESS}:7707",
              "--driver", options.driver, "--config", config)
        start(sys.executable, "-c", ECHO)
        start(bench, "link-relay", 7717, f"{ADDRESS}:7707", half)
        start(bench, "link-relay", 7718, f"{ADDRESS}:7708", half)
        time.sleep(3)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("VK_", "VIADUCT_"))}
        environment["VK_ICD_FILENAMES"] = str(options.build / "share/vulkan/icd.d/viaduct_icd.json")
        environment["VIADUCT_URL"] = f"tcp://{ADDRESS}:7717?region=none"
        environment["VIADUCT_TOKEN_FILE"] = str(token)
        ping = subprocess.run(inside(GUEST, sys.executable, "-c", PING), capture_output=True, text=True, timeout=60, check=True)
        rows = subprocess.run(inside(GUEST, bench, "link-rows"), env=environment, capture_output=True, text=True,
                              timeout=300, check=False)
        if rows.returncode != 0:
            raise SystemExit(f"{rows.stdout}{rows.stderr}{(folder / 'log').read_text()[-3000:]}")
        values = dict(line.split() for line in rows.stdout.splitlines())
        values["ping_us"] = ping.stdout
        return {name: float(value) for name, value in values.items()}
    finally:
        for process in running:
            process.kill()
            process.wait()
        network.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--driver", default="/usr/lib/chromium/vk_swiftshader_icd.json")
    parser.add_argument("--rates", default="10000,1000,100")
    parser.add_argument("--delays", default="0.1,1,5,20")
    options = parser.parse_args()
    options.build = options.build.resolve()
    print("| Mbit/s | added ms | TCP echo ms | call ms (p99) | submit + wait ms | frames/s, 3 in flight | upload MB/s | "
          "download MB/s | 1280x720 frame ms | … a tenth changed |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for mbit in map(int, options.rates.split(",")):
        for delay in map(float, options.delays.split(",")):
            with tempfile.TemporaryDirectory(prefix="vdbench-") as folder:
                os.chmod(folder, 0o755)
                row = measure(options, mbit, delay, pathlib.Path(folder))
            print(f"| {mbit} | {delay:g} | {row['ping_us'] / 1000:.2f} | {row['call_p50_us'] / 1000:.2f} "
                  f"({row['call_p99_us'] / 1000:.2f}) | {row['submit_wait_p50_us'] / 1000:.2f} | {row['frames_per_s']:.0f} | "
                  f"{row['upload_MBps']:.1f} | {row['download_MBps']:.1f} | {row['frame_all_ms']:.2f} | "
                  f"{row['frame_tenth_ms']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
