#!/usr/bin/env python3
"""Sessions without shared memory: over TCP and over a Unix socket, what travels, and the deaths of either side."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from carried import Carried  # noqa: E402
from harness import BUILD, Host, alive, cpu_ticks, wait_until  # noqa: E402
from network import NetHost  # noqa: E402

VICTIM = BUILD / "tests/victim"
DEVICE_LOST = -4
SOON = 2.0  # seconds: how long a loss may take to be noticed while much is under way
MIB = 1 << 20


class Relay:
    """Between guests and a host's Unix socket: counts the bytes of each direction; hangs the first guests up."""

    def __init__(self, host, tenant=None, hang_ups=0):
        self.hang_ups = hang_ups
        self.target = f"{host.socket}.d/{tenant}.sock" if tenant else str(host.socket)
        self.path = host.folder / f"relay-{tenant}.sock"
        self.to_host = self.to_guest = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                guest, _ = self.listener.accept()
            except OSError:
                return
            if self.hang_ups > 0:
                self.hang_ups -= 1
                # With its hello read: a connection that is closed with bytes in it is reset.
                guest.recv(MIB)
                guest.close()
                continue
            host = socket.socket(socket.AF_UNIX)
            host.connect(self.target)
            for pair in ((guest, host, "to_host"), (host, guest, "to_guest")):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink, counter):
        try:
            while data := source.recv(MIB):
                setattr(self, counter, getattr(self, counter) + len(data))
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def close(self):
        self.listener.close()


class CarriesEverything:
    """What is asked of a class's guests, however their bytes travel."""

    def test_64_mib_go_there_and_back(self):
        program = self.guest(VICTIM, "uploads", 2)
        self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
        self.assertIn("finished 2", program.text())

    def test_a_file_read_straight_into_mapped_memory_arrives(self):
        program = self.guest(VICTIM, "read-into-mapped")
        self.assertEqual(program.wait(60), 0, program.text() + program.error_text())

    def test_windows_show_what_they_should(self):
        for scenario in ("colours", "acquires", "two"):
            program = self.guest(BUILD / "tests/wsi_window", scenario, "--platform", "headless")
            self.assertEqual(program.wait(60), 0, scenario + program.text() + program.error_text())


class StreamOnly(Carried, CarriesEverything, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = NetHost({"vm1": []})

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def guest(self, *command):
        return self.host.net_guest(*command, region="none")

    def assert_serves(self):
        program = self.guest(VICTIM, "frames", 20)
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertIn("finished 20", program.text())

    def test_guests_over_tcp_fall_back_to_it(self):
        program = self.host.net_guest(VICTIM, "frames", 50)
        self.assertEqual(program.wait(60), 0, program.error_text())
        self.assertIn("finished 50", program.text())

    def test_more_than_the_ring_holds_waits_for_room(self):
        program = self.guest(VICTIM, "ring-full")
        self.assertEqual(program.wait(120), 0, program.text() + program.error_text())

    def test_forks_and_exits_without_clean_up(self):
        for mode in ("fork-and-leave", "fork-and-render", "leave-while-waiting", "reopen-library"):
            program = self.guest(BUILD / "tests/guest_behaviour", mode)
            self.assertEqual(program.wait(60), 0, mode + program.text() + program.error_text())

    def test_a_guest_killed_in_mid_upload_leaves_no_worker(self):
        program = self.guest(VICTIM, "uploads", 1000)
        program.wait_line("upload 2", 60)
        worker = self.worker()
        time.sleep(0.03)
        os.kill(program.pid, signal.SIGKILL)
        killed = time.monotonic()
        self.assertTrue(wait_until(lambda: not alive(worker), 10), "the worker lives on")
        self.assertLess(time.monotonic() - killed, SOON)
        program.wait()
        self.assert_serves()

    def test_a_worker_killed_in_mid_upload_is_a_lost_device(self):
        program = self.guest(VICTIM, "uploads", 1000)
        program.wait_line("upload 2", 60)
        worker = self.worker()
        time.sleep(0.03)
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        when, line = program.wait_line("result", 20)
        self.assertEqual(line, f"result {DEVICE_LOST}")
        self.assertLess(when - killed, SOON)
        self.assertEqual(program.wait(20), 0)
        self.assert_serves()

    def test_a_blocked_wait_ends_with_the_worker(self):
        program = self.guest(VICTIM, "blocked-fence")
        program.wait_line("blocked", 60)
        os.kill(self.worker(), signal.SIGKILL)
        self.assertEqual(program.wait_line("result", 10)[1], f"result {DEVICE_LOST}")
        program.wait(20)

    def test_a_guest_that_stops_and_goes_on_loses_nothing(self):
        program = self.guest(VICTIM, "uploads", 6)
        program.wait_line("upload 2", 60)
        os.kill(program.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(program.pid, signal.SIGCONT)
        self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
        self.assertIn("finished 6", program.text())

    def test_an_idle_session_sends_nothing(self):
        program = self.guest(VICTIM, "blocked-fence")
        program.wait_line("blocked", 60)
        worker = self.worker()
        wait_until(lambda: False, 0.5)
        before = cpu_ticks(worker, program.pid)
        time.sleep(2)
        self.assertLessEqual(cpu_ticks(worker, program.pid) - before, 2, "hundredths of a second")
        program.kill()


class Packed(CarriesEverything, unittest.TestCase):
    """Whatever shrinks is compressed, in both directions."""

    @classmethod
    def setUpClass(cls):
        cls.host = NetHost({"vm1": []}, environment={"VIADUCT_DEBUG": "compression"})

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def guest(self, *command):
        return self.host.net_guest(*command, region="none", extra={"VIADUCT_DEBUG": "compression"})


class WhatTravels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(environment={"VIADUCT_DEBUG": "compression"}, config="[tenants.plain]\ncompression = false\n")
        cls.relay = Relay(cls.host)
        cls.plain = Relay(cls.host, "plain")

    @classmethod
    def tearDownClass(cls):
        cls.relay.close()
        cls.plain.close()
        cls.host.stop()

    def test_a_host_that_hangs_up_without_a_word_is_asked_once_more(self):
        for hang_ups, status, said in ((1, 0, "finished 5"), (2, 3, "hangs up without a word, twice")):
            relay = Relay(self.host, f"hanging-up-{hang_ups}", hang_ups)
            relay.target = self.relay.target
            program = self.host.guest(VICTIM, "frames", 5, extra={"VIADUCT_URL": f"unix://{relay.path}?region=none"})
            self.assertEqual(program.wait(60), status, program.text() + program.error_text())
            self.assertIn(said, program.text() + program.error_text())
            self.assertEqual(relay.hang_ups, 0)
            relay.close()

    def test_unchanged_pages_do_not_travel(self):
        url = {"VIADUCT_URL": f"unix://{self.relay.path}?region=none", "VIADUCT_PERF": "no_compression"}
        before = self.relay.to_host, self.relay.to_guest
        program = self.host.guest(VICTIM, "light-uploads", 5, extra=url)
        program.wait_line("done 1", 120)
        # 128 MiB are mapped; of those 256 words change a round, and as many in the copy.
        self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
        up, down = self.relay.to_host - before[0], self.relay.to_guest - before[1]
        print(f"{up} bytes to the host, {down} to the guest", flush=True)
        for count in (up, down):
            self.assertGreater(count, 60 * MIB)
            self.assertLess(count, 64 * MIB + 2 * MIB)

    def test_of_a_frame_only_what_changed_comes_back(self):
        ready, number = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(number), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[number], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(number)
        try:
            with os.fdopen(ready) as pipe:
                display = f":{pipe.readline().strip()}"

            def bytes_of(frames, relay, switches):
                before = relay.to_guest
                extra = {"DISPLAY": display, "VIADUCT_URL": f"unix://{relay.path}?region=none", **switches}
                program = self.host.guest("vkcube", "--c", frames, extra=extra)
                self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
                return relay.to_guest - before

            def bytes_of_a_frame(relay, **switches):
                return (bytes_of(120, relay, switches) - bytes_of(40, relay, switches)) / 80
            # A cube of which a window of 500 x 500 pixels shows little but background.
            a_frame = bytes_of_a_frame(self.relay, VIADUCT_PERF="no_compression")
            packed = bytes_of_a_frame(self.relay, VIADUCT_DEBUG="compression")
            forbidden = bytes_of_a_frame(self.plain, VIADUCT_DEBUG="compression")
        finally:
            server.kill()
            server.wait()
        print(f"{a_frame:.0f} of 1000000 bytes of a frame travel, {packed:.0f} compressed", flush=True)
        self.assertGreater(a_frame, 20_000)
        self.assertLess(a_frame, 500_000)
        self.assertGreater(packed, 1_000)
        self.assertLess(packed, a_frame * 0.8)
        self.assertGreater(forbidden, a_frame * 0.9)


if __name__ == "__main__":
    os.chdir("/")
    unittest.main(verbosity=2)
