#!/usr/bin/env python3
"""Many sessions that have drawn and do nothing now cost next to nothing, on both sides together."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, descendants, wait_until  # noqa: E402

VICTIM = BUILD / "tests/victim"
SESSIONS = 32
SECONDS = 5
PERCENT_OF_A_CORE = 2


def of_threads(pids, file, figure):
    """The sum over all threads of these processes of figure(the text of such a file)."""
    return sum(figure(path.read_text()) for pid in pids for path in pathlib.Path(f"/proc/{pid}/task").glob(f"*/{file}"))


def core_ns(pids):
    """Not the harness's cpu_ticks: each of so many processes would have its hundredths of a second rounded down."""
    return of_threads(pids, "schedstat", lambda text: int(text.split()[0]))


def wake_ups(pids):
    return of_threads(pids, "status", lambda text: int(text.split("voluntary_ctxt_switches:")[1].split()[0]))


class IdleSessions(unittest.TestCase):
    def setUp(self):
        self.host = Host(config="".join(f"[tenants.t{number}]\n" for number in range(SESSIONS)))
        self.addCleanup(self.host.stop)

    def everybody(self):
        return [self.host.pid, *descendants(self.host.pid), *(program.pid for program in self.host.programs)]

    def cost(self):
        """Percent of a core and wake-ups a second of the service, its workers and the programs."""
        everybody, began = self.everybody(), time.monotonic()
        ns, woken = core_ns(everybody), wake_ups(everybody)
        time.sleep(SECONDS)
        self.assertEqual(sorted(self.everybody()), sorted(everybody), self.host.log()[-2000:])
        passed = time.monotonic() - began
        return (core_ns(everybody) - ns) / passed / 1e7, (wake_ups(everybody) - woken) / passed

    def test_idle_sessions_sleep(self):
        for number in range(SESSIONS):
            self.host.guest(VICTIM, "frames-and-stay", 10, tenant=f"t{number}").wait_line("finished", 60)
        self.assertEqual(len(self.host.sessions()), SESSIONS)
        # The pool fills itself up again.
        self.assertTrue(wait_until(lambda: "2 of 2 warm workers" in self.host.status(), 30), self.host.status())
        for policy in ("best-effort", "equal-share", "fixed-share"):
            self.assertEqual(self.host.ctl("policy", policy).returncode, 0)
            time.sleep(1)
            percent, woken = self.cost()
            print(f"{SESSIONS} idle sessions, {policy}: {percent:.2f} % of a core, {woken:.0f} wake-ups a second")
            self.assertLess(percent, PERCENT_OF_A_CORE, f"{policy}: {woken:.0f} wake-ups a second")
            self.assertLess(woken, SESSIONS, "somebody looks around all the time")


if __name__ == "__main__":
    unittest.main(verbosity=2)
