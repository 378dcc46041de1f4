#!/usr/bin/env python3
"""viaductd over HTTP: what it answers, to whom, and what clients that mean ill can do to it."""

import http.client
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import BUILD, Host, process_status, wait_until  # noqa: E402
import exposition  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("VIADUCT_SOURCE", pathlib.Path(__file__).resolve().parents[3]))
MAX_CONNECTIONS, MAX_HEADER, REQUEST_TIME = 32, 8192, 30  # host-renderer/http/http_server.hpp
TOKEN = "a token of more than sixteen characters"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def token_settings(case):
    """The settings of a class of tests whose service wants TOKEN."""
    folder = pathlib.Path("/tmp") / f"viaduct-http-{os.getpid()}"
    folder.mkdir(mode=0o700)
    case.addClassCleanup(shutil.rmtree, folder)
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(TOKEN + "\n")
    case.settings = f"token_file = \"{folder}/token\"\n"


class Server(unittest.TestCase):
    settings = ""

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.host = Host(config=f"[http]\nlisten = \"127.0.0.1:{cls.port}\"\n{cls.settings}[tenants.alice]\nsessions = 5\n")
        if not wait_until(lambda: json.loads(cls.host.status("--json"))["warm_workers"] == 2, 20, 0.1):
            raise AssertionError(f"no workers after 20 s; the log: {cls.host.log()[-3000:]}")

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def setUp(self):
        # After the programs of the test before were killed, the service may still be noticing it.
        self.assertTrue(wait_until(lambda: not self.host.sessions(), 20, 0.02), self.host.status())

    def get(self, path, headers=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def families(self):
        answer, text = self.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return exposition.read(text)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def send(self, data):
        """All that is answered to these bytes, until the service hangs up or says nothing more for a while."""
        connection = self.connect()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while chunk := connection.recv(65536):
                got += chunk
        except OSError:
            pass
        return got

    def assert_serves(self):
        answer, text = self.get("/health")
        self.assertEqual((answer.status, json.loads(text)["status"]), (200, "ok"))


class Answers(Server):
    def test_metrics_are_the_sessions_figures(self):
        program = self.host.guest(BUILD / "tests/wsi_window", "endless", "--platform", "headless", tenant="alice")
        self.addCleanup(program.kill)
        program.wait_line("running")
        self.assertTrue(wait_until(lambda: self.host.sessions("alice")[0]["frames"] > 20, 20))
        families = self.families()
        session = self.host.sessions("alice")[0]
        labels = {"tenant": "alice", "program": "wsi_window", "session": str(session["session"])}
        for name in ("frames", "commands", "submits", "command_bytes"):
            family = families[f"viaduct_session_{name}_total"]
            self.assertEqual((family.type, [each for _, each, _ in family.samples]), ("counter", [labels]))
            self.assertGreater(family.samples[0][2], 0)
        self.assertLessEqual(families["viaduct_session_frames_total"].samples[0][2], session["frames"])
        self.assertGreater(families["viaduct_session_device_memory_bytes"].samples[0][2], 0)
        info = families["viaduct_session_info"].samples[0]
        self.assertEqual(info[1], {**labels, "kind": "vulkan", "region": "memfd", "state": "running",
                                   "memory_mode": session["memory_mode"]})
        times = {suffix: value for suffix, _, value in families["viaduct_session_frame_time_seconds"].samples}
        # Each but the first has a time; the page may be read between the two words.
        self.assertAlmostEqual(times["_count"], families["viaduct_session_frames_total"].samples[0][2] - 1, delta=2)
        self.assertGreater(times["_sum"], 0)
        self.assertEqual({each["tenant"]: value for _, each, value in families["viaduct_tenant_sessions"].samples},
                         {"alice": 1, "default": 0})
        self.assertIn(("", {"tenant": "alice"}, 5.0), families["viaduct_tenant_sessions_limit"].samples)

    def test_without_a_session_there_is_nothing_of_one(self):
        self.assertTrue(wait_until(lambda: not self.host.sessions(), 10))
        families = self.families()
        self.assertFalse([name for name in families if name.startswith("viaduct_session_")])
        self.assertEqual(families["viaduct_workers_warm_target"].samples, [("", {}, 2.0)])

    def test_prometheus_own_tool_finds_nothing(self):
        tool = shutil.which("promtool")
        if not tool:
            self.skipTest("promtool (Debian's package prometheus) is not installed")
        done = subprocess.run([tool, "check", "metrics"], input=self.get("/metrics")[1], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_the_dashboard_asks_for_what_there_is(self):
        program = self.host.guest(BUILD / "tests/wsi_window", "endless", "--platform", "headless")
        self.addCleanup(program.kill)
        program.wait_line("running")
        board = json.loads((SOURCE / "packaging/host/grafana-dashboard.json").read_text())
        asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        asked += [variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
        names = {re.sub("_bucket$", "", name) for text in asked for name in re.findall(r"viaduct_\w+", text)}
        self.assertGreaterEqual(len(names), 9)
        self.assertLessEqual(names, set(self.families()))

    def test_health_is_json(self):
        answer, text = self.get("/health")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
        health = json.loads(text)
        self.assertEqual((health["status"], health["reason"], health["warm_target"]), ("ok", "", 2))

    def test_other_paths_and_methods(self):
        for path in ("/index.html", "/metrics/", "/../etc/passwd", "/METRICS", "//metrics"):
            self.assertEqual(self.get(path)[0].status, 404, path)
        self.assertEqual(self.get("/health?x=1")[0].status, 200)
        answer, text = self.get("/metrics", method="HEAD")
        self.assertEqual((answer.status, text), (200, ""))
        self.assertGreater(int(answer.headers["Content-Length"]), 100)
        for method in ("DELETE", "OPTIONS", "TRACE", "BREW"):
            answer, _ = self.get("/metrics", method=method)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)

    def test_a_connection_is_kept_for_the_next_request(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(connection.close)
        for _ in range(5):
            connection.request("GET", "/health")
            kept = connection.sock
            self.assertEqual(connection.getresponse().read()[:1], b"{")
            self.assertIs(connection.sock, kept)
        got = self.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 3)

    def test_somebody_elses_page_cannot_ask_by_a_name_of_its_own(self):
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil"):
            self.assertEqual(self.get("/metrics", {"Host": host})[0].status, 403, host)
        for host in ("localhost", f"localhost:{self.port}", "[::1]:9477", "192.168.1.2:80"):
            self.assertEqual(self.get("/metrics", {"Host": host})[0].status, 200, host)


class Token(Server):
    @classmethod
    def setUpClass(cls):
        token_settings(cls)
        super().setUpClass()

    def test_who_shows_it_is_answered_and_nobody_else(self):
        for value in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
            self.assertEqual(self.get("/metrics", {"Authorization": value})[0].status, 200)
        for value in (None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, f"Basic {TOKEN}"):
            headers = {} if value is None else {"Authorization": value}
            for path in ("/metrics", "/health", "/nothing"):
                answer, text = self.get(path, headers)
                self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"), value)
                self.assertNotIn("viaduct_", text)
        self.assertNotIn(TOKEN, self.host.log())

    def test_with_it_the_name_does_not_matter(self):
        headers = {"Authorization": f"Bearer {TOKEN}", "Host": "gpu.example:9477"}
        self.assertEqual(self.get("/metrics", headers)[0].status, 200)


class Failing(unittest.TestCase):
    def test_a_service_without_workers_is_not_healthy_and_says_why(self):
        port = free_port()
        host = Host(config=f"[http]\nlisten = \"127.0.0.1:{port}\"\n", arguments=["--gpu", "no such GPU"])
        self.addCleanup(host.stop)

        def health():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", "/health")
            answer = connection.getresponse()
            seen = answer.status, json.loads(answer.read())
            connection.close()
            return seen

        self.assertTrue(wait_until(lambda: health()[1]["status"] == "failing", 20), health())
        status, answer = health()
        self.assertEqual(status, 503)
        self.assertIn("no GPU is called 'no such GPU'", answer["reason"])

    def test_a_port_that_is_taken_is_said_at_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaises(AssertionError) as failed:
                Host(config=f"[http]\nlisten = \"127.0.0.1:{port}\"\n")
            self.assertIn("another service listens there", str(failed.exception))


class Hostile(Server):
    def test_what_is_no_request_is_refused(self):
        for data, status in ((b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * MAX_HEADER * 4 + b"\r\n\r\n", b"431"),
                             (b"G" * MAX_HEADER * 4, b"4"),
                             (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"400"),
                             (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", b"413"),
                             (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"400"),
                             (b"GET /metrics HTTP/1.1\r\n\r\n", b"403")):
            got = self.send(data)
            # A large request may find the service gone before it was sent: then the answer is lost with the connection.
            if got or len(data) < MAX_HEADER:
                self.assertTrue(got.startswith(b"HTTP/1.1 " + status), (data[:60], got[:80]))
            self.assertNotIn(b"viaduct_", got)
        self.assert_serves()

    def test_garbled_requests_harm_nobody(self):
        victim = self.host.guest(BUILD / "tests/victim", "frames", 100_000_000, tenant="alice")
        self.addCleanup(victim.kill)
        victim.wait_line("frame 1")
        seed = int(os.environ.get("VIADUCT_FUZZ_SEED", "1"))
        dice = random.Random(seed)
        whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(dice.randrange(1, 8)):
                at = dice.randrange(len(data))
                choice = dice.randrange(3)
                if choice == 0:
                    data[at] = dice.randrange(256)
                elif choice == 1:
                    del data[at:at + dice.randrange(1, 9)]
                else:
                    data[at:at] = dice.randbytes(dice.randrange(1, 9))
                if not data:
                    data = bytearray(b" ")
            got = self.send(bytes(data))
            self.assertTrue(got == b"" or got.startswith(b"HTTP/1.1 "), (seed, bytes(data), got[:80]))
        self.assertIsNone(self.host.daemon.poll(), self.host.log()[-2000:])
        self.assertIsNone(victim.process.poll())
        self.assert_serves()

    def test_a_crowd_of_silent_connections_keeps_nobody_out(self):
        crowd = [self.connect() for _ in range(MAX_CONNECTIONS * 4)]
        self.assert_serves()
        # The oldest were hung up; what stays open is bounded.
        crowd[0].settimeout(10)
        self.assertEqual(crowd[0].recv(1), b"")

        def open_at_the_service():
            inodes = set()
            for entry in pathlib.Path(f"/proc/{self.host.pid}/fd").iterdir():
                try:
                    inodes.add(os.readlink(entry))
                except OSError:
                    continue
            lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
            local = f"0100007F:{self.port:04X}"
            return sum(f"socket:[{line.split()[9]}]" in inodes for line in lines
                       if line.split()[1] == local and line.split()[3] != "0A")
        self.assertTrue(wait_until(lambda: open_at_the_service() <= MAX_CONNECTIONS, 10), open_at_the_service())

    def test_who_does_not_read_the_answers_costs_no_memory(self):
        before = process_status(self.host.pid, "VmRSS")
        for _ in range(MAX_CONNECTIONS):
            connection = self.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            try:
                for _ in range(200):
                    connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
            except BlockingIOError:
                pass
            except OSError:
                pass
        self.assert_serves()
        self.assertLess(process_status(self.host.pid, "VmRSS") - before, 32 * 1024)

    def test_a_header_that_never_ends_is_given_up(self):
        slow = self.connect()
        slow.setblocking(False)
        slow.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")

        def given_up():
            try:
                slow.send(b"X: y\r\n")
                return slow.recv(1) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True
        self.assertTrue(wait_until(given_up, REQUEST_TIME * 2, 0.5))
        self.assert_serves()


if __name__ == "__main__":
    unittest.main()
