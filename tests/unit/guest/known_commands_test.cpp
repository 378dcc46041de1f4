// What the driver may offer when the host lacks commands, or encodes them in another way.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/session/known_commands.hpp"

namespace viaduct::guest {
namespace {

using protocol::Command;
using protocol::PeerForm;

std::uint32_t name_hash(Command command) {
  return protocol::kCommandInfo[static_cast<std::size_t>(command)].name_hash;
}

std::vector<protocol::Known> hosts() {
  std::vector<protocol::Known> commands;
  for (const protocol::CommandInfo& info : protocol::kCommandInfo) {
    if ((info.flags & protocol::kCommandNoWire) == 0) commands.push_back({info.name_hash, info.form_hash});
  }
  return commands;
}

// The host's list with one command of another form.
KnownCommands differing(Command command) {
  auto all = hosts();
  for (auto& one : all) {
    if (one.name == name_hash(command)) ++one.form;
  }
  return KnownCommands(all);
}

// The host's list without one command.
KnownCommands lacking(Command command) {
  auto all = hosts();
  std::erase_if(all, [&](const protocol::Known& one) { return one.name == name_hash(command); });
  return KnownCommands(all);
}

bool offers(const KnownCommands& known, std::string_view extension) {
  VkExtensionProperties host{};
  extension.copy(host.extensionName, extension.size());
  host.specVersion = 1;
  const auto offered = device_extensions({&host, 1}, known);
  return std::any_of(offered.begin(), offered.end(),
                     [&](const auto& entry) { return extension == entry.extensionName; });
}

TEST(KnownCommands, AHostOfTheSameBuildKnowsEverything) {
  for (const KnownCommands& known : {KnownCommands(), KnownCommands(hosts())}) {
    EXPECT_TRUE(known.can_call(Command::vkCmdDraw));
    EXPECT_TRUE(known.can_call(Command::vkMapMemory)) << "never travels";
    EXPECT_EQ(known.missing_necessity(), nullptr);
    EXPECT_GE(known.core_version(), VK_API_VERSION_1_3);
    EXPECT_TRUE(offers(known, "VK_KHR_acceleration_structure"));
  }
}

TEST(KnownCommands, WithoutACommandOfVulkan10OrOfViaductsOwnThereIsNoSession) {
  for (const auto& without : {differing, lacking}) {
    ASSERT_NE(without(Command::vkCmdDraw).missing_necessity(), nullptr);
    EXPECT_EQ(std::string_view(without(Command::vkCmdDraw).missing_necessity()), "vkCmdDraw");
    EXPECT_EQ(std::string_view(without(Command::viaductMapMemory).missing_necessity()), "viaductMapMemory");
  }
}

TEST(KnownCommands, ACommandOfALaterVersionLowersTheVersion) {
  for (const auto& without : {differing, lacking}) {
    const KnownCommands known = without(Command::vkQueueBeginDebugUtilsLabelEXT);
    EXPECT_EQ(known.missing_necessity(), nullptr);
    EXPECT_GE(known.core_version(), VK_API_VERSION_1_3);
    const KnownCommands no_13 = without(Command::vkCmdSetCullMode);
    EXPECT_EQ(VK_API_VERSION_MINOR(no_13.core_version()), 2u);
    EXPECT_EQ(no_13.missing_necessity(), nullptr);
  }
}

TEST(KnownCommands, AnExtensionWithACommandOfAnotherFormIsNotOffered) {
  const KnownCommands known = differing(Command::vkCmdTraceRaysKHR);
  EXPECT_EQ(known.form(Command::vkCmdTraceRaysKHR), PeerForm::kOther);
  EXPECT_FALSE(known.can_call(Command::vkCmdTraceRaysKHR));
  EXPECT_FALSE(offers(known, "VK_KHR_ray_tracing_pipeline"));
  EXPECT_TRUE(offers(known, "VK_KHR_acceleration_structure"));
  // An alias stands for the command that is sent.
  EXPECT_FALSE(offers(differing(Command::vkCmdSetCullMode), "VK_EXT_extended_dynamic_state"));
}

TEST(KnownCommands, OneThatTheHostLacksIsOnlyNotCalled) {
  // What a later revision of an extension added: the rest of it works.
  const KnownCommands known = lacking(Command::vkCmdDrawIndirectCount);
  EXPECT_EQ(known.form(Command::vkCmdDrawIndirectCount), PeerForm::kUnknown);
  EXPECT_FALSE(known.can_call(Command::vkCmdDrawIndirectCountKHR)) << "it travels under its own name";
  EXPECT_TRUE(offers(known, "VK_KHR_draw_indirect_count"));
}

}  // namespace
}  // namespace viaduct::guest
