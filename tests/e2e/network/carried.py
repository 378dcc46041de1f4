"""What is asked of a session however it is carried."""

import os
import signal
import time

from harness import BUILD, cpu_ticks, wait_until

VICTIM = BUILD / "tests/victim"
# Guests' clocks start with their machine.
SKEW_S = 10_000_000


class Carried:
    """A class has a host, and guest(*command), a program that is carried so."""

    def worker(self):
        """That of the only session; one that has just ended is waited for."""
        def find():
            running = [each for each in self.host.sessions() if each["state"] == "running"]
            return running[0]["worker_pid"] if len(running) == 1 else None
        found = wait_until(find, 10)
        self.assertTrue(found, self.host.status())
        return found

    def assert_quiet(self, *pids):
        before = cpu_ticks(*pids)
        time.sleep(1)
        self.assertLessEqual(cpu_ticks(*pids) - before, 1, "hundredths of a second")

    def test_a_full_ring_outlives_a_pause_of_either_side(self):
        rounds = 12
        program = self.guest(VICTIM, "ring-full", rounds)
        program.wait_line("round 1", 60)
        worker = self.worker()
        os.kill(worker, signal.SIGSTOP)
        time.sleep(1)
        # It waits for room, and so does a machine that is paused meanwhile.
        self.assert_quiet(program.pid)
        lines = len(program.lines)
        os.kill(program.pid, signal.SIGSTOP)
        os.kill(worker, signal.SIGCONT)
        time.sleep(1)
        self.assert_quiet(worker)
        os.kill(program.pid, signal.SIGCONT)
        self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
        self.assertIn(f"finished {rounds}", program.text())
        self.assertLess(lines, rounds, "the ring was not full")

    def test_a_machine_whose_clock_is_another_misses_nothing(self):
        ahead = ("unshare", "--time", "--fork", "--monotonic", str(SKEW_S), "--boottime", str(SKEW_S))
        for command in ((VICTIM, "frames", 20), (BUILD / "tests/wsi_window", "acquires", "--platform", "headless")):
            program = self.guest(*ahead, *command)
            self.assertEqual(program.wait(60), 0, program.text() + program.error_text())
        waiting = self.guest(*ahead, VICTIM, "blocked-fence")
        waiting.wait_line("blocked", 60)
        os.kill(self.worker(), signal.SIGKILL)
        self.assertTrue(wait_until(lambda: "result -4" in waiting.text(), 10), waiting.error_text())
        waiting.wait(20)
