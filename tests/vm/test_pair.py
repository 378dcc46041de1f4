#!/usr/bin/env python3
"""Two virtual machines that render on this host at once, one of which is killed in mid-frame.

usage: test_pair.py [--transport NAME]      NAME is one of vm_host.py's
"""

import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vm_host import SET_UP, TRANSPORTS, VmHost, ids  # noqa: E402
from harness import BUILD, wait_until  # noqa: E402

VICTIM = BUILD / "tests/victim"
PROGRAMS = ["vkcube", "victim"]
FRAMES = 100

# Of the two programs one looks at every word of each of its frames, and the other has a window.
JOB = SET_UP + r"""
export VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest
./victim frames 1000000000 >/run/frames 2>&1 &
cube 1000000000 >/run/cube 2>&1 &
cube=$!
hear enough
lived() { kill -0 $cube && pgrep -x victim && ! grep -E 'wrong|result' /run/frames; }
check 'nothing was lost' lived
check 'new programs render' ./victim frames 50
# A machine that is switched off while they draw may hang in that.
pkill -KILL 'vkcube|victim|Xvfb'
sleep 1
"""


class Pair(unittest.TestCase):
    transport = "stream"

    def test_the_death_of_a_vm_is_noticed_and_costs_the_other_nothing(self):
        host = VmHost(TRANSPORTS[self.transport], 2)
        self.addCleanup(host.stop)
        machines = []
        for tenant in host.tenants:
            machines.append(host.machine(tenant, JOB, files=[VICTIM]))
            self.addCleanup(machines[-1].close)
        dead, living = host.tenants
        sessions = {tenant: host.wait_sessions(tenant, PROGRAMS, 300, frames=10) for tenant in host.tenants}
        machines[0].kill()
        host.wait_gone(sessions[dead], dead, 60)
        self.assertRegex(host.log(), rf"tenant {dead}, vkcube, pid \d+\) ended after \d+ frames")

        def frames():
            now = host.wait_sessions(living, PROGRAMS, 60)
            self.assertEqual(ids(now), ids(sessions[living]), host.log()[-3000:])
            return max(each["frames"] for each in now)
        before = frames()
        self.assertTrue(wait_until(lambda: frames() >= before + FRAMES, 200, 0.2), "the other draws on")
        machines[1].tell("enough")
        machines[1].finish(100)
        for name in ("nothing was lost", "new programs render"):
            self.assertIn(f"CHECK ok: {name}", machines[1].text())
        host.wait_gone(sessions[living], living, 30)
        self.assertEqual(host.sessions(), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default=Pair.transport, choices=sorted(TRANSPORTS))
    arguments, rest = parser.parse_known_args()
    Pair.transport = arguments.transport
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
