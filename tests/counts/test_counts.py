#!/usr/bin/env python3
"""How many instructions one step of the hot path takes stays below a limit.

usage: test_counts.py FOLDER-OF-THE-PROGRAMS

A step's count is the difference of two runs under callgrind that do it a different number of times, so set-up does not
count. Unlike times, counts are the same on a loaded machine. The limits leave room for another compiler; who makes a
step shorter lowers its limit too.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(sys.argv.pop(1))
FEW, MANY = 100, 1100

GUEST = ("hot_path_guest", "viaduct_counted")
HOST = ("hot_path_host", "viaduct::host::Executor::execute(*")
# On some processors glibc copies by one instruction that callgrind counts once a byte.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000"}


def instructions(program, function, part, count):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={function}",
             FOLDER / program, part, str(count)],
            capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
        if ran.returncode != 0:
            raise AssertionError(f"{program} {part}: exit status {ran.returncode}\n{ran.stderr}")
        total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
        return int(total[1])


class Counts(unittest.TestCase):
    def step(self, where, part, limit):
        self.assertTrue(shutil.which("valgrind"), "valgrind is missing: packaging/test-packages.txt")
        few, many = (instructions(*where, part, count) for count in (FEW, MANY))
        each = (many - few) / (MANY - FEW)
        print(f"{part}: {each:.1f} instructions, at most {limit}", flush=True)
        self.assertGreater(each, 1, "nothing was counted")
        self.assertLessEqual(each, limit)

    def test_encoding_a_draw(self):
        self.step(GUEST, "encode_draw", 33)

    def test_an_empty_submit(self):
        self.step(GUEST, "empty_submit", 970)

    def test_waiting_for_a_fence_that_is_signalled(self):
        self.step(GUEST, "signalled_wait", 125)

    def test_decoding_a_draw(self):
        self.step(HOST, "decode_draw", 105)


if __name__ == "__main__":
    unittest.main(verbosity=2)
