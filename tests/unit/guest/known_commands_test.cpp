// What the driver may offer when the host lacks commands, or encodes them in another way.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "generated/protocol/command_forms.hpp"
#include "guest-icd/session/known_commands.hpp"

namespace viaduct::guest {
namespace {

using protocol::Command;

std::vector<protocol::CommandHashes> hosts() {
  std::vector<protocol::CommandHashes> commands;
  for (std::size_t i = 0; i < protocol::kCommandCount; ++i) {
    if ((protocol::kCommandInfo[i].flags & protocol::kCommandNoWire) == 0) {
      commands.push_back({protocol::kCommandInfo[i].name_hash, protocol::kCommandForms[i]});
    }
  }
  return commands;
}

// The host's list with one command of another form.
KnownCommands differing(Command command) {
  auto all = hosts();
  for (auto& one : all) {
    if (one.name == protocol::kCommandInfo[static_cast<std::size_t>(command)].name_hash) ++one.form;
  }
  return KnownCommands(all);
}

TEST(KnownCommands, AHostOfTheSameBuildKnowsEverything) {
  for (const KnownCommands& known : {KnownCommands(), KnownCommands(hosts())}) {
    EXPECT_TRUE(known.knows(Command::vkCmdDraw));
    EXPECT_TRUE(known.knows(Command::vkMapMemory)) << "never travels";
    EXPECT_EQ(known.missing_necessity(), nullptr);
    EXPECT_GE(known.core_version(), VK_API_VERSION_1_3);
    EXPECT_TRUE(known.allows_extension("VK_KHR_acceleration_structure"));
  }
}

TEST(KnownCommands, WithoutACommandOfVulkan10OrOfViaductsOwnThereIsNoSession) {
  ASSERT_NE(differing(Command::vkCmdDraw).missing_necessity(), nullptr);
  EXPECT_EQ(std::string_view(differing(Command::vkCmdDraw).missing_necessity()), "vkCmdDraw");
  EXPECT_EQ(std::string_view(differing(Command::viaductMapMemory).missing_necessity()), "viaductMapMemory");
}

TEST(KnownCommands, ACommandOfALaterVersionLowersTheVersion) {
  const KnownCommands known = differing(Command::vkQueueBeginDebugUtilsLabelEXT);
  EXPECT_EQ(known.missing_necessity(), nullptr);
  EXPECT_GE(known.core_version(), VK_API_VERSION_1_3);
  const KnownCommands no_13 = differing(Command::vkCmdSetCullMode);
  EXPECT_EQ(VK_API_VERSION_MINOR(no_13.core_version()), 2u);
  EXPECT_EQ(no_13.missing_necessity(), nullptr);
}

TEST(KnownCommands, AnExtensionNeedsAllOfItsCommands) {
  const KnownCommands known = differing(Command::vkCmdTraceRaysKHR);
  EXPECT_FALSE(known.allows_extension("VK_KHR_ray_tracing_pipeline"));
  EXPECT_TRUE(known.allows_extension("VK_KHR_acceleration_structure"));
  // An alias stands for the command that is sent.
  EXPECT_FALSE(differing(Command::vkCmdSetCullMode).allows_extension("VK_EXT_extended_dynamic_state"));
}

}  // namespace
}  // namespace viaduct::guest
