#!/usr/bin/env python3
"""What carries a session, compared on one machine: no Viaduct at all, memory of a Unix socket (memfd), a slice of a VM's
memory device (ivshmem), the same with what the driver does where a device's memory is not cached, and a TCP stream on the
loopback. The device is the tenant's file, mapped as a VM's process maps its device, and so is cached in truth; its doorbell
is the stream's. Prints a table in Markdown: medians of the rounds, in which all take turns.

usage: carriers.py [--build DIR] [--driver MANIFEST] [--rounds 5]
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

from columns import ROWS

SUPPORT = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/e2e/support"


def measure(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--driver", default="/usr/lib/chromium/vk_swiftshader_icd.json")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ["VIADUCT_BUILD"] = str(options.build.resolve())
    sys.path.insert(0, str(SUPPORT))
    # They look for what was built when they are read.
    from harness import native_environment  # pylint: disable=import-outside-toplevel
    from shared_memory import MemoryHost  # pylint: disable=import-outside-toplevel
    rows = [options.build / "bin/viaduct-bench", "link-rows"]
    host = MemoryHost(["1 GiB"], driver=options.driver)
    try:
        device = {**host.guest_environment(), **host.vm_way()}
        ways = {"native": native_environment(options.driver), "memfd": host.guest_environment(), "ivshmem, cached": device,
                "ivshmem, as if not cached": {**device, "VIADUCT_PERF": "no_cached_bar"},
                "TCP": {**host.guest_environment(), **host.vm_way(region="none")}}
        seen = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, environment in ways.items():
                seen[name].append(measure(rows, environment))
    finally:
        host.stop()
    print("| carrier | " + " | ".join(heading for heading, *_ in ROWS) + " |")
    print("|" + "---|" * (1 + len(ROWS)))
    for name, values in seen.items():
        # Times are short here.
        cells = [f"{statistics.median(one[key] for one in values) / divisor:.{decimals + 2 if key.endswith(('_us', '_ms')) else 0}f}"
                 for _, key, divisor, decimals in ROWS]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
