#include "host-renderer/objects/untouched.hpp"

#include "generated/protocol/structs.hpp"
#include "protocol/wire/reader.hpp"
#include "protocol/wire/writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>

namespace viaduct::host {
namespace {

// A driver that knows subgroup and multiview properties, and answers the latter with zeros.
void answer(VkPhysicalDeviceProperties2& properties) {
  properties.properties.vendorID = 7;
  for (auto* s = static_cast<VkBaseOutStructure*>(properties.pNext); s != nullptr; s = s->pNext) {
    if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES) {
      reinterpret_cast<VkPhysicalDeviceSubgroupProperties*>(s)->subgroupSize = 4;
    } else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_PROPERTIES) {
      auto& multiview = *reinterpret_cast<VkPhysicalDeviceMultiviewProperties*>(s);
      multiview.maxMultiviewViewCount = multiview.maxMultiviewInstanceIndex = 0;
    }
  }
}

// The same chain at both ends: transform feedback, which the driver does not know, multiview, subgroup.
struct Chain {
  VkPhysicalDeviceSubgroupProperties subgroup{};
  VkPhysicalDeviceMultiviewProperties multiview{};
  VkPhysicalDeviceTransformFeedbackPropertiesEXT feedback{};
  VkPhysicalDeviceProperties2 head{};

  Chain() {
    subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    multiview.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_PROPERTIES;
    multiview.pNext = &subgroup;
    feedback.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT;
    feedback.pNext = &multiview;
    head.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    head.pNext = &feedback;
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
};

TEST(Untouched, WhatTheDriverLeftAloneIsLeftAloneInTheGuest) {
  Chain host;
  query_and_drop_untouched(host.head.pNext, [&] { answer(host.head); });
  std::array<std::byte, 4096> wire{};
  protocol::Writer writer(wire.data());
  protocol::write_out_VkPhysicalDeviceProperties2(writer, host.head);
  writer.finish();

  Chain guest;
  guest.feedback.maxTransformFeedbackStreams = 11;
  guest.multiview.maxMultiviewViewCount = 12;
  protocol::Reader reader{std::span<const std::byte>(wire)};
  protocol::fill_VkPhysicalDeviceProperties2(reader, guest.head);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(guest.feedback.maxTransformFeedbackStreams, 11u) << "not answered: the application's value stays";
  EXPECT_EQ(guest.multiview.maxMultiviewViewCount, 0u) << "answered with zeros";
  EXPECT_EQ(guest.subgroup.subgroupSize, 4u);
  EXPECT_EQ(guest.head.properties.vendorID, 7u);
}

TEST(Untouched, ADriverThatAnswersEverythingIsAskedOnce) {
  Chain host;
  host.head.pNext = &host.subgroup;
  int calls = 0;
  query_and_drop_untouched(host.head.pNext, [&] {
    ++calls;
    answer(host.head);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(host.subgroup.sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
}

}  // namespace
}  // namespace viaduct::host
