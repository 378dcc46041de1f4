#!/usr/bin/env python3
"""Guest and host from different Vulkan registries: both mixed pairs.

usage: test_mixed.py [--driver ICD.json]

Builds a second tree from the registry of the other Debian release (support/registry.py fetches it), the parts that run:
the guest's driver, the daemon and the worker. Then, for a guest of each tree on a host of the other: vulkaninfo, what is
offered, and pixel cases against native. Before that, without running anything: what both registries have must look the
same on the wire, but for what the policy lets differ.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "pixels"), str(HERE.parents[2] / "protocol/gen")]
sys.dont_write_bytecode = True
import harness  # noqa: E402
import registry  # noqa: E402
import test_pixels  # noqa: E402

ROOT = HERE.parents[2]
SCRATCH = harness.BUILD.parent / "mixed"
CASES = re.compile("triangle|compute|mip|stencil|push|descriptor|indirect|query|timeline|mapping|copy|blit|msaa|subpass")

# Provisional extensions: what changed in them between the two registries. An extension that brings one of these is not
# offered to a guest whose host has the other form.
DIFFERENT = re.compile("StdVideoEncode|VideoEncode|vkCmdEncodeVideoKHR|VkDeviceFaultVendorBinaryHeaderVersionOneEXT|"
                       "VkPhysicalDeviceClusterCullingShaderPropertiesHUAWEI|"
                       "vkGetDeviceSubpassShadingMaxWorkgroupSizeHUAWEI")


def build_other(folder):
    """The second tree, from the other registry and otherwise as this one."""
    tree = SCRATCH / "tree"
    for command in (["cmake", "-S", ROOT, "-B", tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DVIADUCT_TESTS=OFF", f"-DVIADUCT_REGISTRY={folder}"],
                    ["ninja", "-C", tree, "-j2", "vulkan_viaduct", "viaductd", "viaduct-worker"]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]} failed: {done.stdout[-4000:]}{done.stderr[-2000:]}")
    return tree


def forms(folder):
    """Wire form by name, of commands and structs."""
    import commands  # the generator's modules
    import model
    from forms import Forms
    from layout import Layout
    from policy import Policy
    policy = Policy(ROOT / "protocol/registry/policy.toml")
    parsed = model.load(folder / "vk.xml", folder / "video.xml", ROOT / "protocol/registry/viaduct.xml", policy)
    layout = Layout(parsed, policy)
    layout.analyse()
    text = Forms(layout)
    found = {c.name: text.command(c) for c in commands.all_commands(layout)}
    for name in parsed.structs:
        if name not in policy.dropped_structs:
            found[name] = text.struct(name)
    for alias in parsed.aliases:
        if parsed.canonical(alias) in found:
            found[alias] = found[parsed.canonical(alias)]
    return found


def offered(environment):
    """Instance and device extensions, and the device's Vulkan version, as vulkaninfo sees them."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["vulkaninfo"], env={**environment, "XDG_RUNTIME_DIR": folder}, cwd=folder,
                              capture_output=True, text=True, errors="replace", timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"vulkaninfo ended with {done.returncode}: {done.stderr[-2000:]}")
    # Extensions of layers are listed deeper, or under headings of their own before the device's.
    names = set(re.findall(r"^\t(VK_\w+) +: extension revision", done.stdout, re.M))
    version = re.search(r"apiVersion += (?:\d+ \()?(\d+)\.(\d+)\.(\d+)", done.stdout)
    return names, tuple(int(part) for part in version.groups())


class WireForms(unittest.TestCase):
    def test_what_both_registries_have_looks_the_same_on_the_wire(self):
        here, there = forms(registry.HERE), forms(registry.other(SCRATCH / "registry"))
        both = here.keys() & there.keys()
        self.assertGreater(len(both), 1400)
        self.assertEqual(sorted(n for n in both if here[n] != there[n] and not DIFFERENT.search(n)), [])


class Mixed(unittest.TestCase):
    driver = harness.DRIVER

    @classmethod
    def setUpClass(cls):
        cls.other = build_other(registry.other(SCRATCH / "registry"))

    def pair(self, guest, host_build):
        host = harness.Host(driver=self.driver, build=host_build)
        try:
            environment = host.guest_environment(build=guest)
            quiet = {"VK_LOADER_LAYERS_DISABLE": "*"}
            names, version = offered({**environment, **quiet})
            native = harness.native_environment(self.driver)
            ran = 0
            for case in (c for c in test_pixels.cases() if CASES.search(c)):
                with self.subTest(case=case), tempfile.TemporaryDirectory() as folder:
                    expected = test_pixels.run(case, native, folder)
                    got = test_pixels.run(case, environment, folder)
                    self.assertEqual((got[0], got[1]), (expected[0], expected[1]), got[2] + host.log()[-2000:])
                    self.assertTrue(got[3] == expected[3], "the bytes differ")
                    ran += got[0] == 0
            self.assertGreater(ran, 10)
            return names, version
        finally:
            host.stop()

    def test_a_guest_of_this_registry_works_on_a_host_of_the_other(self):
        same, _ = self.pair(harness.BUILD, harness.BUILD)
        names, version = self.pair(harness.BUILD, self.other)
        self.assertEqual(names, same, "nothing that both know is lost")
        self.assertLessEqual(version[1], 4)

    def test_a_guest_of_the_other_registry_works_on_a_host_of_this(self):
        same, _ = self.pair(self.other, self.other)
        names, _ = self.pair(self.other, harness.BUILD)
        # The driver may have extensions that only the newer registry knows.
        self.assertLessEqual(names, same)
        self.assertGreater(len(names), 90)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    arguments, rest = parser.parse_known_args()
    Mixed.driver = arguments.driver
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
