"""What end-to-end tests need of a host: start viaductd, run programs on the guest driver, see processes and logs.

A Host owns a temporary folder and everything that it started; stop() leaves nothing running. Programs are started
in process groups of their own and killed with their test.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("VIADUCT_BUILD", "build/release")).resolve()
ICD = BUILD / "share/vulkan/icd.d/viaduct_icd.json"
# Debian 12's name of it, and Debian 13's.
LAVAPIPE = next((name for name in ("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json", "/usr/share/vulkan/icd.d/lvp_icd.json")
                 if os.path.exists(name)), "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json")
SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"
DRIVER = os.environ.get("VIADUCT_TEST_DRIVER", LAVAPIPE)


def wait_until(condition, seconds, step=0.005):
    """The condition's first true value, or its last value once the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= end:
            return value
        time.sleep(step)


def clean_environment():
    """The caller's, without what would steer a loader or this project."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("VK_", "VIADUCT_")) and name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if "ASAN_OPTIONS" in environment:
        # Programs and drivers leave memory behind when they exit, some of those here on purpose; whether this project
        # does is what its unit tests ask.
        # And drivers are asked for more memory than there is.
        environment["ASAN_OPTIONS"] += ":detect_leaks=0:allocator_may_return_null=1"
    return environment


def native_environment(driver=None):
    environment = clean_environment()
    environment["VK_ICD_FILENAMES"] = environment["VK_DRIVER_FILES"] = driver or DRIVER
    return environment


def process_status(pid, field):
    """A number of /proc/PID/status in KiB, 0 if the process is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_ticks(*pids):
    """Processor time that processes have taken, in hundredths of a second."""
    return sum(int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[field])
               for pid in pids for field in (11, 12))


def descendants(root):
    """Process ids below root, at any depth."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


def mapped_memfds(pid):
    """Inodes of the shared memory files that a process maps."""
    try:
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return set()
    return {int(line.split()[4]) for line in maps.splitlines() if "/memfd:" in line and line.split()[1][3] == "s"}


class Program:
    """A running program; its lines are collected with the time at which each came."""

    def __init__(self, command, environment, cwd=None):
        self.process = subprocess.Popen(
            [str(part) for part in command], env=environment, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        self.pid = self.process.pid
        self.lines, self.errors = [], []
        self.threads = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append((time.monotonic(), line.rstrip("\n")))

    def text(self):
        return "\n".join(line for _, line in self.lines)

    def error_text(self):
        return "\n".join(line for _, line in self.errors)

    def wait_line(self, start, seconds=20):
        """The first line that begins so and its time; fails when it does not come."""
        found = wait_until(lambda: next(((when, line) for when, line in list(self.lines)
                                         if line.startswith(start)), None)
                           or (self.process.poll() is not None and not self.threads[0].is_alive() and "ended"), seconds)
        if not found or found == "ended":
            found = next(((when, line) for when, line in self.lines if line.startswith(start)), None)
        if not found:
            raise AssertionError(f"no line '{start}' within {seconds} s; status {self.process.poll()}; "
                                 f"stdout: {self.text()[-2000:]}; stderr: {self.error_text()[-2000:]}")
        return found

    def wait(self, seconds=30):
        """The exit status; fails when the program does not end."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s; stdout: {self.text()[-2000:]}; "
                                 f"stderr: {self.error_text()[-2000:]}") from None
        self._close()
        return status

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._close()

    def _close(self):
        for thread, stream in zip(self.threads, (self.process.stdout, self.process.stderr)):
            thread.join(5)
            if not thread.is_alive():
                stream.close()


class Host:
    """A running viaductd with a socket of its own."""

    def __init__(self, driver=None, config=None, environment=None, arguments=(), build=BUILD):
        self.build = build
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-test-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "viaduct.sock"
        self.url = f"unix://{self.socket}"
        self.driver = driver or DRIVER
        self.config = config
        self.arguments = list(arguments)
        self.environment = clean_environment()
        self.environment["VIADUCT_LOG"] = "info"
        self.environment.update(environment or {})
        self.log_path = self.folder / "viaductd.log"
        self.programs = []
        self.start()

    def start(self):
        command = [self.build / "bin/viaductd", "--listen", self.url, "--driver", self.driver, *self.arguments]
        if self.config is not None:
            path = self.folder / "viaductd.toml"
            path.write_text(self.config)
            command += ["--config", path]
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen([str(part) for part in command], env=self.environment,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pid = self.daemon.pid
        if not wait_until(self.accepts, 20):
            raise AssertionError(f"viaductd does not listen after 20 s; its log: {self.log()[-3000:]}")

    def accepts(self):
        if self.daemon.poll() is not None:
            return False
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
            return True
        except OSError:
            return False

    def stop(self, keep_folder=False):
        for program in self.programs:
            program.kill()
        below = descendants(self.pid)
        if self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        left = wait_until(lambda: not any(alive(pid) for pid in below), 5)
        if not keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not left:
            raise AssertionError(f"processes survive viaductd: {[pid for pid in below if alive(pid)]}")

    def restart(self):
        """Ends the daemon and starts another at the same place."""
        self.daemon.terminate()
        self.daemon.wait(20)
        self.start()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def guest_environment(self, tenant=None, build=BUILD):
        environment = clean_environment()
        environment["VK_ICD_FILENAMES"] = environment["VK_DRIVER_FILES"] = str(build / "share/vulkan/icd.d/viaduct_icd.json")
        environment["VIADUCT_URL"] = self.url if tenant is None else f"unix://{self.socket}.d/{tenant}.sock"
        return environment

    def guest(self, *command, tenant=None, extra=None):
        """Starts a program on the guest driver."""
        environment = self.guest_environment(tenant)
        environment.update(extra or {})
        program = Program(command, environment)
        self.programs.append(program)
        return program

    def workers(self):
        """The processes below the daemon that are named viaduct-worker."""
        found = []
        for pid in descendants(self.pid):
            try:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "viaduct-worker":
                    found.append(pid)
            except OSError:
                continue
        return found

    def worker_of(self, guest, seconds=10):
        """The worker that maps the region of this guest."""
        def find():
            regions = mapped_memfds(guest.pid)
            return next((pid for pid in self.workers() if regions and mapped_memfds(pid) & regions), None)
        pid = wait_until(find, seconds)
        if not pid:
            raise AssertionError(f"no worker shares memory with process {guest.pid}: workers {self.workers()}")
        return pid

    def ctl(self, *arguments, seconds=60):
        """What `viaductctl` of these arguments ended with, asked of this service."""
        environment = clean_environment()
        environment["VIADUCT_URL"] = self.url
        return subprocess.run([str(BUILD / "bin/viaductctl"), *map(str, arguments)], env=environment, capture_output=True,
                              text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False)

    def status(self, *arguments):
        out = self.ctl("status", *arguments, seconds=20)
        return out.stdout + out.stderr

    def sessions(self, tenant=None):
        """Those of a tenant, or of all, as `viaductctl status --json` has them."""
        tenants = json.loads(self.status("--json"))["tenants"]
        return [session for each in tenants if tenant in (None, each["name"]) for session in each["sessions"]]

    def wait_log(self, pattern, seconds=5):
        found = wait_until(lambda: re.search(pattern, self.log()), seconds, 0.02)
        if not found:
            raise AssertionError(f"no log line matches {pattern!r}; the log: {self.log()[-3000:]}")
        return found
