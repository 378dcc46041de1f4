#!/usr/bin/env python3
"""Guests that share a VM's memory with the host, without a VM: over TCP on this machine, with a folder that looks like
/sys/bus/pci/devices and a device in it whose memory is the tenant's file."""

import mmap
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from carried import Carried  # noqa: E402
from harness import BUILD, alive, cpu_ticks, wait_until  # noqa: E402
from network import TOKENS  # noqa: E402
from shared_memory import MemoryHost  # noqa: E402

VICTIM = BUILD / "tests/victim"
DEVICE_LOST = -4
SOON = 2.0  # seconds: how long a loss may take to be noticed
FRAME = struct.Struct("<IHHII")
FRAME_MAGIC, FRAME_VERSION = 0x54434456, 1
UNCACHED = {"VIADUCT_PERF": "no_cached_bar"}


def workers_with(host, name):
    """The workers that have the tenant's file mapped, each with the length of its mapping."""
    found = {}
    for pid in host.workers():
        try:
            lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.endswith(str(host.file_of(name))) or f"viaduct-{name}" in line:
                low, high = (int(part, 16) for part in line.split()[0].split("-"))
                found[pid] = found.get(pid, 0) + high - low
    return found


class Sessions(Carried, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = MemoryHost(["512 MiB"])
        cls.name = cls.host.names[0]

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def guest(self, *command):
        return self.host.vm_guest(*command)

    def finishes(self, *command, said="finished", seconds=120):
        for extra in ({}, UNCACHED):
            program = self.host.vm_guest(*command, extra=extra)
            self.assertEqual(program.wait(seconds), 0, program.text() + program.error_text())
            self.assertIn(said, program.text())

    def test_frames(self):
        self.finishes(VICTIM, "frames", 50)
        self.assertIn("region ivshmem", self.host.log())

    def test_64_mib_go_there_and_back(self):
        self.finishes(VICTIM, "uploads", 3)

    def test_a_file_read_straight_into_mapped_memory_arrives(self):
        self.finishes(VICTIM, "read-into-mapped")

    def test_more_than_the_ring_holds_waits_for_room(self):
        self.finishes(VICTIM, "ring-full", said="")

    def test_windows_show_what_they_should(self):
        for scenario in ("colours", "acquires", "two"):
            self.finishes(BUILD / "tests/wsi_window", scenario, "--platform", "headless", said="")

    def test_forks_and_exits_without_clean_up(self):
        for mode in ("fork-and-leave", "fork-and-render", "leave-while-waiting", "reopen-library"):
            self.finishes(BUILD / "tests/guest_behaviour", mode, said="")

    def test_a_worker_has_its_slice_and_nothing_else(self):
        first = self.host.vm_guest(VICTIM, "blocked-fence")
        second = self.host.vm_guest(VICTIM, "blocked-fence")
        first.wait_line("blocked", 60)
        second.wait_line("blocked", 60)
        mapped = workers_with(self.host, self.name)
        self.assertEqual(sorted(size >> 20 for size in mapped.values()), [128, 256])
        for pid in mapped:
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            self.assertFalse([file for file in files if "viaduct-" + self.name in file], files)
        self.assertIn("ivshmem", self.host.status())
        for program in (first, second):
            program.kill()
        self.assertTrue(wait_until(lambda: not workers_with(self.host, self.name), 10))

    def test_memory_that_is_not_cached_is_not_called_cached(self):
        lines = {}
        for key, extra in (("cached", {}), ("uncached", UNCACHED)):
            program = self.host.vm_guest("vulkaninfo", extra=extra)
            self.assertEqual(program.wait(60), 0, program.error_text())
            lines[key] = [line.strip() for _, line in program.lines if "MEMORY_PROPERTY_HOST" in line]
        self.assertIn("MEMORY_PROPERTY_HOST_CACHED_BIT", lines["cached"])
        self.assertNotIn("MEMORY_PROPERTY_HOST_CACHED_BIT", lines["uncached"])
        self.assertIn("MEMORY_PROPERTY_HOST_COHERENT_BIT", lines["uncached"])

    def test_an_idle_session_sleeps(self):
        program = self.host.vm_guest(VICTIM, "blocked-fence")
        program.wait_line("blocked", 60)
        worker = self.worker()
        time.sleep(0.5)
        before = cpu_ticks(worker, program.pid)
        time.sleep(2)
        self.assertLessEqual(cpu_ticks(worker, program.pid) - before, 2, "hundredths of a second")
        program.kill()


class Qemu:
    """Plays QEMU's part for a device with doorbells: gets the memory from the service, and rings what a guest stores into
    the file that stands for the device's registers."""

    REGISTER = 12

    def __init__(self, host, name):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.connect(f"{host.socket}.d/{name}.ivshmem")
        self.stream.settimeout(10)
        self.memory, self.bells, self.own = None, [], []
        numbers = [self.message() for _ in range(3)]
        if [number for number, _ in numbers] != [0, 1, -1]:
            raise AssertionError(f"version 0, peer 1, the memory: {numbers}")
        self.memory = numbers[2][1]
        for peer, bells in ((0, self.bells), (1, self.own)):
            for _ in range(64):
                number, fd = self.message()
                if number != peer or fd is None:
                    raise AssertionError(f"a doorbell of peer {peer}, not {number}")
                bells.append(fd)
        self.root = host.pci_root("doorbells", [f"/proc/{os.getpid()}/fd/{self.memory}"])
        registers = self.root / "0000:00:04.0/resource0"
        registers.write_bytes(b"\0" * 4096)
        self.registers = open(registers, "r+b")
        self.page = mmap.mmap(self.registers.fileno(), 4096)
        self.idle = 0xdeadbeef
        self.rung = []
        self.stopped = False
        self.page[self.REGISTER:self.REGISTER + 4] = struct.pack("<I", self.idle)
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def message(self):
        data, fds, _, _ = socket.recv_fds(self.stream, 8, 1)
        return struct.unpack("<q", data)[0], fds[0] if fds else None

    def _watch(self):
        while not self.stopped:
            value, = struct.unpack_from("<I", self.page, self.REGISTER)
            if value == self.idle:
                time.sleep(0.0002)
                continue
            struct.pack_into("<I", self.page, self.REGISTER, self.idle)
            self.rung.append(value)
            if value >> 16 == 0:
                os.eventfd_write(self.bells[value & 0xffff], 1)

    def close(self):
        self.stopped = True
        self.thread.join()
        for fd in [self.memory, *self.bells, *self.own]:
            os.close(fd)
        self.page.close()
        self.registers.close()
        self.stream.close()


def exchange(stream, kind, payload):
    """Sends one frame of the handshake and gives the kind and the payload of the answer."""
    stream.sendall(FRAME.pack(FRAME_MAGIC, FRAME_VERSION, kind, len(payload), 0) + payload)
    return receive(stream)


def receive(stream):
    def exactly(size):
        data = b""
        while len(data) < size:
            more = stream.recv(size - len(data))
            if not more:
                raise AssertionError("the host hung up")
            data += more
        return data
    _, _, kind, size, _ = FRAME.unpack(exactly(FRAME.size))
    return kind, exactly(size)


class BadDays(unittest.TestCase):
    """One slice fits into the first tenant's memory."""

    def setUp(self):
        self.host = MemoryHost(["32 MiB", "64 MiB"])
        self.name, self.other = self.host.names

    def tearDown(self):
        self.host.stop()

    def words_of(self, seconds=60, **options):
        program = self.host.vm_guest("vulkaninfo", "--summary", extra={"VIADUCT_LOG": "info"}, **options)
        program.wait(seconds)
        return program.error_text() + program.text()

    def serves(self, **options):
        program = self.host.vm_guest(VICTIM, "frames", 5, **options)
        return program.wait(60) == 0 and "finished 5" in program.text()

    def blocked(self, **options):
        program = self.host.vm_guest(VICTIM, "blocked-fence", **options)
        program.wait_line("blocked", 60)
        return program

    def worker(self, name=None):
        return wait_until(lambda: next(iter(workers_with(self.host, name or self.name)), None), 10)

    def test_a_killed_guest_leaves_no_worker_and_its_slice(self):
        program = self.blocked()
        worker = self.worker()
        os.kill(program.pid, signal.SIGKILL)
        killed = time.monotonic()
        self.assertTrue(wait_until(lambda: not alive(worker), 10))
        self.assertLess(time.monotonic() - killed, SOON)
        self.assertTrue(wait_until(lambda: self.host.file_of(self.name).stat().st_blocks == 0, 5),
                        "the host's memory comes back")
        self.assertTrue(self.serves())

    def test_a_lost_guest_keeps_its_slice_until_it_leaves(self):
        program = self.host.vm_guest(VICTIM, "stay-after-loss")
        program.wait_line("blocked", 60)
        os.kill(self.worker(), signal.SIGKILL)
        self.assertEqual(program.wait_line("result", 10)[1], f"result {DEVICE_LOST}")
        # It still has its memory mapped, so nobody else gets it.
        self.assertIn("shared memory is full", self.words_of())
        program.kill()
        self.assertTrue(wait_until(self.serves, 10, 0.1))

    def test_full_memory_is_named_and_gone_without(self):
        program = self.blocked()
        words = self.words_of()
        self.assertIn("the VM's shared memory is full", words)
        self.assertIn("`memory`", words)
        self.assertTrue(self.serves(region=None))
        self.host.wait_log("shared memory is full.*its session goes without shared memory")
        self.host.wait_log("region stream")
        program.kill()

    def test_a_vm_without_the_device(self):
        root = self.host.pci_root("empty")
        words = self.words_of(root=root)
        self.assertIn("the VM has no such device", words)
        self.assertTrue(self.serves(root=root, region=None))

    def test_a_device_of_another_size(self):
        root = self.host.pci_root("sizes", [self.host.file_of(self.other)])
        words = self.words_of(root=root)
        self.assertIn("another size", words)
        self.assertIn("64 MiB", words)
        self.assertIn("32 MiB", words)

    def test_a_device_of_another_tenant(self):
        stranger = self.host.folder / "stranger"
        stranger.write_bytes(b"\0")
        os.truncate(stranger, 32 << 20)
        root = self.host.pci_root("strange", [stranger])
        self.assertIn("another tenant's", self.words_of(root=root))
        # Among several devices, its own is found.
        both = self.host.pci_root("both", [stranger, self.host.file_of(self.name)])
        self.assertTrue(self.serves(root=both))

    def test_a_guest_without_the_group(self):
        file = self.host.file_of(self.name)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        program = self.host.vm_guest("setpriv", "--reuid=65534", "--clear-groups", "vulkaninfo", "--summary",
                                     extra={"VIADUCT_LOG": "info"})
        program.wait(60)
        words = program.error_text() + program.text()
        self.assertIn("may not map the device", words)
        self.assertIn("group render", words)

    def test_a_device_that_is_not_enabled(self):
        stranger = self.host.folder / "asleep"
        stranger.write_bytes(b"\xff" * 4096)
        os.truncate(stranger, 32 << 20)
        root = self.host.pci_root("asleep-root", [stranger])
        (root / "0000:00:04.0/enable").write_text("0\n")
        self.assertIn("/enable as root", self.words_of(root=root))

    def test_a_file_that_vanishes(self):
        program = self.blocked(name=self.other)
        self.host.file_of(self.name).unlink()
        words = self.words_of()
        self.assertIn("was removed or replaced", words)
        self.assertIn("restart viaductd", words)
        self.assertIsNone(program.process.poll())
        self.assertTrue(alive(self.worker(self.other)), "no other tenant notices")
        program.kill()

    def test_a_file_that_is_cut(self):
        program = self.blocked()
        other = self.blocked(name=self.other)
        os.truncate(self.host.file_of(self.name), 4096)
        self.assertIn("was cut to", self.words_of())
        self.assertTrue(alive(self.worker(self.other)), "no other tenant notices")
        for each in (program, other):
            each.kill()
        self.assertTrue(self.serves(name=self.other))

    def test_the_service_restarts_and_adopts_the_file(self):
        before = self.host.file_of(self.name).stat().st_ino
        program = self.blocked()
        self.host.restart()
        self.assertEqual(program.wait_line("result", 10)[1], f"result {DEVICE_LOST}")
        program.kill()
        self.assertEqual(self.host.file_of(self.name).stat().st_ino, before)
        self.assertTrue(self.serves())

    def test_a_service_that_was_killed_is_followed_at_once(self):
        program = self.blocked()
        self.host.daemon.kill()
        self.host.daemon.wait()
        self.host.start()
        self.assertNotIn("in use by another", self.host.log())
        self.assertEqual(program.wait_line("result", 10)[1], f"result {DEVICE_LOST}")
        program.kill()
        self.assertTrue(self.serves())

    def test_a_file_of_another_size_costs_its_tenant_alone(self):
        file = self.host.file_of(self.name)
        self.host.daemon.terminate()
        self.host.daemon.wait(20)
        os.truncate(file, 16 << 20)
        self.host.start()
        self.host.wait_log("has no shared memory: .*16 MiB large.*rm ")
        self.assertIn("16 MiB large", self.words_of())
        self.assertTrue(self.serves(name=self.other))
        self.assertTrue(self.serves(region=None))

    def test_a_guest_that_lies_about_what_it_sees(self):
        """Speaks the handshake itself (PROTOCOL.md): what it proves is not what the host wrote."""
        for lie, told in ((struct.pack("<II", 3, 0) + b"\x55" * 32 + struct.pack("<I", 0), "no shared memory"),
                          (struct.pack("<II", 3, 4) + b"\0" * 36, "no shared memory"),
                          (struct.pack("<II", 3, 77) + b"\0" * 36, "makes no sense"),
                          (b"\1" * 7, "makes no sense")):
            token = TOKENS[self.name].encode()
            hello = struct.pack("<IIII64sII", 3, 0, 1, 0, b"liar", 2, len(token)) + token
            with socket.create_connection(("127.0.0.1", self.host.port), 10) as stream:
                self.assertEqual(exchange(stream, 1, hello)[0], 8, "an offer")
                kind, payload = exchange(stream, 9, lie)
                self.assertEqual(kind, 3, "a refusal")
                self.assertIn(told, payload[8:].decode())
        self.assertTrue(self.serves(), "every slice came back")

    def test_a_guest_that_says_nothing_to_its_offer(self):
        token = TOKENS[self.name].encode()
        hello = struct.pack("<IIII64sII", 3, 0, 1, 0, b"mute", 2, len(token)) + token
        with socket.create_connection(("127.0.0.1", self.host.port), 30) as stream:
            self.assertEqual(exchange(stream, 1, hello)[0], 8)
            self.assertIn("full", self.words_of())
            stream.settimeout(20)
            self.assertEqual(receive(stream)[0], 3, "the handshake's time is over")
        self.assertTrue(wait_until(self.serves, 10, 0.1))



class Doorbells(unittest.TestCase):
    """Devices whose doorbells the service serves; QEMU's part is played by the test."""

    def setUp(self):
        self.host = MemoryHost(["128 MiB"], ["doorbell = true"])
        self.name = self.host.names[0]
        self.qemu = Qemu(self.host, self.name)

    def tearDown(self):
        self.qemu.close()
        self.host.stop()

    def test_the_memory_is_the_tenants_and_guests_ring_by_the_device(self):
        self.assertEqual(os.fstat(self.qemu.memory).st_ino, self.host.file_of(self.name).stat().st_ino)
        program = self.host.vm_guest(VICTIM, "frames", 30, root=self.qemu.root, extra={"VIADUCT_LOG": "info"})
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertIn("finished 30", program.text())
        self.assertIn("host woken by its doorbell", program.error_text())
        self.assertTrue(self.qemu.rung, "the guest rang")
        self.assertEqual(set(self.qemu.rung), {0}, "peer 0, the first vector")

    def test_each_session_has_a_vector(self):
        first = self.host.vm_guest(VICTIM, "blocked-fence", root=self.qemu.root)
        first.wait_line("blocked", 60)
        self.qemu.rung.clear()
        second = self.host.vm_guest(VICTIM, "frames", 30, root=self.qemu.root)
        self.assertEqual(second.wait(60), 0, second.error_text())
        self.assertIn(1, self.qemu.rung)
        first.kill()

    def test_a_device_whose_registers_may_not_be_mapped_rings_by_the_stream(self):
        (self.qemu.root / "0000:00:04.0/resource0").unlink()
        program = self.host.vm_guest(VICTIM, "frames", 30, root=self.qemu.root)
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertEqual(self.qemu.rung, [])

    def test_a_service_that_was_restarted_offers_no_doorbell_to_the_vm_that_was_there(self):
        self.host.restart()
        program = self.host.vm_guest(VICTIM, "frames", 30, root=self.qemu.root)
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertEqual(self.qemu.rung, [])

    def test_a_second_vm_is_sent_away(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(10)
            other.connect(f"{self.host.socket}.d/{self.name}.ivshmem")
            self.assertEqual(other.recv(8), b"", "nothing is said to it")
        self.host.wait_log("a second VM wants its memory")

    def test_a_vm_that_starts_again_gets_it_all_again(self):
        again = self.qemu
        again.stream.close()
        self.host.wait_log("its VM is gone")
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(f"{self.host.socket}.d/{self.name}.ivshmem")
            self.assertEqual(struct.unpack("<q", stream.recv(8))[0], 0)

    def test_who_may_connect_is_who_runs_the_vm(self):
        info = os.stat(f"{self.host.socket}.d/{self.name}.ivshmem")
        self.assertEqual((info.st_uid, info.st_mode & 0o777), (os.geteuid(), 0o600))


if __name__ == "__main__":
    os.chdir("/")
    unittest.main(verbosity=2)
