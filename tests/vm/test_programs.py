#!/usr/bin/env python3
"""A virtual machine that renders on this host, in one boot: programs, the service's restart, pause and resume; and a reset.

usage: test_programs.py [--transport NAME]      NAME is one of vm_host.py's
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from vm_host import SET_UP, TRANSPORTS, VmHost, ids  # noqa: E402
from harness import BUILD, native_environment  # noqa: E402

PIXELS, VICTIM = BUILD / "tests/pixels", BUILD / "tests/victim"
PAUSE_S = 10

PROGRAMS = r"""
only_viaduct vulkaninfo --summary 2>&1 | grep deviceName
renderers
check 'vkcube draws 100 frames' cube 100
viaduct-doctor --timeout 300 >/run/doctor
status=$?
echo "DOCTOR status $status"
[ $status = 0 ] || cat /run/dpkg.log
sed 's/^/DOCTOR /' /run/doctor
mkdir /run/pixels
only_viaduct ./pixels --all /run/pixels --except "EXCEPTED" 2>/run/errors | sed 's/^/PIXELS /'
mv /etc/viaduct/token /run/token
echo 0123456789abcdef0123456789abcdef >/etc/viaduct/token
only_viaduct vulkaninfo --summary 2>&1 | grep -o 'the token is not that of any tenant'
mv /run/token /etc/viaduct/token
echo PROGRAMS-DONE
"""

# ended PID STATUS LOG LINE: a program that was started before ends so, having said that last.
RESTART = r"""
ended() {
  wait "$1"
  [ $? -eq "$2" ] && tail -n 1 "$3" | grep -x -- "$4" || { cat "$3"; return 1; }
}
restart() {
  for mode in 'blocked-fence' 'frames 1000000000'; do
    ./victim $mode >"/run/$1-${mode%% *}" 2>&1 &
    eval "${mode%%[- ]*}=$!"
  done
  cube 1000000000 >/run/$1-cube 2>&1 &
  cube=$!
  echo "RESTART $1"
  hear restarted
  # In this shell, whose children they are.
  ended $blocked 0 /run/$1-blocked-fence 'result -4' && echo "CHECK ok: a wait ends with the service that was $1"
  ended $frames 0 /run/$1-frames 'result -4' && echo "CHECK ok: a running program ends with the service that was $1"
  wait $cube
  cube=$?
  [ $cube -ne 124 ] && echo "CHECK ok: a program with a window ends with the service that was $1 (status $cube)"
  check "programs render after the service was $1" ./victim frames 50
}
export VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest
restart ended
restart killed
"""

PAUSE = r"""
./victim frames 1000000000 >/run/frames 2>&1 &
frames=$!
./victim uploads 1000000000 >/run/uploads 2>&1 &
uploads=$!
frames_seen() { grep -c frame /run/frames; }
further() { [ "$(frames_seen)" -gt "$before" ]; }
check 'programs run before the pause' wait_for 200 sh -c 'grep frame /run/frames && grep upload /run/uploads'
echo PAUSE
hear resumed
before=$(frames_seen)
wait_for 200 further && kill $frames && echo 'CHECK ok: small frames go on after the pause'
wait_for 200 grep done /run/uploads && kill $uploads && echo 'CHECK ok: 64 MiB that were on their way arrive after the pause'
grep -E 'wrong|result' /run/frames /run/uploads
echo PAUSE-DONE
"""

# The job of the machine that was reset: what was installed before is there.
AFTER_RESET = r"""
if [ -e /var/lib/reset ]; then
  check 'programs render after the reset' only_viaduct ./victim frames 50
  echo AFTER-RESET
  exit
fi
"""
RESET = r"""
./victim frames 1000000000 >/run/frames 2>&1 &
cube 1000000000 >/run/cube 2>&1 &
touch /var/lib/reset
sync
echo RESET
hear nothing
"""


def native_pictures(excepted):
    """What the pixel programs say where no Viaduct is: a line each, with the picture's sum."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(PIXELS), "--all", folder, "--except", excepted], env=native_environment(),
                              capture_output=True, text=True, timeout=300, check=True)
    return done.stdout.splitlines()


class Programs(unittest.TestCase):
    """One machine; the tests are in the order of its job, and each needs that the one before passed."""
    transport = "stream"

    @classmethod
    def setUpClass(cls):
        way = TRANSPORTS[cls.transport]
        cls.host = VmHost(way, 1)
        cls.addClassCleanup(cls.host.stop)
        cls.tenant = cls.host.tenants[0]
        job = AFTER_RESET + SET_UP + PROGRAMS + RESTART + PAUSE + RESET
        cls.machine = cls.host.machine(cls.tenant, job.replace("EXCEPTED", way.excepted), files=[PIXELS, VICTIM])
        cls.addClassCleanup(cls.machine.close)

    def assert_passed(self, *names):
        for name in names:
            self.assertIn(f"CHECK ok: {name}", self.machine.text())
        self.assertEqual(self.machine.failures(), [])

    def test_0_programs_render(self):
        self.machine.wait_match(r"^PROGRAMS-DONE", 400)
        text = self.machine.text()
        self.assertRegex(text, r"deviceName\s+= Viaduct \(llvmpipe")
        self.assertRegex(text, r"(?m)^GLX: zink \(Viaduct \(llvmpipe")
        self.assertRegex(text, r"(?m)^EGL: zink \(Viaduct \(llvmpipe")
        self.assert_passed("vkcube draws 100 frames")
        self.assertRegex(self.host.log(), rf"tenant {self.tenant}, vkcube, pid \d+\) ended after 1\d\d frames")

    def test_1_the_doctor_finds_nothing_wrong(self):
        text = self.machine.text()
        self.assertIn("DOCTOR status 0", text)
        self.assertRegex(text, r"(?m)^DOCTOR ok +picture +CRC-32 3cd61013, as it must be, by Viaduct \(llvmpipe")
        self.assertRegex(text, rf"(?m)^DOCTOR ok +transport +.*{TRANSPORTS[self.transport].carrier}")
        self.assertRegex(text, r"(?m)^DOCTOR ok +bandwidth +")

    def test_2_pictures_are_those_of_a_program_on_the_host(self):
        seen = re.findall(r"(?m)^PIXELS (.*)$", self.machine.text())
        self.assertEqual(seen, native_pictures(TRANSPORTS[self.transport].excepted))
        self.assertGreater(sum(line.startswith("OK ") for line in seen), 30, seen)

    def test_3_a_wrong_token_is_refused(self):
        self.assertIn("the token is not that of any tenant", self.machine.text())

    def test_4_programs_end_with_the_service_and_new_ones_find_the_next(self):
        for how in ("ended", "killed"):
            self.machine.wait_match(f"^RESTART {how}", 200)
            sessions = self.host.wait_sessions(self.tenant, ["vkcube", "victim", "victim"], 200, frames=10)
            if how == "killed":
                self.host.daemon.kill()
            self.host.restart()
            self.host.wait_gone(sessions, self.tenant, 30)
            self.machine.tell("restarted")
            self.machine.wait_match(rf"^CHECK (ok|failed): programs render after the service was {how}", 200)
            self.assert_passed(f"a wait ends with the service that was {how}",
                               f"a running program ends with the service that was {how}",
                               f"a program with a window ends with the service that was {how}",
                               f"programs render after the service was {how}")

    def test_5_programs_survive_a_pause(self):
        self.machine.wait_match(r"^PAUSE$", 250)
        before = self.host.wait_sessions(self.tenant, ["victim", "victim"], 60)
        self.machine.pause()
        time.sleep(PAUSE_S)
        self.assertEqual(ids(self.host.sessions(self.tenant)), ids(before), "the silence of a paused VM is not its death")
        self.machine.go_on()
        self.machine.tell("resumed")
        self.machine.wait_match(r"^PAUSE-DONE", 450)
        self.assert_passed("small frames go on after the pause", "64 MiB that were on their way arrive after the pause")
        self.host.wait_gone(before, self.tenant, 30)

    def test_6_a_reset_leaves_nothing_on_the_host(self):
        self.machine.wait_match(r"^RESET", 60)
        sessions = self.host.wait_sessions(self.tenant, ["vkcube", "victim"], 200, frames=10)
        self.machine.reset()
        self.machine.wait_match(r"^AFTER-RESET", 200)
        self.assertEqual(self.machine.failures(), [], self.host.log()[-3000:])
        self.machine.finish(60)
        self.assert_passed("programs render after the reset")
        self.host.wait_gone(sessions, self.tenant, 60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default=Programs.transport, choices=sorted(TRANSPORTS))
    arguments, rest = parser.parse_known_args()
    Programs.transport = arguments.transport
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2, failfast=True)
