#!/usr/bin/env python3
"""A machine under systemd with both packages: the service in its unit, a program on it, vsock, restart, and a purge.

Its guests over vsock are in the same machine (vsock_loopback, where everybody's CID is 1): few hosts have /dev/vhost-vsock.
"""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vm import Machine, package  # noqa: E402
from harness import BUILD  # noqa: E402

PIXELS, VICTIM = BUILD / "tests/pixels", BUILD / "tests/victim"
CASES = ["draw", "mapped_vertices"]

VSOCK = r"""
listen() { sed -i 's|^listen = \[|&"vsock://any:7707", |' /etc/viaduct/viaductd.toml; }
restart() { systemctl restart viaductd && wait_for 60 test -S /run/viaduct/viaduct.sock; }
by_vsock() { VIADUCT_LOG=info VIADUCT_URL=vsock://1:7707 only_viaduct "$@"; }
by_vsock vulkaninfo --summary 2>&1 | sed -n 's/^/NO-VSOCK /; /no renderer host/p'
check 'vsock on the loopback' sh -c 'modprobe vsock_loopback'
listen
check 'the service listens on vsock' restart
by_vsock vulkaninfo --summary 2>&1 | sed -n 's/^/STRANGER /; /no tenant/p'
# viaductctl gives no VM this CID.
viaductctl vm add looped --cid 1 2>&1 | sed 's/^/CID-1 /'
printf '[tenants.looped]\ncid = 1\n' >/etc/viaduct/tenants.d/looped.toml
check 'the service takes the tenant up' restart
by_vsock vulkaninfo --summary 2>&1 | sed -n 's/^/VSOCK /; /deviceName/p'
VIADUCT_URL=vsock://1:7707 viaduct-doctor --timeout 300 2>&1 | sed 's/^/DOCTOR /'
native=$(echo /usr/share/vulkan/icd.d/lvp_icd*.json)
for case in CASES; do
  VK_DRIVER_FILES=$native VK_ICD_FILENAMES=$native ./pixels --case $case | sed 's/^/NATIVE /'
  by_vsock ./pixels --case $case 2>/run/errors | sed 's/^/BY-VSOCK /'
done
by_vsock ./victim frames 1000000000 >/run/frames 2>&1 &
served() { grep -q frame /run/frames && viaductctl status | grep -q '^looped .* victim '; }
check 'status shows the program by its tenant' wait_for 60 served
restart
wait_for 60 grep result /run/frames
sed -n 's/^/VSOCK-LOST /; /result/p' /run/frames
check 'a program finds the next service' by_vsock ./victim frames 50
check '64 MiB go there and back' by_vsock ./victim uploads 1
"""

JOB = r"""
check 'the packages install' sh -c '. ./lib.sh; install_package host && install_package guest'
check 'the service runs' systemctl is-active viaductd
echo "STATUS $(systemctl show -P StatusText viaductd)"
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
check 'it says so' wait_for 60 systemctl is-active viaductd
echo "STATUS $(systemctl show -P StatusText viaductd)"
override=/run/systemd/system/viaductd.service.d
mkdir -p $override
printf '[Service]\nWatchdogSec=20\n' >$override/test.conf
check 'it starts with a shorter watchdog' sh -c 'systemctl daemon-reload && systemctl restart viaductd'
pid=$(systemctl show -P MainPID viaductd)
sleep 25
echo "STARTS $(systemctl show -P NRestarts viaductd)"
kill -STOP "$pid"
check 'it is started again when it hangs' wait_for 90 restarted
echo "HUNG $(journalctl -u viaductd --no-pager -o cat | grep -c 'Watchdog timeout')"
rm -r $override
systemctl daemon-reload
check 'and renders' sh -c 'vulkaninfo --summary 2>&1 | grep "Viaduct (llvmpipe"'
VSOCK
echo "JOURNAL $(journalctl -p info VIADUCT_COMPONENT=session VIADUCT_TENANT=looped --no-pager -o cat | grep -c ' started; worker ')"
check 'a purge' dpkg -P viaduct-host viaduct-guest
left_behind | sed 's/^/LEFT /'
check 'nothing runs' sh -c '! pgrep viaduct'
[ -z "$(systemctl list-units --all --no-legend "viaduct*")" ] || systemctl list-units --all "viaduct*" | sed 's/^/LEFT /'
journalctl -u viaductd --no-pager -o cat | grep -E 'worker|error|warn' | head -40
"""


class Host(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        job = JOB.replace("VSOCK\n", VSOCK.replace("CASES", " ".join(CASES)), 1)
        cls.machine = Machine(job, files=[package("guest"), package("host"), PIXELS, VICTIM], systemd=True)
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

    def test_systemd_is_told_that_it_serves_and_that_it_lives(self):
        self.assertEqual(re.findall(r"(?m)^STATUS (.*?)\r?$", self.text), ["workers start"] * 2)
        # Longer than its watchdog's time without being started again, and then for that reason.
        self.assertRegex(self.text, r"(?m)^STARTS 0\r?$")
        self.assertRegex(self.text, r"(?m)^HUNG 1\r?$")

    def test_the_journal_knows_whose_a_line_is(self):
        self.assertRegex(self.text, r"(?m)^JOURNAL [1-9][0-9]*\r?$")

    def test_programs_render_on_it(self):
        self.assertRegex(self.text, r"deviceName\s+= Viaduct \(llvmpipe")
        self.assertRegex(self.text, r"(?m)^GLX: zink \(Viaduct \(llvmpipe")
        self.assertRegex(self.text, r"(?m)^EGL: zink \(Viaduct \(llvmpipe")

    def test_by_vsock_the_cid_is_the_tenant(self):
        self.assertRegex(self.text, r"(?m)^VSOCK \s*deviceName\s+= Viaduct \(llvmpipe")
        self.assertIn("VSOCK-LOST result -4", self.text)

    def test_by_vsock_the_doctor_finds_nothing_wrong(self):
        self.assertRegex(self.text, r"(?m)^DOCTOR ok +place +vsock://1:7707")
        self.assertRegex(self.text, r"(?m)^DOCTOR ok +host +vsock://1:7707.* knows this machine")
        self.assertRegex(self.text, r"(?m)^DOCTOR ok +transport +.*stream only")
        self.assertNotRegex(self.text, r"(?m)^DOCTOR WRONG ")

    def test_a_cid_without_a_tenant_is_told_so(self):
        self.assertRegex(self.text, r"(?m)^STRANGER .*no tenant of this host has the vsock CID 1: set cid = 1 for one")

    def test_a_machine_without_vsock_is_told_so(self):
        self.assertRegex(self.text, r"(?m)^NO-VSOCK .*no renderer host: tried vsock://1:7707")
        self.assertRegex(self.text, r"(?m)^CID-1 .*CIDs of VMs are from 3")

    def test_by_vsock_pictures_are_those_of_the_machines_own_driver(self):
        natively, forwarded = (re.findall(rf"(?m)^{how} (OK .*)$", self.text) for how in ("NATIVE", "BY-VSOCK"))
        self.assertEqual(len(natively), len(CASES), self.text[-3000:])
        self.assertEqual(natively, forwarded)

    def test_a_purge_leaves_nothing(self):
        self.assertNotIn("LEFT ", self.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
