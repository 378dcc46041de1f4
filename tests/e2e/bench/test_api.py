#!/usr/bin/env python3
"""`viaduct-bench api` gives a figure for every row, or says why there is none; its files are what they should be."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from harness import BUILD, SWIFTSHADER  # noqa: E402

BENCH = BUILD / "bin" / "viaduct-bench"
MAY_BE_ZERO = {"idle_cpu_percent", "idle_wakeups"}
QUICK = "record,wait,objects"


def bench(*arguments, expect=0):
    environment = {k: v for k, v in os.environ.items() if k not in ("VIADUCT_URL", "VIADUCT_PERF", "VIADUCT_MEMORY")}
    ran = subprocess.run([BENCH, "api", "--rounds", "1", "--driver", SWIFTSHADER, *map(str, arguments)],
                         capture_output=True, text=True, timeout=400, env=environment)
    if ran.returncode != expect:
        raise AssertionError(f"{arguments}: exit status {ran.returncode}\n{ran.stdout}\n{ran.stderr}")
    return ran


class Api(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def figures(self, columns, *arguments):
        """The rows of a run, each of which has a figure in each column or a driver that lacks it."""
        file = self.folder / "api.json"
        bench("--json", file, *arguments)
        report = json.loads(file.read_text())
        self.assertEqual(list(report["columns"]), columns)
        self.assertTrue(report["rows"])
        for row in report["rows"]:
            for column in columns:
                samples = row["samples"][column]
                if row["missing"].get(column):
                    self.assertNotIn("failed", row["missing"][column], row["key"])
                else:
                    self.assertEqual(len(samples), 1, row["key"])
                    self.assertGreaterEqual(samples[0], 0, row["key"])
                    if row["key"] not in MAY_BE_ZERO:
                        self.assertGreater(samples[0], 0, row["key"])
        return {row["key"]: row for row in report["rows"]}

    def test_every_row_has_a_figure_natively_and_through_viaduct(self):
        rows = self.figures(["native", "Viaduct"], "--only", "start,record,threads,loops,wait,objects,descriptors",
                            "--only", "pipelines,memory,transfer,present,idle,growth,sharing", "--only", "tenants_2_fps")
        self.assertGreater(len(rows), 60)
        lacking = {key: row["missing"] for key, row in rows.items() if row["missing"]}
        self.assertLessEqual(set(lacking), {"set_push_ns", "threads_gain"}, f"SwiftShader has all else: {lacking}")
        self.assertIn("allocate_64k_us.shadow", rows)

    def test_the_native_column_alone_needs_no_service(self):
        self.figures(["native"], "--native", "--only", QUICK)

    def test_another_driver_has_a_column_of_its_own(self):
        self.figures(["native", "Viaduct", "peer"], "--only", "buffer_us,start", "--icd", f"peer={SWIFTSHADER}")

    def test_each_optimisation_is_measured_without_it(self):
        file = self.folder / "ablation.json"
        table = bench("--ablate", "--only", QUICK, "--json", file).stdout
        columns = json.loads(file.read_text())["columns"]
        self.assertIn("no_spin", columns)
        self.assertIn("no_post", table.splitlines()[0])

    def test_results_are_one_section_a_device_however_often_they_are_written(self):
        (self.folder / "RESULTS.md").write_text("# Results\n\nby hand\n")
        for _ in range(2):
            bench("--only", "objects", "--results", self.folder)
        text = (self.folder / "RESULTS.md").read_text()
        self.assertEqual(text.count("<!-- api-swiftshader-device -->"), 1)
        self.assertIn("by hand", text)
        self.assertIn("| create and destroy an image view |", text)
        json.loads((self.folder / "api-swiftshader-device.json").read_text())
        xml.etree.ElementTree.parse(self.folder / "api-swiftshader-device.svg")

    def test_what_it_does_not_understand_is_a_wrong_command_line(self):
        for arguments in (["--fast"], ["--rounds", "0"], ["--icd", "peer"], ["--icd", "peer=/nowhere"],
                          ["--native", "--ablate"], ["--only"]):
            self.assertIn("--rounds N", bench(*arguments, expect=2).stderr)
        self.assertIn("no row and no group 'nothing'", bench("--only", "nothing", expect=1).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
