#!/usr/bin/env python3
"""Guests of other machines, over TCP on this one: who they are, and what they are told."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, clean_environment  # noqa: E402
from network import NetHost  # noqa: E402


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
