"""A viaductd on this machine whose guests are virtual machines, and the ways in which they reach it.

A way is a Transport. What is the same for all of them, in the tests: the guest's package, a token, the host's 127.0.0.1 by
QEMU's user networking for the control stream. What differs: what the VM is given besides, as `viaductctl vm add` prints it.
"""

import dataclasses
import os
import pathlib
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/network"))
from vm import Machine, package  # noqa: E402
from harness import BUILD, Host, alive, clean_environment, wait_until  # noqa: E402
from network import free_port  # noqa: E402

# QEMU's user networking: the host's 127.0.0.1 as the VM sees it.
HOST_SEEN = "10.0.2.2"


@dataclasses.dataclass(frozen=True)
class Transport:
    region: str  # the URL's ?region=: nothing else will do
    vm_add: tuple = ()  # further arguments of `viaductctl vm add`
    carrier: str = ""  # what viaduct-doctor says of it
    excepted: str = ""  # the pixel case that this way does not promise; see EXCEPTED in test_pixels.py


TRANSPORTS = {
    "stream": Transport(region="none", carrier="stream only", excepted="coherent_polling"),
    # Two programs at once, of which the second to start gets a quarter of it and needs 128 MiB of that.
    "ivshmem": Transport(region="ivshmem", vm_add=("--memory", "1G"),
                         carrier="a slice of this machine's memory device, (not )?cached, host woken by the stream"),
    "doorbell": Transport(region="ivshmem", vm_add=("--memory", "1G", "--doorbell"),
                          carrier="a slice of this machine's memory device, (not )?cached, host woken by its doorbell"),
}

# What a job begins with.
SET_UP = r"""
check 'the package installs' install_package guest
install -m 0640 -g render token /etc/viaduct/token
echo 'URL' >/etc/viaduct/url
cube() { VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest timeout 600 xvfb-run -a vkcube --c "$1" --suppress_popups; }
"""


def ctl(*arguments):
    return subprocess.run([str(BUILD / "bin/viaductctl"), *arguments], env=clean_environment(), check=True,
                          capture_output=True, text=True, timeout=30).stdout


def ids(sessions):
    return {session["session"] for session in sessions}


class VmHost(Host):
    """A service with tenants as `viaductctl vm add` makes them. Their names are this process's own: a VM's memory has a
    name that the whole machine sees."""

    def __init__(self, transport, count):
        self.transport = transport
        self.tenants = [f"vm{number}-{os.getpid()}" for number in range(1, count + 1)]
        self.port = free_port()
        super().__init__(config="", arguments=["--listen", f"tcp://127.0.0.1:{self.port}"])

    def start(self):
        for name in self.tenants:
            if not (self.folder / "tenants.d" / f"{name}.toml").exists():
                ctl("vm", "add", name, *self.transport.vm_add, "--config-dir", str(self.folder))
        super().start()

    def stop(self, keep_folder=False):
        try:
            super().stop(keep_folder)
        finally:
            # A VM's memory outlives the service, which finds it again.
            for name in self.tenants:
                pathlib.Path("/dev/shm", f"viaduct-{name}").unlink(missing_ok=True)

    def devices(self, tenant):
        """What `viaductctl` says is to be added to the VM's command line; without vsock, where this machine has none."""
        said = ctl("vm", "show", tenant, "--print", "qemu", "--config-dir", str(self.folder))
        lines = [line.strip() for line in said.splitlines() if line.strip().startswith("-")]
        # The service of a test listens elsewhere.
        lines = [line.replace("/run/viaduct/viaduct.sock", str(self.socket)) for line in lines]
        if not os.path.exists("/dev/vhost-vsock"):
            lines = [line for line in lines if "vhost-vsock" not in line]
        return [word for line in lines for word in shlex.split(line)]

    def machine(self, tenant, job, files=()):
        """Boots the tenant's VM; in its job, URL stands for the service's."""
        folder = self.folder / f"files-{tenant}"
        folder.mkdir()
        token = folder / "token"
        token.write_text((self.folder / "tokens" / tenant).read_text())
        url = f"tcp://{HOST_SEEN}:{self.port}?region={self.transport.region}"
        return Machine(job.replace("URL", url), files=[package("guest"), token, *files], arguments=self.devices(tenant))

    def wait_sessions(self, tenant, programs, seconds, frames=0):
        """Until exactly these programs of a VM are being served, and those that present have presented so many frames."""
        def there():
            found = [each for each in self.sessions(tenant) if each["state"] == "running"]
            far = all(each["frames"] >= frames for each in found if each["program"] == "vkcube")
            return found if far and sorted(each["program"] for each in found) == sorted(programs) else None
        found = wait_until(there, seconds, 0.2)
        if not found:
            raise AssertionError(f"not served: {programs} of {tenant}; {self.status()}; the log: {self.log()[-3000:]}")
        return found

    def wait_gone(self, sessions, tenant, seconds):
        """Until nothing is left of these sessions of a VM, workers included; it may have begun others since."""
        workers = {each["worker_pid"] for each in sessions}

        def left():
            return [each for each in self.sessions(tenant) if each["worker_pid"] in workers]
        if not wait_until(lambda: not left() and not any(map(alive, workers)), seconds, 0.1):
            raise AssertionError(f"left: {left()}, workers {[pid for pid in workers if alive(pid)]}; "
                                 f"the log: {self.log()[-3000:]}")
