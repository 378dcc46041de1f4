#!/usr/bin/env python3
"""viaductctl top: what it prints of programs that run, and how it behaves on a terminal."""

import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, Host, alive, clean_environment, descendants, wait_until  # noqa: E402

CTL = BUILD / "bin/viaductctl"
PRESENTER = (BUILD / "tests/wsi_window", "endless", "--platform", "headless")
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?25h\x1b[?1049l"


class Screen:
    """A program on a pseudo-terminal, in a session of its own; what it writes is gathered."""

    def __init__(self, host, *command, size=(30, 160)):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        environment = clean_environment()
        environment.update(VIADUCT_URL=host.url, TERM="xterm", PS1="ready$ ", HISTFILE="")
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                got = os.read(self.master, 65536)
            except OSError:
                return
            if not got:
                return
            self.text += got.decode(errors="replace")

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        """Presses keys; what is expected afterwards is looked for in what comes from then on."""
        self.text = ""
        os.write(self.master, keys.encode())

    def expect(self, pattern, seconds=20):
        found = wait_until(lambda: re.search(pattern, self.text, re.DOTALL), seconds, 0.02)
        if not found:
            raise AssertionError(f"{pattern!r} does not appear; seen: {self.text[-3000:]!r}; "
                                 f"status {self.process.poll()}")
        return found

    def settings(self):
        return termios.tcgetattr(self.master)

    def is_raw(self):
        return not self.settings()[3] & (termios.ICANON | termios.ECHO)

    def wait(self, seconds=20):
        status = self.process.wait(seconds)
        self.expect(re.escape(LEAVE))
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        self.reader.join(5)


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(config="[limits]\ndevice_memory = \"1 GiB\"\n[tenants.alice]\n[tenants.bob]\n[tenants.idle]\n")

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        # After the programs of the test before were killed, the service may still be noticing it.
        self.assertTrue(wait_until(lambda: not self.host.sessions(), 20, 0.02), self.host.status())

    def presenter(self, tenant):
        program = self.host.guest(*PRESENTER, tenant=tenant)
        self.addCleanup(program.kill)
        program.wait_line("running")
        return program

    def worker(self, tenant):
        program = self.host.guest(BUILD / "tests/victim", "frames", 100_000_000, tenant=tenant)
        self.addCleanup(program.kill)
        program.wait_line("frame 1")
        return program

    def screen(self, *arguments, **options):
        screen = Screen(self.host, CTL, "top", *arguments, **options)
        self.addCleanup(screen.close)
        screen.expect(re.escape(ENTER) + ".*TENANT")
        return screen

    def session_of(self, program):
        return next(session["session"] for session in self.host.sessions() if session["pid"] == program.pid)

    def assert_restored(self, screen):
        self.assertEqual(screen.settings(), screen.before)
        self.assertGreater(screen.text.rfind(LEAVE), screen.text.rfind(ENTER))


class Prints(Top):
    def test_json_has_what_programs_do_between_two_samples(self):
        presenter, renderer = self.presenter("alice"), self.worker("bob")
        done = self.host.ctl("top", "--json", "--interval", "0.5")
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout)
        self.assertGreaterEqual(seen["interval_ms"], 500)
        tenants = {tenant["name"]: tenant for tenant in seen["tenants"]}
        self.assertEqual(set(tenants), {"default", "alice", "bob", "idle"})
        presents, computes = tenants["alice"]["sessions"], tenants["bob"]["sessions"]
        self.assertEqual([one["pid"] for one in presents + computes], [presenter.pid, renderer.pid])
        self.assertGreater(presents[0]["fps"], 0)
        self.assertGreater(presents[0]["frame_time_p99_ms"], 0)
        self.assertEqual(presents[0]["program"], "wsi_window")
        self.assertEqual(presents[0]["device_memory_limit"], 1 << 30)
        self.assertGreater(presents[0]["device_memory_bytes"], 0)
        for session in presents + computes:
            for figure in ("commands_per_second", "submits_per_second", "bytes_per_second", "gpu_busy_percent"):
                self.assertGreater(session[figure], 0, figure)
        # It renders without a window.
        self.assertEqual((computes[0]["fps"], computes[0]["frame_time_p99_ms"]), (0, None))
        self.assertEqual(tenants["alice"]["fps"], presents[0]["fps"])
        self.assertEqual((tenants["idle"]["sessions"], tenants["idle"]["commands_per_second"]), ([], 0))

    def test_the_frames_are_those_that_the_service_counts(self):
        self.presenter("alice")
        frames = lambda: self.host.sessions("alice")[0]["frames"]  # noqa: E731
        before = frames()
        seen = json.loads(self.host.ctl("top", "--json", "--interval", "0.3").stdout)
        after = frames()
        counted = seen["tenants"][0]["sessions"][0]["fps"] * (seen["interval_ms"] + 1) / 1000
        self.assertLessEqual(counted, after - before + 1 + counted * 0.01)

    def test_a_table_without_control_sequences_where_there_is_no_terminal(self):
        self.presenter("alice")
        self.worker("bob")
        for arguments in (["top", "--once", "--interval=0.2"], ["top", "--interval=0.2"]):
            done = self.host.ctl(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(all(c == "\n" or c.isprintable() for c in done.stdout), repr(done.stdout))
            lines = done.stdout.splitlines()
            self.assertRegex(lines[0], r"^viaductd .*; 2 sessions; .* frames/s, ")
            self.assertEqual(lines[2].split()[:5], ["TENANT", "SESSION", "PID", "PROGRAM", "STATE"])
            self.assertEqual([line.split()[0] for line in lines[3:]], ["alice", "bob"])
            self.assertRegex(lines[3], r"wsi_window +running +[\d.]+( k)? +[\d.]+ ms +\d+ % +\d+ % +[\d.]+ [KM]?i?B / 1.0 GiB")

    def test_sorts_and_filters(self):
        self.presenter("alice")
        self.worker("bob")

        def names(*arguments):
            done = self.host.ctl("top", "--once", "--interval=0.2", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            return [line.split()[0] for line in done.stdout.splitlines()[3:]]

        self.assertEqual(names("--sort=program"), ["bob", "alice"])  # victim, wsi_window
        self.assertEqual(names("--sort=fps"), ["alice", "bob"])
        self.assertEqual(names("--filter=WSI"), ["alice"])
        self.assertEqual(names("--filter=nobody"), [])
        self.assertEqual(names("--by-tenant"), ["alice", "bob", "default", "idle"])
        tenants = json.loads(self.host.ctl("top", "--json", "--interval=0.2", "--filter=victim").stdout)["tenants"]
        self.assertEqual([tenant["name"] for tenant in tenants], ["bob"])

    def test_says_where_no_service_answers(self):
        done = self.host.ctl("top", "--once", "--url", "unix:///nonexistent/viaduct.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/viaduct.sock", done.stderr)


class OnATerminal(Top):
    def test_shows_figures_and_leaves_the_terminal_as_it_was(self):
        self.presenter("alice")
        screen = self.screen()
        self.assertTrue(screen.is_raw())
        screen.expect(r"wsi_window +running +[\d.]+( k)? +[\d.]+ ms")
        screen.press("h")
        screen.expect("Keys of viaductctl top")
        screen.press(" ")
        screen.expect("TENANT")
        screen.press("q")
        self.assertEqual(screen.wait(), 0)
        self.assert_restored(screen)

    def test_ends_the_chosen_session_after_a_question(self):
        doomed, kept = self.presenter("alice"), self.presenter("bob")
        number = self.session_of(doomed)
        screen = self.screen("--filter", "alice")
        screen.press("k")
        screen.expect(rf"End session {number} \(wsi_window of tenant alice\)\?")
        screen.press("n")
        screen.expect("q leave")
        self.assertIsNone(doomed.process.poll())
        screen.press("k")
        screen.expect(r"y/n")
        screen.press("y")
        screen.expect(rf"session {number} \(wsi_window\) has been ended")
        doomed.wait_line("ended -4")
        screen.press("\x1b")
        screen.expect("bob")
        screen.press("q")
        self.assertEqual(screen.wait(), 0)
        self.assert_restored(screen)
        self.assertIsNone(kept.process.poll())

    def test_arrows_choose_and_a_slash_filters(self):
        first, second = self.worker("alice"), self.worker("bob")
        screen = self.screen()
        screen.press("\x1b[B")
        screen.press("k")
        screen.expect(rf"End session {self.session_of(second)} ")
        screen.press("n")
        screen.press("/ali\r")
        screen.expect("only 'ali'")
        screen.press("k")
        screen.expect(rf"End session {self.session_of(first)} ")
        screen.press("n")
        screen.press("t")
        screen.expect("SESSIONS")
        screen.press("q")
        screen.wait()

    def test_signals_end_it_and_the_terminal_is_as_it_was(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            with self.subTest(number.name):
                screen = self.screen()
                screen.process.send_signal(number)
                self.assertEqual(screen.wait(), -number)
                self.assert_restored(screen)

    def test_control_c_ends_it(self):
        screen = self.screen()
        screen.press("\x03")
        self.assertEqual(screen.wait(), -signal.SIGINT)
        self.assert_restored(screen)

    def test_follows_the_size_of_the_terminal(self):
        screen = self.screen(size=(30, 160))
        screen.expect("COMMANDS/S")
        screen.text = ""
        screen.resize(10, 30)
        screen.expect("\x1b\\[J$")
        wait_until(lambda: screen.text.endswith("\x1b[J"), 5)
        last = screen.text[screen.text.rindex("\x1b[H"):]
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", last).split("\n")
        self.assertEqual(len(lines), 10)
        self.assertLessEqual(max(map(len, lines)), 30)
        screen.press("q")
        screen.wait()

    def shell_with_a_stopped_top(self):
        screen = Screen(self.host, shutil.which("bash"), "--norc", "--noprofile", "--noediting", "-i")
        self.addCleanup(screen.close)
        screen.expect(r"ready\$ ")
        screen.press(f"{CTL} top\n")
        screen.expect(re.escape(ENTER) + ".*TENANT")
        screen.press("\x1a")
        screen.expect(re.escape(LEAVE) + r".*Stopped.*ready\$ ")
        return screen

    def assert_shell_ends(self, screen):
        # A shell that believes that a job is stopped stays, and goes when it is asked again.
        for seconds in (2, 20):
            screen.press("exit 3\n")
            if wait_until(lambda: screen.process.poll() is not None, seconds):
                break
        self.assertEqual(screen.process.poll(), 3, screen.text[-1000:])

    def test_a_shell_gets_the_terminal_while_it_is_stopped(self):
        self.presenter("alice")
        screen = self.shell_with_a_stopped_top()
        self.assertEqual(screen.settings(), screen.before)
        screen.press("echo shell-$((40+2))\n")
        screen.expect("shell-42")
        screen.press("fg\n")
        screen.expect(re.escape(ENTER) + ".*TENANT")
        self.assertTrue(wait_until(screen.is_raw, 5))
        screen.press("q")
        screen.expect(re.escape(LEAVE) + r".*ready\$ ")
        self.assert_shell_ends(screen)

    def test_killed_while_it_is_stopped_it_leaves_the_terminal_alone(self):
        screen = self.shell_with_a_stopped_top()
        stopped = descendants(screen.process.pid)
        self.assertEqual(len(stopped), 1)
        screen.press("kill %1\n")
        self.assertTrue(wait_until(lambda: not alive(stopped[0]), 10), screen.text)
        screen.press("echo shell-$((40+2))\n")
        screen.expect("shell-42")
        self.assertEqual(screen.settings(), screen.before)
        self.assertNotIn(ENTER, screen.text)
        self.assert_shell_ends(screen)

    def test_goes_on_when_the_service_is_started_anew(self):
        host = Host()
        self.addCleanup(host.stop)
        screen = Screen(host, CTL, "top", "--interval", "0.1")
        self.addCleanup(screen.close)
        screen.expect("viaductd .* 0 sessions")
        host.daemon.terminate()
        host.daemon.wait(20)
        screen.text = ""
        screen.expect(re.escape(str(host.socket)))
        host.start()
        screen.text = ""
        screen.expect("0 sessions.*q leave")
        screen.press("q")
        self.assertEqual(screen.wait(), 0)

    def test_ends_when_its_terminal_does(self):
        screen = self.screen()
        os.close(screen.master)
        screen.master = os.open("/dev/null", os.O_RDWR)
        self.assertTrue(wait_until(lambda: not alive(screen.process.pid), 10))


if __name__ == "__main__":
    unittest.main()
