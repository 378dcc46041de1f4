#include <gtest/gtest.h>

#include <string_view>

#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/commands.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using protocol::Command;
using protocol::ObjectType;
using test::DeviceFixture;
using test::Record;

constexpr std::uint64_t kBuffer = 7ull << 32 | static_cast<std::uint64_t>(ObjectType::kBuffer) << 24 | 9;

struct DebugNames : ::testing::Test {
  DebugNames() { fixture.device.debug_names = true; }

  VkResult name(VkObjectType type, std::uint64_t handle) {
    const VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, nullptr,
                                             type, handle, "a name"};
    return entry::vkSetDebugUtilsObjectNameEXT(fixture.device.handle(), &info);
  }
  VkResult mark(VkDebugReportObjectTypeEXT type, std::uint64_t handle) {
    const VkDebugMarkerObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_MARKER_OBJECT_NAME_INFO_EXT, nullptr,
                                              type, handle, "a name"};
    return entry::vkDebugMarkerSetObjectNameEXT(fixture.device.handle(), &info);
  }
  std::vector<Record> sent(Command command) {
    fixture.host.channel().flush();
    std::vector<Record> found;
    for (Record& record : fixture.host.records()) {
      if (record.command == static_cast<std::uint32_t>(command)) found.push_back(std::move(record));
    }
    return found;
  }
  static bool holds(const Record& record, std::uint64_t id) {
    for (std::size_t at = 8; at + 8 <= record.bytes.size(); at += 4) {
      if (record.u64(at) == id) return true;
    }
    return false;
  }

  DeviceFixture fixture;
};

TEST_F(DebugNames, AnObjectIsNamedByItsId) {
  EXPECT_EQ(name(VK_OBJECT_TYPE_BUFFER, kBuffer), VK_SUCCESS);
  EXPECT_EQ(name(VK_OBJECT_TYPE_QUEUE, reinterpret_cast<std::uint64_t>(&fixture.queue())), VK_SUCCESS);
  const auto names = sent(Command::viaductSetObjectName);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_TRUE(holds(names[0], kBuffer));
  EXPECT_TRUE(holds(names[1], fixture.queue().header.id));
  EXPECT_FALSE(holds(names[1], reinterpret_cast<std::uint64_t>(&fixture.queue())))
      << "no address leaves the guest";
}

TEST_F(DebugNames, WhatLivesInTheGuestKeepsItsNameToItself) {
  for (const VkObjectType type :
       {VK_OBJECT_TYPE_UNKNOWN, VK_OBJECT_TYPE_FENCE, VK_OBJECT_TYPE_SURFACE_KHR,
        VK_OBJECT_TYPE_SWAPCHAIN_KHR, VK_OBJECT_TYPE_DESCRIPTOR_UPDATE_TEMPLATE,
        VK_OBJECT_TYPE_PRIVATE_DATA_SLOT, VK_OBJECT_TYPE_DEBUG_UTILS_MESSENGER_EXT,
        VK_OBJECT_TYPE_DEBUG_REPORT_CALLBACK_EXT, static_cast<VkObjectType>(12345678)}) {
    EXPECT_EQ(name(type, reinterpret_cast<std::uint64_t>(this)), VK_SUCCESS) << type;
  }
  EXPECT_EQ(name(VK_OBJECT_TYPE_DEVICE, 0), VK_SUCCESS);
  EXPECT_EQ(sent(Command::viaductSetObjectName).size(), 0u);
}

TEST_F(DebugNames, MarkersNumberTypesInTheirOwnWay) {
  EXPECT_EQ(mark(VK_DEBUG_REPORT_OBJECT_TYPE_BUFFER_EXT, kBuffer), VK_SUCCESS);
  EXPECT_EQ(mark(VK_DEBUG_REPORT_OBJECT_TYPE_SWAPCHAIN_KHR_EXT, kBuffer), VK_SUCCESS);
  EXPECT_EQ(mark(VK_DEBUG_REPORT_OBJECT_TYPE_FENCE_EXT, kBuffer), VK_SUCCESS);
  const auto names = sent(Command::viaductSetObjectName);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_TRUE(holds(names[0], kBuffer));
  const std::uint64_t bytes = 42;
  const VkDebugMarkerObjectTagInfoEXT tag{VK_STRUCTURE_TYPE_DEBUG_MARKER_OBJECT_TAG_INFO_EXT,
                                          nullptr,
                                          VK_DEBUG_REPORT_OBJECT_TYPE_BUFFER_EXT,
                                          kBuffer,
                                          5,
                                          sizeof(bytes),
                                          &bytes};
  EXPECT_EQ(entry::vkDebugMarkerSetObjectTagEXT(fixture.device.handle(), &tag), VK_SUCCESS);
  const auto tags = sent(Command::viaductSetObjectTag);
  ASSERT_EQ(tags.size(), 1u);
  EXPECT_TRUE(holds(tags[0], bytes));
}

TEST_F(DebugNames, LabelsAreRecordsInOrder) {
  CommandPool pool;
  CommandBuffer commands(fixture.device, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                         1ull << 32 | static_cast<std::uint64_t>(ObjectType::kCommandBuffer) << 24 | 1);
  const VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, nullptr, "label", {}};
  entry::vkCmdBeginDebugUtilsLabelEXT(commands.handle(), &label);
  entry::vkCmdEndDebugUtilsLabelEXT(commands.handle());
  commands.writer().finish();
  entry::vkQueueBeginDebugUtilsLabelEXT(fixture.queue().handle(), &label);
  entry::vkQueueEndDebugUtilsLabelEXT(fixture.queue().handle());
  fixture.host.channel().flush();
  std::vector<std::uint32_t> order;
  for (const Record& record : fixture.host.records()) order.push_back(record.command);
  const std::vector<std::uint32_t> expected = {
      static_cast<std::uint32_t>(Command::vkCmdBeginDebugUtilsLabelEXT),
      static_cast<std::uint32_t>(Command::vkCmdEndDebugUtilsLabelEXT),
      static_cast<std::uint32_t>(Command::vkQueueBeginDebugUtilsLabelEXT),
      static_cast<std::uint32_t>(Command::vkQueueEndDebugUtilsLabelEXT)};
  EXPECT_EQ(order, expected);
}

TEST_F(DebugNames, NothingIsSentToAHostThatDoesNotWantIt) {
  fixture.device.debug_names = false;
  EXPECT_EQ(name(VK_OBJECT_TYPE_BUFFER, kBuffer), VK_SUCCESS);
  const VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, nullptr, "label", {}};
  entry::vkQueueInsertDebugUtilsLabelEXT(fixture.queue().handle(), &label);
  fixture.host.channel().flush();
  EXPECT_EQ(fixture.host.records().size(), 0u);
}

TEST(DebugMessengers, HearWhyThereIsNoInstance) {
  std::string heard;
  VkDebugUtilsMessengerCreateInfoEXT listener{};
  listener.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  listener.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  listener.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
  listener.pUserData = &heard;
  listener.pfnUserCallback = [](VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) -> VkBool32 {
    *static_cast<std::string*>(user) = data->pMessage;
    return VK_FALSE;
  };
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pNext = &listener;
  tell_creation_failed(info, "no host");
  EXPECT_EQ(heard, "no host");
}

}  // namespace
}  // namespace viaduct::guest
