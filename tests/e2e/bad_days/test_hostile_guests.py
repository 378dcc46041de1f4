#!/usr/bin/env python3
"""Hostile guests: broken handshakes, random and absurd bytes. The session ends with one line; nobody else notices."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, alive, process_status, wait_until  # noqa: E402

CLIENT = BUILD / "tests/hostile_client"
VICTIM = BUILD / "tests/victim"
WORKER_LIMIT_KIB = 1 << 20  # a worker that serves nonsense must stay below this
BAD_DATA = "status 2"

BROKEN_HANDSHAKES = (
    "silent", "garbage-hello", "half-frame", "huge-frame", "hello-command-count", "empty-hello")
MALFORMED = (
    "count-huge", "count-beyond-record", "count-without-elements", "count-of-strings", "long-chain", "unknown-command",
    "record-beyond-span", "record-of-no-size", "record-unaligned", "offset-outside", "offset-over-host-words",
    "size-beyond-region", "size-huge", "size-zero", "size-unaligned", "kind-unknown", "sequence-wrong",
    "published-far", "published-back", "random-stream", "wrong-reply-slot")


class HostileGuests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(config="[tenants.bob]\n")
        cls.bystander = cls.host.guest(VICTIM, "frames", 100_000_000, tenant="bob")
        cls.bystander.wait_line("frame 64")

    @classmethod
    def tearDownClass(cls):
        cls.bystander.kill()
        cls.host.stop()

    def tearDown(self):
        """After every attack: the daemon and the other tenant live, and a new session works."""
        self.assertIsNone(self.host.daemon.poll(), self.host.log()[-3000:])
        self.assertIsNone(self.bystander.process.poll(), self.bystander.text() + self.bystander.error_text())
        seen = len(self.bystander.lines)
        self.assertTrue(wait_until(lambda: len(self.bystander.lines) > seen, 10), "the other tenant stands still")
        again = self.host.guest(VICTIM, "frames", 3)
        self.assertEqual(again.wait(), 0, again.text() + again.error_text())

    def attack(self, mode, seed=1, seconds=40):
        """Runs one attack; gives what it saw, its log lines, and the most memory that a worker used meanwhile."""
        before = len(self.host.log())
        client = self.host.guest(CLIENT, mode, seed)
        most = 0

        def watch():
            nonlocal most
            for worker in self.host.workers():
                most = max(most, process_status(worker, "VmHWM"))
            return client.process.poll() is not None
        wait_until(watch, seconds, 0.02)
        self.assertEqual(client.wait(5), 0, client.text() + client.error_text())
        return client.text().strip(), lambda: self.host.log()[before:], most

    def test_a_broken_handshake_is_refused_in_time(self):
        for mode in BROKEN_HANDSHAKES:
            with self.subTest(mode):
                answer, _, _ = self.attack(mode)
                self.assertRegex(answer, r"^(closed|refused \d+ .+)$")

    def test_another_protocol_version_is_refused_and_the_right_one_named(self):
        answer, _, _ = self.attack("wrong-version")
        self.assertRegex(answer, r"^refused 1 .*version 999, this host version 3; the host's package is the older")
        answer, _, _ = self.attack("old-guest")
        self.assertRegex(answer, r"^refused 1 .*version 2, this host version 3; the guest's package is the older")

    def test_an_administration_request_that_is_noise_is_answered_or_closed(self):
        answer, _, _ = self.attack("admin-garbage")
        self.assertIn(answer, ("answered", "closed"))

    def test_two_hundred_silent_clients_do_not_keep_others_out(self):
        client = self.host.guest(CLIENT, "many-silent")
        client.wait_line("connected 200")
        program = self.host.guest(VICTIM, "frames", 20)
        self.assertEqual(program.wait(), 0, program.text() + program.error_text())
        client.wait(20)

    def test_malformed_data_ends_the_session_with_one_line(self):
        for mode in MALFORMED:
            with self.subTest(mode):
                answer, log, most = self.attack(mode)
                self.assertIn(answer, (BAD_DATA, "hang-up", "status 4"), mode)
                self.assertLess(most, WORKER_LIMIT_KIB)
                line = wait_until(lambda: re.search(r"(?i).*bad data.*|.*malformed.*", log()), 3, 0.02)
                self.assertTrue(line, f"{mode}: no log line says why: {log()}")
                self.assertRegex(line[0], r"offset")

    def test_random_records_are_survived_for_many_seeds(self):
        for seed in range(1, 21):
            with self.subTest(seed=seed):
                answer, _, most = self.attack("random-records", seed)
                self.assertRegex(answer, r"^(status \d|hang-up)$")
                self.assertLess(most, WORKER_LIMIT_KIB)

    def test_bytes_that_change_while_they_are_read_are_survived(self):
        for seed in range(1, 6):
            with self.subTest(seed=seed):
                answer, _, most = self.attack("rewrite-while-read", seed)
                self.assertRegex(answer, r"^(status \d|hang-up)$")
                self.assertLess(most, WORKER_LIMIT_KIB)

    def test_what_is_wrong_but_readable_costs_at_most_the_session(self):
        for mode in ("unknown-command-buffer", "fetch-nothing", "far-ids"):
            with self.subTest(mode):
                answer, _, most = self.attack(mode, seconds=60)
                self.assertRegex(answer, r"^(status \d|hang-up|nothing happened)$")
                self.assertLess(most, WORKER_LIMIT_KIB)

    def test_a_control_area_full_of_noise_ends_the_session(self):
        # The noise covers the status word too, so what the guest reads there means nothing: the log tells.
        _, log, most = self.attack("scribble")
        self.assertLess(most, WORKER_LIMIT_KIB)
        self.assertTrue(wait_until(lambda: re.search(r"(?i)bad data|malformed", log()), 3, 0.02), log())

    def test_the_worker_of_a_dead_hostile_guest_is_gone(self):
        client = self.host.guest(CLIENT, "stay")
        client.wait_line("here")
        worker = self.host.worker_of(client)
        client.kill()
        self.assertTrue(wait_until(lambda: not alive(worker), 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
