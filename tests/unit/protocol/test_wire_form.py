#!/usr/bin/env python3
"""A command's wire form changes with the bytes of its records, and with nothing else."""

import copy
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
PROTOCOL = pathlib.Path(__file__).resolve().parents[3] / "protocol"
REGISTRY = pathlib.Path(os.environ.get("VIADUCT_REGISTRY", "/usr/share/vulkan/registry"))
sys.path.insert(0, str(PROTOCOL / "gen"))

import commands as command_rules  # noqa: E402
import model  # noqa: E402
from forms import Forms  # noqa: E402
from layout import Layout  # noqa: E402
from policy import Policy  # noqa: E402

POLICY = Policy(PROTOCOL / "registry/policy.toml")
LOADED = model.load(REGISTRY / "vk.xml", REGISTRY / "video.xml", PROTOCOL / "registry/viaduct.xml", POLICY)


def forms_of(change=lambda registry, policy: None):
    registry, policy = copy.deepcopy(LOADED), copy.deepcopy(POLICY)
    change(registry, policy)
    layout = Layout(registry, policy)
    layout.analyse()
    forms = Forms(layout)
    return {c.name: forms.command(c) for c in command_rules.all_commands(layout)}


class WireForm(unittest.TestCase):
    before = forms_of()

    def changed(self, change):
        after = forms_of(change)
        return {name for name in self.before if self.before[name] != after[name]}

    def test_a_new_struct_for_a_chain_changes_no_command(self):
        def change(registry, _):
            new = copy.deepcopy(registry.structs["VkExternalMemoryBufferCreateInfo"])
            new.name, new.s_type = "VkYoungerBufferCreateInfo", "VK_STRUCTURE_TYPE_YOUNGER"
            registry.structs[new.name] = new

        self.assertEqual(self.changed(change), set())

    def test_another_name_for_a_type_changes_no_command(self):
        def change(registry, _):
            registry.enums["VkYoungerSharingMode"] = 32
            registry.structs["VkBufferCreateInfo"].member("sharingMode").type = "VkYoungerSharingMode"

        self.assertEqual(self.changed(change), set())

    def test_a_member_of_another_size_changes_the_commands_that_carry_it(self):
        def change(registry, _):
            registry.structs["VkBufferCreateInfo"].member("usage").type = "uint64_t"

        changed = self.changed(change)
        self.assertIn("vkCreateBuffer", changed)
        self.assertIn("vkGetDeviceBufferMemoryRequirements", changed)
        self.assertNotIn("vkCreateImage", changed)
        self.assertNotIn("vkCmdDraw", changed)

    def test_a_rule_of_the_policy_changes_the_commands_that_it_is_about(self):
        def change(_, policy):
            del policy.fields["VkDescriptorSetLayoutBinding.pImmutableSamplers"]

        changed = self.changed(change)
        self.assertEqual(changed, {"vkCreateDescriptorSetLayout", "vkGetDescriptorSetLayoutSupport"})

    def test_a_dropped_parameter_changes_its_command(self):
        def change(_, policy):
            policy.fields["vkCmdUpdateBuffer.pData"] = {"drop": "for this test"}

        self.assertEqual(self.changed(change), {"vkCmdUpdateBuffer"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
