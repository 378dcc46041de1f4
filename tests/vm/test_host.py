#!/usr/bin/env python3
"""A machine under systemd with both packages: the service in its unit, a program on it, restart, and a purge."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vm import Machine, package  # noqa: E402

JOB = r"""
check 'the packages install' sh -c '. ./lib.sh; install_package host && install_package guest'
check 'the service runs' systemctl is-active viaductd
check 'it starts with the machine' systemctl is-enabled viaductd
check 'it listens' wait_for 60 test -S /run/viaduct/viaduct.sock
stat -c 'MODE %n %U:%G %a' /run/viaduct/viaduct.sock /run/viaduct/viaduct.sock.d
vulkaninfo --summary 2>&1 | grep deviceName
viaductctl status | grep sandbox:
renderers
systemd-analyze security viaductd --no-pager | grep 'exposure level'

pid=$(systemctl show -P MainPID viaductd)
kill -9 "$pid"
restarted() { new=$(systemctl show -P MainPID viaductd); [ "$new" != 0 ] && [ "$new" != "$pid" ] && viaductctl status; }
check 'it is started again when it is killed' wait_for 60 restarted
check 'and renders' sh -c 'vulkaninfo --summary 2>&1 | grep "Viaduct (llvmpipe"'

check 'a purge' dpkg -P viaduct-host viaduct-guest
left_behind | sed 's/^/LEFT /'
check 'nothing runs' sh -c '! pgrep viaduct'
[ -z "$(systemctl list-units --all --no-legend "viaduct*")" ] || systemctl list-units --all "viaduct*" | sed 's/^/LEFT /'
journalctl -u viaductd --no-pager -o cat | grep -E 'worker|error|warn' | head -40
"""


class Host(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(JOB, files=[package("guest"), package("host")], systemd=True)
        cls.addClassCleanup(cls.machine.close)
        cls.machine.finish(500)
        cls.text = cls.machine.text()

    def test_who_may_open_the_sockets(self):
        self.assertIn("MODE /run/viaduct/viaduct.sock root:render 660", self.text)
        self.assertIn("MODE /run/viaduct/viaduct.sock.d viaduct:viaduct 755", self.text)

    def test_the_unit_leaves_workers_their_whole_sandbox(self):
        self.assertIn("sandbox: throw-away uids, private roots, own pids, no network, seccomp", self.text)

    def test_the_units_exposure_is_low(self):
        level = self.machine.matches(r"exposure level for viaductd.service: ([0-9.]+)")
        self.assertIsNotNone(level, self.text[-3000:])
        self.assertLess(float(level[1]), 5.0)

    def test_programs_render_on_it(self):
        self.assertRegex(self.text, r"deviceName\s+= Viaduct \(llvmpipe")
        self.assertRegex(self.text, r"(?m)^GLX: zink \(Viaduct \(llvmpipe")
        self.assertRegex(self.text, r"(?m)^EGL: zink \(Viaduct \(llvmpipe")

    def test_a_purge_leaves_nothing(self):
        self.assertNotIn("LEFT ", self.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
