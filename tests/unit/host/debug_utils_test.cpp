// Names, tags and labels on the worker's side, from a guest that sends what it likes.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/host/guest_end.hpp"

namespace viaduct::host::testing {
namespace {

struct DebugUtils : ::testing::Test {
  DebugUtils() { guest.enable_debug_utils(); }
  void make_device() {
    guest.make_device();
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = 4096;
    VkBuffer made = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, 5);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreateBuffer, guest.device(), &info, nullptr, &made));
    guest.send(r);
  }
  void name(VkObjectType type, ObjectId object, const std::string& text) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductSetObjectName, guest.device(), type, object, text.c_str()));
    guest.send(r);
    guest.settle();
  }

  GuestEnd guest;
  const ObjectId buffer = GuestEnd::id(ObjectType::kBuffer, 5);
};

TEST_F(DebugUtils, ANameReachesTheDriverCutToALength) {
  make_device();
  name(VK_OBJECT_TYPE_BUFFER, buffer, "short");
  EXPECT_EQ(FakeVulkan::get().names, 1u);
  EXPECT_EQ(FakeVulkan::get().last_name_size, 5u);
  name(VK_OBJECT_TYPE_DEVICE, GuestEnd::id(ObjectType::kDevice), std::string(100'000, 'x'));
  EXPECT_EQ(FakeVulkan::get().names, 2u);
  EXPECT_EQ(FakeVulkan::get().last_name_size, 1024u);
  EXPECT_FALSE(guest.ended());
}

TEST_F(DebugUtils, WhatIsNoObjectOfThatTypeIsSkipped) {
  make_device();
  name(VK_OBJECT_TYPE_IMAGE, buffer, "another type");
  name(VK_OBJECT_TYPE_BUFFER, GuestEnd::id(ObjectType::kBuffer, 6), "never made");
  name(VK_OBJECT_TYPE_BUFFER, GuestEnd::id(ObjectType::kBuffer, 5, 2), "another generation");
  name(VK_OBJECT_TYPE_BUFFER, 0xffffffffffffffffu, "an address");
  name(VK_OBJECT_TYPE_BUFFER, 0, "nothing");
  name(VK_OBJECT_TYPE_FENCE, GuestEnd::id(ObjectType::kFence), "lives in the guest");
  name(static_cast<VkObjectType>(0x7ffffff), buffer, "no type");
  name(VK_OBJECT_TYPE_UNKNOWN, buffer, "no type either");
  EXPECT_EQ(FakeVulkan::get().names, 0u);
  EXPECT_FALSE(guest.ended());
}

TEST_F(DebugUtils, ATagBeyondTheLimitIsSkipped) {
  make_device();
  const std::vector<std::byte> tag(4097);
  for (const std::size_t size : {std::size_t{4096}, tag.size()}) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductSetObjectTag, guest.device(), VK_OBJECT_TYPE_BUFFER, buffer, 1, size,
                            tag.data()));
    guest.send(r);
  }
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().tags, 1u);
}

TEST_F(DebugUtils, LabelsOfAQueueAreBoundedAndStillMatch) {
  make_device();
  VkDebugUtilsLabelEXT label{};
  label.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
  label.pLabelName = "label";
  Records r;
  for (int i = 0; i < 200; ++i)
    r.add(VIADUCT_TEST_CALL(vkQueueBeginDebugUtilsLabelEXT, guest.queue(), &label));
  for (int i = 0; i < 300; ++i) r.add(VIADUCT_TEST_CALL(vkQueueEndDebugUtilsLabelEXT, guest.queue()));
  guest.send(r);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().most_open_labels, 64);
  EXPECT_EQ(FakeVulkan::get().open_labels, 0);
  EXPECT_FALSE(guest.ended());
}

TEST(DebugUtilsOff, NothingReachesTheDriverOfAnInstanceWithoutTheExtension) {
  GuestEnd guest;
  guest.make_device();
  VkDebugUtilsLabelEXT label{};
  label.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
  label.pLabelName = "label";
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductSetObjectName, guest.device(), VK_OBJECT_TYPE_DEVICE,
                          GuestEnd::id(ObjectType::kDevice), "name"));
  r.add(VIADUCT_TEST_CALL(vkQueueBeginDebugUtilsLabelEXT, guest.queue(), &label));
  guest.send(r);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().names, 0u);
  EXPECT_EQ(FakeVulkan::get().open_labels, 0);
  EXPECT_FALSE(guest.ended());
}

}  // namespace
}  // namespace viaduct::host::testing
