#!/usr/bin/env python3
"""Guests' Mesa (virpipe) on virglrenderer's vtest server behind `viaductd --gl virgl`: pictures, sessions, bad days."""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "real"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "opengl"))
import displays  # noqa: E402
import harness  # noqa: E402
import opengl  # noqa: E402

PICTURE = pathlib.Path(__file__).resolve().parent.parent / "opengl/gl_picture.py"
SERVER = "viaduct-virgl"
# vtest: a message is {length, command} and a body; these are the ones that a hostile guest needs here.
CREATE_RENDERER, PING_VERSION, BUSY_WAIT, VERSION, CREATE_2 = 8, 10, 7, 11, 12
GIB = 1 << 30


def message(command, *words):
    return struct.pack(f"<{2 + len(words)}I", len(words), command, *words)


def hung_up(connection):
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


class RawGuest:
    """Speaks vtest by hand."""

    def __init__(self, host, name=b"raw\0"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(host.socket))
        self.socket.sendall(struct.pack("<2I", len(name), CREATE_RENDERER) + name)

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def negotiate(self):
        """Version 2 of the protocol, whose resources are the server's shared memory."""
        self.socket.sendall(message(PING_VERSION) + message(BUSY_WAIT, 0, 0))
        self.read(8)
        self.read(8 + 4)
        self.socket.sendall(message(VERSION, 2))
        self.read(8 + 4)

    def create(self, resource, size):
        """A buffer of that many bytes; its memory arrives as a descriptor."""
        self.socket.sendall(message(CREATE_2, resource, 0, 64, 16, size, 1, 1, 1, 0, 0, size))
        data, descriptors, _, _ = socket.recv_fds(self.socket, 1, 1)
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(data)



class GlOnlyHost(harness.Host):
    """A machine without a Vulkan driver: where the manifests are, there is nothing."""

    def start(self):
        hide = "".join(f"mount -t tmpfs none {folder} && " for folder in ("/usr/share/vulkan", "/etc/vulkan")
                       if os.path.isdir(folder))
        serve = f"exec {self.build}/bin/viaductd --listen {self.url} --gl virgl"
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(["unshare", "-m", "sh", "-c", hide + serve], env=self.environment,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pid = self.daemon.pid
        if not harness.wait_until(self.accepts, 20):
            raise AssertionError(f"viaductd does not listen; its log: {self.log()[-3000:]}")


class VirglTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.x11 = displays.XServer()
        cls.addClassCleanup(cls.x11.close)
        cls.host = cls.new_host()
        cls.addClassCleanup(cls.host.stop)

    @staticmethod
    def new_host(config=None):
        return harness.Host(arguments=["--gl", "virgl"], config=config)

    def own_host(self, config):
        host = self.new_host(config)
        self.addCleanup(host.stop)
        return host

    def start(self, command, host=None, options=("--gl", "virgl"), native=False, prefix=()):
        """Natively: on the software driver that the server renders with too."""
        host = host or self.host
        if native:
            environment = {**opengl.without_gl(harness.clean_environment()), "LIBGL_ALWAYS_SOFTWARE": "1"}
        else:
            environment = opengl.guest_environment(host)
            command = [*prefix, str(opengl.CTL), "run", *options, "--", *command]
        program = harness.Program(command, {**environment, "XDG_RUNTIME_DIR": self.x11.folder, **self.x11.environment})
        self.addCleanup(program.kill)
        return program

    def gears(self, host=None, **how):
        """A running glxgears that has drawn."""
        program = self.start(["glxgears", "-info"], host, **how)
        _, line = program.wait_line("GL_RENDERER", 60)
        self.assertRegex(line, r"= virgl \(.+\)")
        self.assertTrue(harness.wait_until(lambda: self.session_of(program, host), 10))
        return program

    def sessions(self, host=None):
        status = json.loads((host or self.host).status("--json"))
        return [session for tenant in status["tenants"] for session in tenant["sessions"]]

    def session_of(self, program, host=None):
        return next((session for session in self.sessions(host)
                     if session["pid"] == program.pid and session["state"] == "running"), None)

    def assert_draws(self, program):
        count = program.text().count(" FPS")
        self.assertTrue(harness.wait_until(lambda: program.text().count(" FPS") > count, 15),
                        program.text() + program.error_text())

    def assert_no_server(self, pid):
        self.assertTrue(harness.wait_until(lambda: not harness.alive(pid), 3), f"server {pid} lives on")

    def test_a_session_is_one_confined_server_and_status_shows_it(self):
        first, second = self.gears(), self.gears()
        one, two = self.session_of(first), self.session_of(second)
        self.assertNotEqual(one["worker_pid"], two["worker_pid"])
        for session in (one, two):
            self.assertEqual((session["kind"], session["program"]), ("virgl", "glxgears"))
            pid = session["worker_pid"]
            self.assertEqual(pathlib.Path(f"/proc/{pid}/comm").read_text().strip(), SERVER)
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.assertRegex(status, r"NoNewPrivs:\s*1")
            self.assertRegex(status, r"Seccomp:\s*2")
            self.assertRegex(status, r"CapEff:\s*0+\n")
            self.assertIn("seccomp", session["sandbox"])
            for namespace in ("net", "mnt", "pid"):
                self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{namespace}"), os.readlink(f"/proc/self/ns/{namespace}"))
            sockets = [link for link in (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
                       if link.startswith("socket:")]
            self.assertEqual(len(sockets), 1, "a server has its guest's connection and no other")

    def test_es2gears_runs(self):
        program = self.start(["stdbuf", "-oL", "es2gears_x11"])
        program.wait_line("", 60)
        self.assertEqual(self.session_of(program)["kind"], "virgl")
        self.assert_draws(program)

    def test_glmark2_finds_the_pixels_right_that_it_finds_right_natively(self):
        scenes = ["build", "texture", "shading", "bump"]
        command = ["glmark2", "--validate", "-s", "300x300", *[word for scene in scenes for word in ("-b", scene)]]
        verdicts = []
        for native in (False, True):
            program = self.start(command, native=native)
            self.assertEqual(program.wait(120), 0, program.text() + program.error_text())
            verdicts.append(re.findall(r"^\[\w+\].*Validation: *(\w+)", program.text(), re.M))
        self.assertEqual(len(verdicts[0]), len(scenes))
        self.assertEqual(verdicts[0], verdicts[1])

    def picture(self, kind, native):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "picture")
            program = self.start(["/usr/bin/python3", "-B", PICTURE, kind, "pbuffer", path], native=native)
            self.assertEqual(program.wait(120), 0, program.text() + program.error_text() + self.host.log()[-2000:])
            self.assertRegex(program.text(), "renderer: llvmpipe" if native else "renderer: virgl")
            return pathlib.Path(path).read_bytes()

    def test_a_picture_is_the_native_one(self):
        for kind in ("gl", "es"):
            with self.subTest(api=kind):
                native, guest = self.picture(kind, True), self.picture(kind, False)
                self.assertEqual(len(native), len(guest))
                wrong = sum(abs(a - b) > 1 for a, b in zip(native, guest))
                # The shaders take a way of their own (TGSI, GLSL): a pixel at an edge may fall to the other side.
                self.assertLess(wrong, len(native) / 1000, "the pixels differ")

    def test_the_death_of_a_server_ends_its_client_alone(self):
        victim, other = self.gears(), self.gears()
        os.kill(self.session_of(victim)["worker_pid"], signal.SIGKILL)
        # Mesa says so and exits, exits without a word, or follows a null pointer first: what matters is that it ends, and
        # that the log says why.
        self.assertNotEqual(victim.wait(20), 0)
        self.host.wait_log(rf"session \d+ \(tenant default, glxgears, pid {victim.pid}, OpenGL\) lost its OpenGL server: "
                           r"killed by signal 9")
        self.assert_draws(other)

    def test_the_death_of_a_client_ends_its_server(self):
        program = self.gears()
        pid = self.session_of(program)["worker_pid"]
        program.kill()
        self.assert_no_server(pid)

    def test_an_administrator_ends_a_session(self):
        program = self.gears()
        session = self.session_of(program)
        environment = opengl.guest_environment(self.host)
        subprocess.run([str(opengl.CTL), "kill", str(session["session"])], env=environment, check=True, timeout=20,
                       stdout=subprocess.DEVNULL)
        self.assertNotEqual(program.wait(20), 0)
        self.assert_no_server(session["worker_pid"])

    def test_garbage_ends_its_own_session_only(self):
        other = self.gears()
        for garbage in (b"\xff" * 4096, message(6, *[0xffffffff] * 64), struct.pack("<2I", 0xffffffff, 6) + bytes(65536)):
            guest = RawGuest(self.host)
            self.addCleanup(guest.socket.close)
            guest.negotiate()
            try:
                guest.socket.sendall(garbage)
                guest.socket.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            self.assertTrue(hung_up(guest.socket), "the session goes on")
        self.assert_draws(other)

    def test_half_an_opening_ends_at_the_handshakes_deadline(self):
        host = self.own_host("[pool]\nwarm = 0\nhandshake_timeout_ms = 300\n")
        with socket.socket(socket.AF_UNIX) as guest:
            guest.settimeout(20)
            guest.connect(str(host.socket))
            guest.sendall(struct.pack("<2I", 100, CREATE_RENDERER) + b"half")
            self.assertTrue(hung_up(guest))
        self.assertEqual(self.sessions(host), [])

    def test_the_tenants_limit_of_sessions_holds(self):
        host = self.own_host("[limits]\nsessions = 1\n[pool]\nwarm = 0\n")
        first = self.gears(host)
        second = self.start(["glxgears"], host)
        self.assertNotEqual(second.wait(30), 0)
        host.wait_log(rf"pid {second.pid} \(glxgears, OpenGL\) refused: tenant default has all the sessions")
        self.assertTrue(self.session_of(first, host))

    def test_a_servers_memory_is_bounded(self):
        host = self.own_host('[limits]\narena = "256 MiB"\n[pool]\nwarm = 0\n')
        guest = RawGuest(host)
        self.addCleanup(guest.socket.close)
        guest.negotiate()
        made = 0
        try:
            while made < 64 and guest.create(made + 1, GIB // 4):
                made += 1
        except (EOFError, ConnectionError):
            pass
        # 4 GiB of its own and the arena's 256 MiB: some 16 of these at most.
        self.assertGreater(made, 0, host.log())
        self.assertLess(made, 18)
        self.gears(host)

    def test_a_user_needs_no_root(self):
        if os.geteuid() != 0:
            self.skipTest("the test's own user is one")
        host = self.own_host('[tenants.default]\nsocket_mode = "0666"\n[pool]\nwarm = 0\n')
        os.chmod(self.x11.folder, 0o755)
        self.gears(host, prefix=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])

    def test_a_host_without_vulkan_lends_opengl(self):
        if os.geteuid() != 0:
            self.skipTest("hides the drivers in a mount namespace: needs root")
        host = GlOnlyHost()
        self.addCleanup(host.stop)
        self.gears(host, options=())
        host.wait_log("only OpenGL is lent .*no Vulkan driver is installed")
        told = host.guest("vulkaninfo", "--summary", extra={"VIADUCT_LOG": "info"})
        told.wait(30)
        self.assertIn("this host lends OpenGL only", told.text() + told.error_text())
        self.assertIsNone(host.daemon.poll())

    def test_what_is_not_lent_is_said(self):
        host = harness.Host(arguments=[])
        self.addCleanup(host.stop)
        program = self.start(["glxgears"], host)
        self.assertEqual(program.wait(20), 127)
        self.assertIn("start viaductd with --gl virgl", program.error_text())

    def test_a_missing_server_is_named_with_its_package(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([str(harness.BUILD / "bin/viaductd"), "--gl", "virgl", "--listen", f"unix://{folder}/v.sock"],
                                  env={**harness.clean_environment(), "PATH": folder}, capture_output=True, text=True,
                                  timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt install virgl-server", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
