#!/usr/bin/env python3
"""Guests of other machines, over TCP on this one: who they are, and what they are told."""

import os
import pathlib
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, clean_environment  # noqa: E402

TOKENS = {"vm1": "the-token-of-vm1-a8f3c1d2", "vm2": "the-token-of-vm2-77b0e9f4"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NetHost(Host):
    """A host that listens on TCP too, with tenants that are VMs."""

    def __init__(self, tenants, **options):
        self.port = free_port()
        self.net_url = f"tcp://127.0.0.1:{self.port}"
        self.tenants = tenants
        super().__init__(arguments=["--listen", self.net_url], **options)

    def start(self):
        tokens = self.folder / "tokens"
        tokens.mkdir(exist_ok=True)
        self.config = ""
        for name, lines in self.tenants.items():
            (tokens / name).write_text(TOKENS[name] + "\n")
            self.config += "\n".join([f"[tenants.{name}]", f'token_file = "{tokens / name}"', *lines]) + "\n"
        super().start()

    def net_guest(self, *command, token="vm1", region=None, extra=None):
        environment = {"VIADUCT_URL": self.net_url + (f"?region={region}" if region else ""), **(extra or {})}
        if token:
            environment["VIADUCT_TOKEN_FILE"] = str(self.folder / "tokens" / token)
        return self.guest(*command, extra=environment)


class Strangers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = NetHost({"vm1": []})
        cls.tokens = cls.host.folder / "tokens"
        (cls.tokens / "wrong").write_text("a-token-that-nobody-knows-9\n")
        (cls.tokens / "short").write_text("short\n")

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def words_of(self, token, region=None):
        program = self.host.net_guest("vulkaninfo", "--summary", token=token, region=region,
                                      extra={"VIADUCT_LOG": "info"})
        program.wait(60)
        return program.error_text() + program.text()

    def test_a_wrong_token_is_refused_in_words_that_help(self):
        words = self.words_of("wrong")
        self.assertIn("the token is not that of any tenant", words)
        self.assertIn("/etc/viaduct/token", words)
        self.assertNotIn("nobody-knows", words + self.host.log())

    def test_no_token_is_refused_too(self):
        self.assertIn("over TCP this host asks for a token", self.words_of(None))

    def test_a_token_file_that_makes_no_sense_is_the_guests_own_complaint(self):
        self.assertIn("shorter than 16 bytes", self.words_of("short"))
        self.assertIn("VIADUCT_TOKEN_FILE", self.words_of("missing"))

    def test_a_region_that_cannot_be_had_is_named(self):
        self.assertIn("no shared memory", self.words_of("vm1", region="ivshmem"))

    def ctl(self, *arguments, token):
        environment = clean_environment()
        environment.update(VIADUCT_URL=self.host.net_url, VIADUCT_TOKEN_FILE=str(self.tokens / token))
        return subprocess.run([str(BUILD / "bin/viaductctl"), *arguments], env=environment, capture_output=True, text=True,
                              timeout=30, check=False)

    def test_administration_is_refused(self):
        done = self.ctl("status", token="vm1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("on the host itself", done.stdout + done.stderr)

    def test_a_public_address_is_not_listened_on(self):
        done = subprocess.run([str(BUILD / "bin/viaductd"), "--listen", "tcp://0.0.0.0:7707", "--driver", self.host.driver],
                              env=clean_environment(), capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("allow_public_tcp", done.stderr)

    def test_everybody_else_lives_on(self):
        program = self.host.guest("vulkaninfo", "--summary")
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertIn("Viaduct", program.text())


if __name__ == "__main__":
    os.chdir("/")
    unittest.main(verbosity=2)
