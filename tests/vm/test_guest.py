#!/usr/bin/env python3
"""A virtual machine with the guest's package, and no host: what is set up, what programs are told, what is left."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vm import HERE, Machine, package  # noqa: E402

JOB = r"""
check 'the package installs' install_package guest
device=$(dirname "$(grep -l 0x1110 /sys/bus/pci/devices/*/device)")
for name in resource0 resource2 resource2_wc; do
  stat -c "MODE $name %U:%G %a" "$device/$name"
done
echo "ENABLED $(cat "$device/enable")"
check 'a member of render maps the shared memory' python3 map_bar.py 1000 render
check 'nobody else does' sh -c 'python3 map_bar.py 1000; [ $? -eq 13 ]'

check 'vulkaninfo has no device' sh -c '. ./lib.sh; ! only_viaduct vulkaninfo --summary 2>/run/errors'
grep 'no renderer host' /run/errors
echo 'tcp://10.0.2.2:9?region=none' >/etc/viaduct/url
only_viaduct vulkaninfo --summary 2>&1 | grep 'no renderer host'
renderers

# As Secure Boot does it.
mount -t securityfs securityfs /sys/kernel/security
echo integrity >/sys/kernel/security/lockdown
echo 'tcp://10.0.2.2:9' >/etc/viaduct/url
viaduct-doctor 2>&1 | sed 's/^/LOCKED /'

dpkg -P viaduct-guest >/run/dpkg.log 2>&1 || cat /run/dpkg.log
left_behind | sed 's/^/LEFT /'
"""


class GuestWithoutHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shared = tempfile.NamedTemporaryFile(prefix="viaduct-vm-", dir="/dev/shm")
        cls.addClassCleanup(shared.close)
        shared.truncate(16 << 20)
        cls.shared = pathlib.Path(shared.name)
        cls.machine = Machine(JOB, files=[package("guest"), HERE / "guest/map_bar.py"], arguments=[
            "-object", f"memory-backend-file,id=shared,share=on,mem-path={shared.name},size=16M",
            "-device", "ivshmem-plain,memdev=shared"])
        cls.addClassCleanup(cls.machine.close)
        cls.machine.finish(400)
        cls.text = cls.machine.text()

    def test_the_udev_rule_gives_the_shared_memory_to_render(self):
        for name in ("resource0", "resource2", "resource2_wc"):
            self.assertIn(f"MODE {name} root:render 660", self.text)
        self.assertIn("ENABLED 1", self.text)
        self.assertEqual(self.shared.read_bytes()[:8], b"viaduct\n")

    def test_vulkan_programs_are_told_where_the_driver_looked(self):
        self.assertIn("no renderer host: tried unix:///run/viaduct/viaduct.sock", self.text)
        self.assertIn("no renderer host: tried tcp://10.0.2.2:9", self.text)

    def test_a_locked_kernel_is_named_and_what_to_do(self):
        self.assertRegex(self.text, r"(?m)^LOCKED warning +memory device .*lockdown \(integrity\)")
        self.assertRegex(self.text, r"(?m)^LOCKED +> .*Secure Boot")
        self.assertRegex(self.text, r"(?m)^LOCKED WRONG +host .*tcp://10\.0\.2\.2:9")

    def test_opengl_falls_back_to_llvmpipe_and_says_so(self):
        self.assertRegex(self.text, r"(?m)^GLX: llvmpipe")
        self.assertRegex(self.text, r"(?m)^EGL: llvmpipe")
        self.assertEqual(self.text.count("OpenGL without Viaduct, by Mesa's own driver"), 2)

    def test_a_purge_leaves_nothing(self):
        self.assertNotIn("LEFT ", self.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
