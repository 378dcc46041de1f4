#!/usr/bin/env python3
"""`viaduct-doctor`: a guest where all is well, and each thing that may be wrong with its name and what mends it."""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, DRIVER, Host  # noqa: E402
from doctors import checks_of  # noqa: E402
from network import free_port  # noqa: E402
from shared_memory import MemoryHost  # noqa: E402

DOCTOR = str(BUILD / "bin/viaduct-doctor")
PICTURE = "CRC-32 3cd61013, as it must be, by Viaduct ("
TOKEN = "the-token-of-vm1-a8f3c1d2"


class VmHost(Host):
    """A host that listens on TCP for a VM."""

    def __init__(self, lines=""):
        self.net_url = f"tcp://127.0.0.1:{free_port()}"
        self.lines = lines
        super().__init__(arguments=["--listen", self.net_url])

    def start(self):
        self.folder.chmod(0o755)
        self.token = self.folder / "token"
        self.token.write_text(TOKEN + "\n")
        self.config = f'[tenants.vm1]\ntoken_file = "{self.token}"\n{self.lines}'
        super().start()

    def way(self, url=None, **extra):
        environment = self.guest_environment()
        environment.update({"VIADUCT_URL": url or self.url, "VIADUCT_TOKEN_FILE": str(self.token),
                            "VIADUCT_PCI_ROOT": str(self.folder / "no-devices"), **extra})
        return {name: value for name, value in environment.items() if value is not None}

    def pci_root(self, mode=0o600, enable="1"):
        """A folder like /sys/bus/pci/devices with one device of 1 MiB."""
        device = self.folder / "pci/0000:00:04.0"
        device.mkdir(parents=True)
        for name, text in (("vendor", "0x1af4"), ("device", "0x1110"), ("enable", enable)):
            (device / name).write_text(text + "\n")
        memory = device / "resource2_wc"
        memory.write_bytes(bytes(1 << 20))
        memory.chmod(mode)
        return str(self.folder / "pci")


def doctor(environment, *arguments, status=0, before=()):
    done = subprocess.run([*before, DOCTOR, "--json", *arguments], env=environment, capture_output=True, text=True, timeout=100,
                          check=False)
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}: {done.stdout}{done.stderr}")
    return checks_of(done.stdout)


class GuestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = VmHost()
        cls.addClassCleanup(cls.host.stop)

    def well(self, found, *names):
        for name in names:
            self.assertEqual(found[name].state, "ok", found)

    def wrong(self, found, check, text, mend):
        """This one thing is wrong, and no other."""
        self.assertEqual([name for name, each in found.items() if each.state == "wrong"], [check], found)
        self.assertRegex(found[check].text, text)
        self.assertRegex(found[check].mend, mend)


class Well(GuestTest):
    def test_over_the_unix_socket(self):
        found = doctor(self.host.way())
        self.well(found, "driver", "place", "host", "Vulkan loader", "version", "picture", "transport", "round trip", "bandwidth",
                  "mapped memory")
        self.assertTrue(found["picture"].text.startswith(PICTURE), found["picture"])
        self.assertIn("SwiftShader" if "swiftshader" in DRIVER else "llvmpipe", found["picture"].text)
        self.assertIn("by a descriptor", found["transport"].text)
        self.assertIn("pages are shared with the host", found["mapped memory"].text)
        self.assertNotIn("token", found)
        self.assertNotIn("memory device", found)

    def test_over_tcp(self):
        found = doctor(self.host.way(self.host.net_url))
        self.well(found, "driver", "place", "token", "memory device", "host", "version", "picture", "transport", "bandwidth",
                  "mapped memory")
        self.assertTrue(found["picture"].text.startswith(PICTURE), found["picture"])
        self.assertIn("stream only", found["transport"].text)
        self.assertIn("travels on the stream", found["mapped memory"].text)

    def test_people_get_aligned_lines_and_a_closing_sentence(self):
        done = subprocess.run([DOCTOR, "--url", self.host.url], env=self.host.way("tcp://127.0.0.1:1"),
                              capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^ok       picture +CRC-32 3cd61013, as it must be")
        self.assertRegex(done.stdout, r"\n\nPrograms of this machine render on the GPU of its host; nothing is wrong\..*\n\Z")
        self.assertEqual(done.stderr, "")

    def test_it_needs_libc_and_nothing_else(self):
        if "asan" in str(BUILD) or "tsan" in str(BUILD):
            self.skipTest("sanitizers link their own")
        needed = subprocess.run(["readelf", "-d", DOCTOR], capture_output=True, text=True, check=True).stdout
        libraries = {line.split("[")[1].split("]")[0] for line in needed.splitlines() if "(NEEDED)" in line}
        self.assertLessEqual(libraries, {"libc.so.6", "ld-linux-x86-64.so.2"})


class Wrong(GuestTest):
    def test_a_wrong_command_line_is_status_2(self):
        for words in (["now"], ["--timeout", "0"], ["--url"]):
            done = subprocess.run([DOCTOR, *words], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn("--help", done.stderr)

    def test_no_host(self):
        found = doctor(self.host.way("unix:///nowhere/viaduct.sock"), status=1)
        self.wrong(found, "host", "unix:///nowhere/viaduct.sock cannot be reached", "vm show NAME")
        self.assertNotIn("picture", found)
        found = doctor(self.host.way(f"tcp://127.0.0.1:{free_port()}"), status=1)
        self.wrong(found, "host", "cannot be reached: .*refused", "viaductctl doctor")

    def test_a_place_that_is_none(self):
        found = doctor(self.host.way("http://host"), status=1)
        self.wrong(found, "place", "the scheme is none of", "unset VIADUCT_URL")

    def test_a_wrong_token(self):
        other = self.host.folder / "other"
        other.write_text("a-token-that-nobody-knows\n")
        found = doctor(self.host.way(self.host.net_url, VIADUCT_TOKEN_FILE=str(other)), status=1)
        self.wrong(found, "host", "the token is not that of any tenant", "/etc/viaduct/token")
        self.assertNotIn("nobody-knows", str(found))

    def test_a_token_that_is_not_there_or_too_short(self):
        environment = self.host.way(self.host.net_url, VIADUCT_TOKEN_FILE="/nowhere/token")
        found = doctor(environment, status=1)
        self.assertEqual(found["token"].state, "wrong")
        self.assertRegex(found["token"].text, "/nowhere/token: there is no such file")
        short = self.host.folder / "short"
        short.write_text("short\n")
        found = doctor(self.host.way(self.host.net_url, VIADUCT_TOKEN_FILE=str(short)), status=1)
        self.assertIn("shorter than 16 bytes", found["token"].text)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_without_the_group(self):
        root = self.host.pci_root()
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        self.host.token.chmod(0o640)
        environment = self.host.way(self.host.net_url, VIADUCT_PCI_ROOT=root)
        found = doctor(environment, status=1, before=nobody)
        self.assertRegex(found["token"].text, "may not read it")
        self.assertRegex(found["token"].mend, "adduser nobody root")

        self.host.token.chmod(0o644)
        memory = pathlib.Path(root) / "0000:00:04.0/resource2_wc"
        found = doctor(environment, before=nobody)
        self.assertEqual(found["memory device"].state, "warning")
        self.assertRegex(found["memory device"].mend, "udevadm trigger")
        os.chown(memory, 0, 1)
        memory.chmod(0o660)
        found = doctor(environment, before=nobody)
        self.assertRegex(found["memory device"].text, "nobody may not map it, and is not a member of daemon")
        self.assertRegex(found["memory device"].mend, "adduser nobody daemon")
        self.well(found, "picture", "transport")

    def test_a_device_that_is_asked_for_and_missing(self):
        found = doctor(self.host.way(self.host.net_url + "?region=ivshmem"), status=1)
        self.assertEqual(found["memory device"].state, "wrong")
        self.assertRegex(found["memory device"].mend, "vm show NAME")
        # The host's own words are the driver's.
        self.assertRegex(found["picture"].text, "no shared memory")

    def test_no_manifest(self):
        nothing = self.host.way(VK_DRIVER_FILES="/nowhere/viaduct_icd.json")
        found = doctor(nothing, status=1)
        self.assertEqual((found["driver"].state, found["driver"].mend), ("wrong", "unset VK_DRIVER_FILES"))
        self.assertEqual(found["picture"].state, "wrong")

    def test_a_manifest_without_its_library(self):
        manifest = self.host.folder / "viaduct_icd.json"
        manifest.write_text('{"file_format_version": "1.0.0", "ICD": {"library_path": "./none.so", "api_version": "1.3.0"}}')
        found = doctor(self.host.way(VK_DRIVER_FILES=str(manifest)), status=1)
        self.assertRegex(found["driver"].text, r"none\.so")
        self.assertRegex(found["driver"].mend, "reinstall viaduct-guest")

    def test_a_host_that_says_nothing(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            self.wrong(doctor(self.host.way(url), status=1), "host", "did not answer", "viaductctl doctor")
            # The time of the whole is over first.
            self.wrong(doctor(self.host.way(url), "--timeout", "1", status=1), "host", "did not end within 1 s",
                       "--timeout 4")

    def test_an_old_package(self):
        words = b"the guest's driver speaks version 2 of the protocol and this host version 3; install the same Viaduct"
        refusal = struct.pack("<IHHII", 0x54434456, 1, 3, 8 + len(words), 0) + struct.pack("<II", 1, len(words)) + words

        def serve(listener):
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    if peer.recv(4096):
                        peer.sendall(refusal)

        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            thread = threading.Thread(target=serve, args=(listener,), daemon=True)
            thread.start()
            url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            self.wrong(doctor(self.host.way(url), status=1), "host", "speaks version 2",
                       "install the viaduct-guest of the host's version")
            listener.shutdown(socket.SHUT_RDWR)


class SharedMemory(unittest.TestCase):
    """Guests that see a tenant's file as their machine's memory device."""

    def host(self, size="128 MiB"):
        host = MemoryHost([size])
        self.addCleanup(host.stop)
        return host

    def environment(self, host, **more):
        environment = host.guest_environment()
        environment.update(host.vm_way(region=None, **more))
        return environment

    def test_a_session_in_the_devices_memory(self):
        host = self.host()
        found = doctor(self.environment(host))
        self.assertRegex(found["memory device"].text, "0000:00:04.0, 128 MiB, can be mapped")
        self.assertRegex(found["transport"].text, "a slice of this machine's memory device")
        self.assertTrue(found["picture"].text.startswith(PICTURE), found["picture"])
        self.assertIn("pages are shared with the host", found["mapped memory"].text)

    def test_a_device_that_is_another_machines(self):
        host = self.host()
        other = host.folder / "other-memory"
        other.write_bytes(b"")
        os.truncate(other, 128 << 20)
        found = doctor(self.environment(host, root=host.pci_root("other", [other])))
        self.assertIn("stream only", found["transport"].text)
        self.assertEqual(found["shared memory"].state, "warning", found)
        self.assertRegex(found["shared memory"].text, "other memory than this tenant's|another tenant's")
        self.assertTrue(found["picture"].text.startswith(PICTURE), found["picture"])

    def test_memory_that_is_full(self):
        host = self.host("32 MiB")
        busy = host.vm_guest(BUILD / "tests/victim", "frames", "1000000")
        busy.wait_line("frame 1")
        found = doctor(self.environment(host))
        self.assertIn("stream only", found["transport"].text)
        self.assertRegex(found["shared memory"].text, "no shared memory: .*full|no shared memory: .*taken")

    def test_memory_of_the_wrong_size(self):
        host = self.host()
        small = host.folder / "small"
        small.write_bytes(bytes(1 << 20))
        found = doctor(self.environment(host, root=host.pci_root("small-pci", [small])))
        self.assertRegex(found["shared memory"].text, "the VM's device has another size")

    def test_a_file_that_the_host_has_lost(self):
        host = self.host()
        kept = host.folder / "kept"
        kept.write_bytes(bytes(1 << 20))
        root = host.pci_root("kept-pci", [kept])
        host.file_of(host.names[0]).unlink()
        found = doctor(self.environment(host, root=root))
        self.assertRegex(found["shared memory"].text, "was removed or replaced while the service ran")


class Full(unittest.TestCase):
    def test_a_tenant_that_has_all_its_sessions(self):
        host = VmHost("sessions = 1\n")
        self.addCleanup(host.stop)
        busy = host.guest(BUILD / "tests/victim", "frames", "1000000", extra=host.way(host.net_url))
        busy.wait_line("frame 1")
        found = doctor(host.way(host.net_url), status=1)
        self.assertEqual(found["host"].state, "ok")
        self.assertRegex(found["picture"].text, "the driver says: .*sessions")


if __name__ == "__main__":
    unittest.main(verbosity=2)
