#!/usr/bin/env python3
"""viaductd --validate: Viaduct uses the host's driver as the specification wants it, and a program's own mistakes are
told on the host.

usage: test_validate.py --driver ICD.json

Programs run natively under the validation layer and forwarded with the layer in the worker. Forwarded there must be no
message that native does not have: it would be Viaduct's own mistake. (What native has, the programs' own mistakes and
the layer's, may come.) Objects that a well-behaved program has destroyed are destroyed on the host, or the layer would
say so at the device's end.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "wsi"))
import harness  # noqa: E402
from test_wsi import XServer  # noqa: E402

TESTS = harness.BUILD / "tests"
LAYER = {"VK_INSTANCE_LAYERS": "VK_LAYER_KHRONOS_validation"}
SETTINGS = """khronos_validation.report_flags = error,warn,perf
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.log_filename = stdout
"""
WRONG_FILL = "VUID-vkCmdFillBuffer-dstBuffer-00029"
LEAK = r"VUID-vkDestroyDevice-device-(?:00378|05137)"  # the layer of Debian 12; of Debian 13
# What later layers say where memory is imported although the driver reports that it cannot be: SwiftShader's
# report is wrong, and the worker believes its own try (docs/architecture.md).
TRIED_ALL_THE_SAME = {"VUID-VkBufferCreateInfo-pNext-00920", "VUID-VkImageCreateInfo-pNext-00990",
                      "VUID-VkImportMemoryWin32HandleInfoKHR-handleType-00658"}


def messages(text):
    """How often each message id stands in a text."""
    return collections.Counter(re.findall(r"\[ ([A-Z]\S+) \]", text))


def worker_lines(log):
    return [line for line in log.splitlines() if " validation: " in line]


def without_imports(ids):
    return [each for each in ids if each not in TRIED_ALL_THE_SAME]


class Validate(unittest.TestCase):
    driver = harness.DRIVER

    def host(self, *arguments, environment=None):
        host = harness.Host(driver=self.driver, environment=environment, arguments=arguments)
        self.addCleanup(host.stop)
        return host

    def natively(self, command, extra=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # By itself the layer prints errors only; a worker's messenger asks for warnings too.
        (pathlib.Path(folder.name) / "vk_layer_settings.txt").write_text(SETTINGS)
        environment = {**harness.native_environment(self.driver), **LAYER, "VK_LAYER_SETTINGS_PATH": folder.name,
                       **(extra or {})}
        program = harness.Program(command, environment)
        self.addCleanup(program.kill)
        self.assertEqual(program.wait(100), 0, program.text()[-2000:] + program.error_text()[-2000:])
        return messages(program.text() + program.error_text())

    def forwarded(self, host, command, extra=None):
        """Runs a program and waits until its worker's last line is in the log."""
        before = len(host.log())
        program = host.guest(*command, extra=extra)
        self.assertEqual(program.wait(100), 0, program.text()[-2000:] + program.error_text()[-2000:])
        ended = harness.wait_until(lambda: re.search(rf"pid {program.pid}\) ended", host.log()), 20)
        self.assertTrue(ended, host.log()[-2000:])
        return host.log()[before:]

    def compare(self, host, command, extra=None, native=None):
        native = self.natively(command, extra) if native is None else native
        log = self.forwarded(host, command, extra)
        ours = set(messages(log)) - set(native)
        if self.driver == harness.SWIFTSHADER:
            ours -= TRIED_ALL_THE_SAME
        self.assertEqual(ours, set(), "\n".join(line for line in worker_lines(log)))

    def test_pixels(self):
        with tempfile.TemporaryDirectory() as folder:
            # With the shadow, this case is not what it is natively (tests/e2e/pixels, EXCEPTED).
            command = [TESTS / "pixels", "--all", folder, "--except", "coherent_polling"]
            native = self.natively(command)
            for mode in ("import", "shadow"):
                with self.subTest(mode=mode):
                    self.compare(self.host("--validate", environment={"VIADUCT_MEMORY": mode}), command, native=native)

    def test_real_programs_and_windows(self):
        host = self.host("--validate")
        display = XServer()
        self.addCleanup(display.close)
        programs = [["vulkaninfo"], ["vkcube", "--c", "30", "--suppress_popups"]]
        programs += [[TESTS / "wsi_window", scenario, "--platform", "xcb"] for scenario in ("resize", "two", "leave")]
        for command in programs:
            with self.subTest(command=" ".join(str(word) for word in command)):
                # wsi_window asks other drivers for less.
                lenient = ["--lenient"] if command[0] == TESTS / "wsi_window" else []
                native = self.natively(command + lenient, display.environment)
                self.compare(host, command, display.environment, native=native)
        with self.subTest("headless"):
            self.compare(host, [TESTS / "wsi_window", "two", "--platform", "headless"], native={})

    def test_a_mistake_is_told_with_session_names_and_labels_and_counted(self):
        host = self.host("--validate")
        program = host.guest(TESTS / "misuse", "--wait")
        program.wait_line("submitted")
        line = host.wait_log(rf".*\[ {WRONG_FILL} \].*").group(0)
        self.assertRegex(line, r"viaduct worker tenant=default session=\d+ .* error validation: ")
        self.assertIn("the wrong buffer", line)
        self.assertIn("filling what must not be filled", line)
        status = subprocess.run([str(harness.BUILD / "bin/viaductctl"), "status", "--json"], capture_output=True,
                                env={**harness.clean_environment(), "VIADUCT_URL": host.url}, text=True, check=True)
        session = json.loads(status.stdout)["tenants"][0]["sessions"][0]
        self.assertEqual(session["validation_messages"], len(worker_lines(host.log())))
        program.kill()

    def test_what_a_program_leaves_behind_is_told(self):
        host = self.host("--validate")
        log = self.forwarded(host, [TESTS / "misuse"])
        told = without_imports(messages(log))
        self.assertEqual(len(told), 2, log)
        self.assertEqual(told[0], WRONG_FILL)
        self.assertRegex(told[1], LEAK)
        for line in worker_lines(log):
            if without_imports(messages(line)):
                self.assertIn("the wrong buffer", line)

    def test_the_programs_messenger_hears_of_its_mistakes(self):
        host = self.host("--validate")
        program = host.guest(TESTS / "misuse", "--hear")
        self.assertEqual(program.wait(100), 0, program.error_text()[-2000:])
        text = program.text()
        before, after = text.split("submitted\n")
        # By the end of the wait, with the program's own handles, names and labels.
        self.assertRegex(before, rf"heard {WRONG_FILL}: .*buffer \(the wrong buffer\)")
        self.assertRegex(before, "in (now, )?filling what must not be filled")
        self.assertRegex(before, rf"(?s)reported 8: .*{WRONG_FILL}")
        self.assertRegex(after, rf"heard {LEAK}: .*buffer \(the wrong buffer\)")
        self.assertNotIn("unknown", text)
        self.assertEqual(len(without_imports(re.findall(r"heard (\S+):", text))), 2, text)

    def test_without_the_layer_a_messenger_hears_nothing_of_the_hosts_own(self):
        program = self.host().guest(TESTS / "misuse", "--hear")
        self.assertEqual(program.wait(100), 0, program.error_text()[-2000:])
        self.assertNotIn("heard", program.text())

    def test_names_and_labels_harm_nobody_without_the_layer(self):
        host = self.host()
        log = self.forwarded(host, [TESTS / "misuse"])
        self.assertEqual(worker_lines(log), [])
        self.assertIn("the guest is gone", log)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Validate.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
