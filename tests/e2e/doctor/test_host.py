#!/usr/bin/env python3
"""`viaductctl doctor`: a host where all is well, and each thing that may be wrong with its name and what mends it."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, DRIVER, Host, clean_environment  # noqa: E402
from doctors import checks_of  # noqa: E402
from network import free_port  # noqa: E402
from shared_memory import MemoryHost  # noqa: E402


def doctor(host, *arguments, status=0, environment=None):
    """What it says of that host's settings, as a list of (check, state, text, mend)."""
    command = [str(BUILD / "bin/viaductctl"), "doctor", "--json", "--url", host.url, "--config-dir", str(host.folder)]
    done = subprocess.run([*command, *arguments], env=environment or clean_environment(), capture_output=True, text=True,
                          timeout=90, check=False)
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}")
    return checks_of(done.stdout)


class VmHost(Host):
    """A host that listens on TCP for a VM, as its settings say."""

    def __init__(self, lines=""):
        self.net_url = f"tcp://127.0.0.1:{free_port()}"
        self.lines = lines
        super().__init__()

    def start(self):
        token = self.folder / "token"
        token.write_text("the-token-of-vm1-a8f3c1d2\n")
        token.chmod(0o600)
        self.arguments = ["--listen", self.net_url]
        self.config = f'listen = ["{self.net_url}"]\n[tenants.vm1]\ntoken_file = "{token}"\n{self.lines}'
        super().start()


class Well(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = VmHost()
        cls.addClassCleanup(cls.host.stop)

    def test_every_prerequisite_is_named(self):
        found = doctor(self.host)
        self.assertEqual({check.state for check in found.values()} - {"ok", "warning"}, set())
        self.assertLessEqual({"settings", "service", "Vulkan driver", "sandbox", "tenant default", "tenant vm1", "token of vm1",
                              self.host.net_url}, set(found))
        wanted = "SwiftShader" if "swiftshader" in DRIVER else "llvmpipe"
        self.assertIn(wanted, found["Vulkan driver"].text)

    def test_people_get_aligned_lines_and_a_closing_sentence(self):
        done = subprocess.run([str(BUILD / "bin/viaductctl"), "doctor", "--url", self.host.url, "--config-dir",
                               str(self.host.folder)], env=clean_environment(), capture_output=True, text=True, timeout=90,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^ok       service +viaductd ")
        self.assertRegex(done.stdout, r"\n\nThis host lends its GPU; nothing is wrong\..*\n\Z")

    def test_a_wrong_command_line_is_status_2(self):
        for words in (["doctor", "now"], ["doctor", "--cid", "3"], ["status", "--config-dir", "/"]):
            done = subprocess.run([str(BUILD / "bin/viaductctl"), *words], capture_output=True, text=True, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_others_are_told_to_ask_as_root(self):
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(BUILD / "bin/viaductctl"),
                               "doctor", "--json", "--url", self.host.url], capture_output=True, text=True, timeout=90,
                              check=False, env=clean_environment())
        self.assertEqual(done.returncode, 1, done.stderr)
        found = checks_of(done.stdout)
        self.assertEqual((found["user"].state, found["user"].mend), ("warning", "sudo viaductctl doctor"))
        self.assertEqual((found["service"].state, found["service"].mend), ("wrong", "sudo viaductctl doctor"))


class Wrong(unittest.TestCase):
    def host(self, lines=""):
        made = VmHost(lines)
        self.addCleanup(made.stop)
        return made

    def wrong(self, host, check, text, mend):
        """It finds this one thing wrong and no other."""
        found = doctor(host, status=1)
        self.assertEqual([name for name, each in found.items() if each.state == "wrong"], [check], found)
        self.assertRegex(found[check].text, text)
        self.assertRegex(found[check].mend, mend)

    def test_no_service_and_the_driver_is_tried_by_itself(self):
        host = self.host()
        host.config = f'driver = "{DRIVER}"\nlisten = ["{host.url}"]\n'
        (host.folder / "viaductd.toml").write_text(host.config)
        host.daemon.terminate()
        host.daemon.wait(20)
        found = doctor(host, status=1)
        self.assertEqual([name for name, each in found.items() if each.state == "wrong"], ["service"], found)
        self.assertRegex(found["service"].mend, "start|--listen")
        self.assertRegex(found["Vulkan driver"].text, "^loads in a worker: 0 ")

        (host.folder / "viaductd.toml").write_text('driver = "/nowhere/icd.json"\n')
        found = doctor(host, status=1)
        self.assertEqual(found["Vulkan driver"].state, "wrong")
        self.assertIn("/nowhere/icd.json", found["Vulkan driver"].text)
        host.start()

    def test_a_mistake_in_the_settings_is_named_with_its_line(self):
        host = self.host()
        (host.folder / "viaductd.toml").write_text("[limits]\nsessions = many\n")
        self.wrong(host, "settings", r"viaductd\.toml:2", "restart viaductd")

    def test_a_token_that_others_may_read(self):
        host = self.host()
        (host.folder / "token").chmod(0o644)
        self.wrong(host, "token of vm1", "others on this host", f"chmod 0600 {host.folder}/token")

    def test_a_token_that_is_gone(self):
        host = self.host()
        (host.folder / "token").unlink()
        self.wrong(host, "token of vm1", "no such file", "urandom")

    def test_a_listener_that_the_service_has_not(self):
        host = self.host()
        other = f"tcp://127.0.0.1:{free_port()}"
        (host.folder / "viaductd.toml").write_text(host.config.replace(host.net_url, other))
        self.wrong(host, other, "nobody answers", "restart viaductd")

    def test_a_tenants_socket_that_is_gone(self):
        host = self.host("[tenants.alice]\n")
        self.assertEqual(doctor(host)["tenant alice"].state, "ok")
        (host.folder / "viaduct.sock.d/alice.sock").unlink()
        self.wrong(host, "tenant alice", "is gone", "restart viaductd")

    def test_memory_of_another_size(self):
        name = f"test{os.getpid()}"
        host = self.host(f'[tenants.{name}]\ncid = 77\n')
        file = pathlib.Path("/dev/shm") / f"viaduct-{name}"
        self.addCleanup(file.unlink)
        file.write_bytes(bytes(4096))
        (host.folder / "viaductd.toml").write_text(host.config + 'memory = "32 MiB"\n' +
                                                   f'token_file = "{host.folder}/token2"\n')
        (host.folder / "token2").write_text("the-token-of-another-9c0de\n")
        (host.folder / "token2").chmod(0o600)
        self.wrong(host, f"memory of {name}", "belongs to uid|large and the tenant", f"rm {file}")


class SharedMemory(unittest.TestCase):
    def setUp(self):
        self.host = MemoryHost(["32 MiB"])
        self.addCleanup(self.host.stop)
        self.name = self.host.names[0]
        # As the settings would say it.
        file = self.host.folder / "viaductd.toml"
        file.write_text(f'listen = ["{self.host.net_url}"]\n' + file.read_text())
        (self.host.folder / "tokens" / self.name).chmod(0o600)

    def test_a_file_that_is_well_and_one_that_is_gone(self):
        found = doctor(self.host)
        self.assertEqual(found[f"memory of {self.name}"].state, "ok", found)
        self.assertRegex(found[f"memory of {self.name}"].text, "32 MiB, [0-9]+ MiB of it in use")
        self.host.file_of(self.name).unlink()
        found = doctor(self.host, status=1)
        self.assertRegex(found[f"memory of {self.name}"].text, "is not there; the service makes it when it starts")
        self.assertRegex(found[f"memory of {self.name}"].mend, "systemctl restart viaductd")

    def test_sessions_that_found_it_full(self):
        for _ in range(2):
            self.host.vm_guest(BUILD / "tests/victim", "frames", "1000000", region=None).wait_line("frame 1")
        found = doctor(self.host)
        self.assertEqual(found[f"memory of {self.name}"].state, "warning", found)
        self.assertRegex(found[f"memory of {self.name}"].text, "sessions that run without it: 1.* It is full")


class Help(unittest.TestCase):
    def test_its_json_is_json(self):
        done = subprocess.run([str(BUILD / "bin/viaductctl"), "doctor", "--json", "--url", "unix:///nowhere/at/all"],
                              capture_output=True, text=True, timeout=90, check=False, env=clean_environment())
        said = json.loads(done.stdout)
        self.assertEqual(said["wrong"], sum(check["state"] == "wrong" for check in said["checks"]))
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
