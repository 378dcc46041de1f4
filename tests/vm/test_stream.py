#!/usr/bin/env python3
"""Virtual machines that render on this host without shared memory: the guest's package, a token, TCP, and nothing else."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/network"))
from vm import Machine, package  # noqa: E402
from harness import BUILD, Host, clean_environment  # noqa: E402
from network import free_port  # noqa: E402

# QEMU's user networking: the host's 127.0.0.1 as the VM sees it.
HOST_SEEN = "10.0.2.2"

SET_UP = r"""
check 'the package installs' install_package guest
install -m 0640 -g render token /etc/viaduct/token
echo 'URL' >/etc/viaduct/url
cube() { VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest timeout 300 xvfb-run -a vkcube --c "$1" --suppress_popups; }
"""

ONE = SET_UP + r"""
only_viaduct vulkaninfo --summary 2>&1 | grep deviceName
renderers
check 'vkcube draws 100 frames' cube 100
echo 0123456789abcdef0123456789abcdef >/etc/viaduct/token
only_viaduct vulkaninfo --summary 2>&1 | grep -o 'the token is not that of any tenant'
"""

ENDLESS = SET_UP + r"""
echo DRAWING
cube 1000000
"""

HUNDRED = SET_UP + r"""
echo READY
check 'vkcube draws 100 frames' cube 100
"""


class VmHost(Host):
    """A service with tenants as `viaductctl vm add` makes them."""

    def __init__(self, *names):
        self.names = names
        self.port = free_port()
        super().__init__(config="", arguments=["--listen", f"tcp://127.0.0.1:{self.port}"])

    def start(self):
        for name in self.names:
            if not (self.folder / "tenants.d" / f"{name}.toml").exists():
                subprocess.run([str(BUILD / "bin/viaductctl"), "vm", "add", name, "--config-dir", str(self.folder)],
                               env=clean_environment(), check=True, capture_output=True, timeout=30)
        super().start()

    def machine(self, name, job):
        folder = self.folder / f"files-{name}"
        folder.mkdir()
        token = folder / "token"
        token.write_text((self.folder / "tokens" / name).read_text())
        return Machine(job.replace("URL", f"tcp://{HOST_SEEN}:{self.port}?region=none"), files=[package("guest"), token])


class Stream(unittest.TestCase):
    def host(self, *names):
        host = VmHost(*names)
        self.addCleanup(host.stop)
        return host

    def machine(self, host, name, job):
        machine = host.machine(name, job)
        self.addCleanup(machine.close)
        return machine

    def test_programs_render_in_a_vm(self):
        host = self.host("vm1")
        machine = self.machine(host, "vm1", ONE)
        machine.finish(500)
        text = machine.text()
        self.assertRegex(text, r"deviceName\s+= Viaduct \(llvmpipe")
        self.assertRegex(text, r"(?m)^GLX: zink \(Viaduct \(llvmpipe")
        self.assertRegex(text, r"(?m)^EGL: zink \(Viaduct \(llvmpipe")
        self.assertIn("CHECK ok: vkcube draws 100 frames", text)
        self.assertIn("the token is not that of any tenant", text)
        self.assertRegex(host.log(), r"tenant vm1, vkcube, pid \d+\) ended after 1\d\d frames")

    def test_the_death_of_a_vm_is_noticed_and_costs_the_other_nothing(self):
        host = self.host("vm1", "vm2")
        victim = self.machine(host, "vm1", ENDLESS)
        victim.wait_match(r"^DRAWING", 300)
        other = self.machine(host, "vm2", HUNDRED)
        host.wait_log(r"tenant vm1, vkcube, pid \d+\) started", 300)
        other.wait_match(r"^READY", 300)
        host.wait_log(r"tenant vm2, vkcube, pid \d+\) started", 300)
        victim.kill()
        host.wait_log(r"tenant vm1, vkcube, pid \d+\) ended after \d+ frames", 60)
        other.finish(300)
        self.assertIn("CHECK ok: vkcube draws 100 frames", other.text())
        host.wait_log(r"tenant vm2, vkcube, pid \d+\) ended after 1\d\d frames", 30)
        tenants = json.loads(host.status("--json"))["tenants"]
        self.assertEqual([session for tenant in tenants for session in tenant.get("sessions", [])], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
