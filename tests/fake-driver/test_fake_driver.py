#!/usr/bin/env python3
"""The recording fake driver: every command over a real ring, unchanged; any result, anywhere; a lost device."""

import collections
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/support"))
from harness import BUILD, Host  # noqa: E402
from registry_facts import RegistryFacts  # noqa: E402

DRIVER = BUILD / "tests/libviaduct_fake_driver.so"
GUEST = BUILD / "tests/fake_driver_guest"
ICD_LIBRARY = BUILD / "lib/libvulkan_viaduct.so"
SEEDS = 32
DEVICE_LOST = "-4"

# Links of chains that an application may pass and a driver never sees, beside those whose struct only an extension
# that is not offered brings.
NEVER_SEEN = {
    ("in", "VkMemoryAllocateInfo", "VkExportMemoryAllocateInfo"): "the host takes it out: this driver has no vkGetMemoryFdKHR",
}
# Commands that need a window of a real window system: tests/e2e/windows.
WINDOW_SYSTEMS = {"vkCreateXcbSurfaceKHR", "vkGetPhysicalDeviceXcbPresentationSupportKHR", "vkCreateXlibSurfaceKHR",
                  "vkGetPhysicalDeviceXlibPresentationSupportKHR", "vkCreateWaylandSurfaceKHR",
                  "vkGetPhysicalDeviceWaylandPresentationSupportKHR"}
# Called by the host for itself: injected, although no application's call reaches them.
OF_THE_HOST = {"vkCreateFence", "vkResetFences", "vkWaitForFences", "vkEnumeratePhysicalDevices",
               "vkEnumerateDeviceExtensionProperties"}
# The Vulkan loader in the worker says that no driver made an instance.
TOLD_OTHERWISE = {("vkCreateInstance", "-9")}
# Made for what follows: that fails at once.
IN_COURSE = {"vkAllocateCommandBuffers", "vkCreateFence"}
# A command buffer that could not be reset is reset again when it is begun; of the others the log tells.
NOBODY_NEEDS_TO_TELL = {"vkResetCommandBuffer", "vkMergePipelineCaches", "vkMergeValidationCachesEXT",
                        "vkReleasePerformanceConfigurationINTEL"}
WINDOW_EXTENSIONS = "6"  # VK_KHR_swapchain and its like, which are the guest's own


class FakeDriver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="viaduct-fake-")
        pathlib.Path(cls.folder.name).chmod(0o755)
        manifest = pathlib.Path(cls.folder.name) / "fake_icd.json"
        manifest.write_text(json.dumps({
            "file_format_version": "1.0.0", "ICD": {"library_path": str(DRIVER), "api_version": "1.3.239"}}))
        manifest.chmod(0o644)
        # The end of a submission comes from the queue's thread, and so from vkWaitForFences each time; whether the
        # decode thread sees it before is chance.
        cls.host = Host(driver=str(manifest), environment={"VIADUCT_PERF": "no_completion_poll"})
        cls.watching = Host(driver=str(manifest))
        cls.facts = RegistryFacts()
        cls.seen = {}  # by mode: the lines of a guest's run, by their first word

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()
        cls.watching.stop()
        cls.folder.cleanup()

    def run_guest(self, *arguments, status=0, host=None):
        # Without the memo nothing is answered from what enumeration fetched, so that every query is seen; the directed
        # tests ask what a guest does with its memory.
        extra = {} if arguments[0] == "directed" else {"VIADUCT_PERF": "no_memo"}
        host = host or self.host
        program = host.guest(GUEST, ICD_LIBRARY, *arguments, extra=extra)
        self.assertEqual(program.wait(120), status,
                         program.text()[-3000:] + program.error_text()[-2000:] + host.log()[-2000:])
        return program.text().splitlines()

    def lines_of(self, mode, *arguments):
        """The rest of each line that a run of this mode printed, by the line's first word; one run for all tests."""
        if mode not in self.seen:
            kinds = collections.defaultdict(list)
            for line in self.run_guest(mode, *arguments):
                kind, _, rest = line.partition(" ")
                kinds[kind].append(rest.split())
            self.assertIn("finished", kinds)
            self.seen[mode] = kinds
        return self.seen[mode]

    def names_of(self, mode, kind, *arguments):
        return {words[0] for words in self.lines_of(mode, *arguments)[kind]}

    def walked(self):
        return self.names_of("walk", "same", 1, SEEDS)

    def test_every_command_arrives_as_it_was_sent_and_its_answer_too(self):
        self.walked()
        for kind in ("inputs-differ", "outputs-differ", "not-seen", "no-object", "lost"):
            self.assertEqual(sorted(self.names_of("walk", kind)), [], kind)

    def test_what_chance_cannot_call_does_what_it_should(self):
        self.assertEqual(self.lines_of("directed")["failed"], [])

    def test_every_command_of_the_registry_is_checked_in_one_of_four_ways(self):
        offered = self.names_of("offered", "offered")
        parts = {"compared": self.walked(), "directed": self.names_of("directed", "directed"),
                 "window systems": self.names_of("offered", "window-system"),
                 "not offered": {n for n in self.facts.commands() if self.facts.why_absent(n)}}
        self.assertEqual(parts["window systems"], WINDOW_SYSTEMS)
        owners = collections.defaultdict(list)
        for part, names in parts.items():
            for name in names:
                owners[name].append(part)
        self.assertEqual({n: p for n, p in owners.items() if len(p) > 1}, {}, "in two parts at once")
        self.assertEqual(set(owners) ^ set(self.facts.commands()), set(), "in no part")
        # Aliases too: each name is there exactly if one of the extensions or versions that bring it is.
        for command in self.facts.commands():
            for name in self.facts.names(command):
                why = self.facts.why_absent(name)
                self.assertEqual(name in offered, why is None, f"{name}: {why}")
        print("  " + ", ".join(f"{len(names)} {part}" for part, names in parts.items()) +
              f": {len(owners)} commands")

    def test_the_extensions_of_a_guest_are_those_that_the_policy_leaves(self):
        self.assertEqual(sorted(self.names_of("offered", "device-extension")), self.facts.device_extensions())

    def test_every_struct_of_every_chain_travels(self):
        expected = self.facts.chains(self.walked() | self.names_of("directed", "compared"))
        seen = {tuple(words) for mode in ("walk", "directed") for words in self.lines_of(mode)["chain"]}
        missing = {link for link in expected - seen if link[2] not in self.facts.blocked_structs}
        blocked = len(expected - seen) - len(missing)
        self.assertEqual(missing, set(NEVER_SEEN))
        for direction in ("in", "out"):
            print(f"  {sum(1 for link in expected & seen if link[0] == direction)} links {direction}, "
                  f"{len({link[2] for link in expected & seen if link[0] == direction})} structs")
        print(f"  {blocked} only of extensions that are not offered, {len(missing)} never seen for a reason")

    def test_any_result_can_come_back_from_anywhere(self):
        results = self.lines_of("inject")["inject"]
        self.assertEqual([words for words in results if words[2] == "not-given"], [])
        # Every command that reaches a driver and has a result beside VK_SUCCESS.
        wanted = {n for n in self.walked() | self.names_of("directed", "compared") | OF_THE_HOST if self.facts.codes(n)}
        given = collections.defaultdict(int)
        for words in results:
            given[words[0]] += 1
        self.assertEqual(sorted(set(given) ^ wanted), [], "injected and not expected, or the other way")
        self.assertEqual({n: g for n, g in given.items() if g != len(self.facts.codes(n))}, {}, "not every result")
        document = (pathlib.Path(__file__).parents[2] / "docs/deferred-errors.md").read_text()
        told, later, by_object = 0, set(), set()
        for name, code, how, *rest in results:
            if how == "lists":
                # The host lists nothing where its driver lists nothing; the loader in the worker may ask again.
                everything = str(len(self.facts.device_extensions()))
                self.assertIn(rest, [["0", "0", "0"], ["0", "1", WINDOW_EXTENSIONS], ["0", "1", everything]],
                              f"{name} {code}")
                later.add(name)
                continue
            said, _, following = rest
            if said == code or (name, said) in TOLD_OTHERWISE:
                told += 1
                continue
            # Posted: success so far.
            self.assertEqual(said, "0", f"{name} {code}")
            makes = bool(self.facts.wire[name].made) and name not in IN_COURSE
            silent = makes or name in NOBODY_NEEDS_TO_TELL or not code.startswith("-")
            self.assertEqual(following, "0" if silent else DEVICE_LOST, f"{name} {code}")
            (by_object if makes else later).add(name)
        print(f"  {len(results)} results of {len(given)} commands: {told} told at once; {len(by_object)} commands let "
              f"the object tell, {len(later)} what follows")
        undocumented = sorted(name for name in later | by_object if f"`{name}`" not in document)
        self.assertEqual(undocumented, [], "not told at once, and docs/deferred-errors.md does not say who tells")

    def test_a_posted_creation_that_fails_is_told_by_the_submission_that_uses_it(self):
        lines = dict(line.split() for line in self.run_guest("deferred"))
        self.assertEqual(lines, {"before": "0", "create": "0", "use": DEVICE_LOST})

    def test_a_lost_device_is_told_by_everything_that_follows(self):
        hosts = {"vkQueueSubmit": self.host, "vkWaitForFences": self.host}
        if len(os.sched_getaffinity(0)) > 1:  # otherwise nobody watches
            hosts["vkGetFenceStatus"] = self.watching
        for command, host in hosts.items():
            with self.subTest(command):
                lines = dict(line.split() for line in self.run_guest("lose-device", command, host=host))
                self.assertEqual(lines, {"before": "0", "lost": DEVICE_LOST, "again": DEVICE_LOST, "wait": DEVICE_LOST,
                                         "submit": DEVICE_LOST})


if __name__ == "__main__":
    unittest.main(verbosity=2)
