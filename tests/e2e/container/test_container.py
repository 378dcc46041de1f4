#!/usr/bin/env python3
"""Containers on the GPU host: each gets its tenant's socket by a bind mount and renders; nothing else is shared."""

import os
import pathlib
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, ICD, Program, alive, clean_environment, wait_until  # noqa: E402

SCRIPT = pathlib.Path(__file__).resolve().parent / "container.sh"
VICTIM = BUILD / "tests/victim"
ALICE, BOB = 61001, 61002  # users that exist in no password file, as in most containers
CONFIG = f"""
[tenants.alice]
socket_owner = "{ALICE}"
socket_mode = "0600"
[tenants.bob]
socket_owner = "{BOB}"
socket_mode = "0600"
"""


@unittest.skipIf(os.geteuid() != 0, "only root can make such a container")
class Containers(unittest.TestCase):
    def setUp(self):
        self.host = Host(config=CONFIG)
        self.addCleanup(self.host.stop)

    def start(self, tenant, user, *command):
        """A container with the tenant's socket, and no word of where the host is."""
        root = tempfile.TemporaryDirectory(prefix="viaduct-container-")
        self.addCleanup(root.cleanup)
        environment = clean_environment()
        environment["VK_ICD_FILENAMES"] = environment["VK_DRIVER_FILES"] = str(ICD)
        socket = f"{self.host.socket}.d/{tenant}.sock"
        program = Program(["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child",
                           "sh", SCRIPT, root.name, BUILD, socket, user, *command], environment)
        self.addCleanup(program.kill)
        return program

    def test_two_containers_render_as_their_tenants(self):
        alice = self.start("alice", ALICE, VICTIM, "frames", 100_000_000)
        bob = self.start("bob", BOB, VICTIM, "frames", 200)
        alice.wait_line("frame 64")
        self.assertEqual(bob.wait(60), 0, bob.error_text() + self.host.log())
        self.assertIn("finished 200", bob.text())
        rows = [line.split() for line in self.host.status().splitlines()]
        self.assertTrue(any(row[:1] == ["alice"] and "victim" in row for row in rows), self.host.status())

    def test_a_container_cannot_be_a_tenant_whose_socket_it_may_not_open(self):
        program = self.start("bob", ALICE, VICTIM, "enumerate")
        program.wait(30)
        self.assertIn("ermission denied", program.error_text())
        self.assertNotIn("started", self.host.log())

    def test_a_container_that_is_killed_leaves_no_worker(self):
        program = self.start("alice", ALICE, VICTIM, "frames", 100_000_000)
        program.wait_line("frame 64")
        row = next(line.split() for line in self.host.status().splitlines() if line.startswith("alice"))
        guest = int(row[2])
        self.assertTrue(alive(guest), "status names the process as the host sees it")
        worker = self.host.worker_of(type("Guest", (), {"pid": guest}))
        os.killpg(program.pid, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: not alive(worker), 5), "the worker is still there")
        self.host.wait_log("tenant alice, victim, pid .*ended")


if __name__ == "__main__":
    unittest.main(verbosity=2)
