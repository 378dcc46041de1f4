// What the driver says on its way to the guest: filtered, bounded, and with the guest's ids.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/wire/debug_message.hpp"
#include "tests/unit/host/guest_end.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::host::testing {
namespace {

using protocol::DebugMessage;

constexpr auto kError = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
constexpr auto kInfo = VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT;
constexpr VkFlags kValidation = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;

struct DebugMessagesTest : ::testing::Test {
  DebugMessagesTest() {
    guest.enable_debug_utils();
    guest.make_device();
    listen(kError);
  }
  void listen(VkFlags severities) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductListen, kInstance, severities, severities != 0 ? kValidation : 0));
    guest.send(r);
    guest.settle();
  }
  std::vector<DebugMessage> take() {
    std::vector<std::uint64_t> buffer(15 * 1024 / 8);
    std::size_t size = buffer.size() * 8;
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductTakeMessages, kInstance, &remaining, &dropped, &size, buffer.data()), 1);
    guest.send(r);
    const std::vector<std::byte> reply = guest.reply(1);
    protocol::Reader reader(reply);
    EXPECT_TRUE(protocol::read_reply_viaductTakeMessages(reader, kInstance, &remaining, &dropped, &size,
                                                         buffer.data()));
    protocol::Reader messages({reinterpret_cast<const std::byte*>(buffer.data()), size});
    std::vector<DebugMessage> taken;
    for (DebugMessage message; protocol::read_debug_message(messages, message);) taken.push_back(message);
    EXPECT_TRUE(messages.ok());
    return taken;
  }

  static constexpr ObjectId kInstance = make_id(ObjectType::kInstance, 1ull << 32);
  GuestEnd guest;
  std::uint32_t remaining = 0;
  std::uint32_t dropped = 0;
};

TEST_F(DebugMessagesTest, ObjectsAndTextSpeakOfTheGuestsObjects) {
  const protocol::HandleSlot* slot =
      guest.session().objects().find(ObjectType::kDevice, GuestEnd::id(ObjectType::kDevice));
  ASSERT_NE(slot, nullptr);
  char text[64];
  std::snprintf(text, sizeof(text), "0x%llx and 0x%llx1", static_cast<unsigned long long>(slot->driver),
                static_cast<unsigned long long>(slot->driver));
  const std::string other = std::string(text).substr(std::string(text).find("and"));
  FakeVulkan::get().say(kError, "an id", text, VK_OBJECT_TYPE_DEVICE, slot->driver);
  FakeVulkan::get().say(kError, "an id", "of 0xabcdef", VK_OBJECT_TYPE_BUFFER, 0xabcdef);
  const std::vector<DebugMessage> taken = take();
  ASSERT_EQ(taken.size(), 2u);
  ASSERT_EQ(taken[0].objects.size(), 1u);
  EXPECT_EQ(taken[0].objects[0].id, GuestEnd::id(ObjectType::kDevice));
  char id[32];
  std::snprintf(id, sizeof(id), "0x%llx ",
                static_cast<unsigned long long>(GuestEnd::id(ObjectType::kDevice)));
  EXPECT_EQ(taken[0].text, id + other) << "and a longer number is left alone";
  EXPECT_TRUE(taken[1].objects.empty()) << "the guest has no such object";
  EXPECT_EQ(taken[1].text, "of 0x0") << "nor shall it learn an address of the host";
  EXPECT_TRUE(take().empty());
}

TEST_F(DebugMessagesTest, WhatIsNotWantedAndWhatTheLoaderSaysStaysHere) {
  FakeVulkan::get().say(kInfo, "an id", "not wanted");
  FakeVulkan::get().say(kError, "Loader Message", "/usr/lib/a-file-of-the-host");
  EXPECT_TRUE(take().empty());
  listen(kError | kInfo);
  EXPECT_EQ(FakeVulkan::get().messengers, 2) << "one more, for the severity that is new";
  FakeVulkan::get().say(kInfo, "an id", "wanted now");
  EXPECT_EQ(take().size(), 1u);
  listen(0);
  FakeVulkan::get().say(kError, "an id", "no more");
  listen(kError);
  EXPECT_TRUE(take().empty());
}

TEST_F(DebugMessagesTest, TheQueueIsBoundedAndTellsWhatItDropped) {
  const std::string text(100'000, 'x');
  for (int i = 0; i < 1000; ++i) FakeVulkan::get().say(kError, "an id", text.c_str());
  std::uint32_t count = 0;
  std::uint32_t lost = 0;
  do {
    for (const DebugMessage& message : take()) {
      EXPECT_EQ(message.text.size(), DebugMessage::kMaxText);
      ++count;
    }
    lost += dropped;
  } while (remaining != 0);
  EXPECT_EQ(count + lost, 1000u);
  EXPECT_LE(count * DebugMessage::kMaxText, DebugMessages::kMaxBytes);
  EXPECT_GT(count, 100u);
  FakeVulkan::get().say(kError, "an id", "there is room again");
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(dropped, 0u);
}

TEST_F(DebugMessagesTest, NothingIsLeftOfAnInstanceThatIsGone) {
  FakeVulkan::get().say(kError, "an id", "before its end");
  Records r;
  r.add(VIADUCT_TEST_CALL(vkDestroyInstance, guest.instance(), nullptr));
  guest.send(r);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().messengers, 0);
  EXPECT_EQ(take().size(), 1u) << "its last words can still be taken";
  listen(0);
  EXPECT_EQ(guest.session().messages().find(kInstance), nullptr);
  EXPECT_FALSE(guest.ended());
}

}  // namespace
}  // namespace viaduct::host::testing
