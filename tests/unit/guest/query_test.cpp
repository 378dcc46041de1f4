#include <gtest/gtest.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/commands.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;
using test::Record;

constexpr std::uint64_t kResult = 0x1122334455667788;

// Not ready twice, then kResult; and with which flags it was asked. The host's thread writes that down; the
// reply that orders it before the test's look lies in two mappings, which ThreadSanitizer cannot know are
// one: hence the lock.
struct Queries : ::testing::Test {
  std::mutex mutex;
  std::vector<VkQueryResultFlags> asked_by_guest;
  std::vector<VkQueryResultFlags> asked() {
    const std::lock_guard lock(mutex);
    return asked_by_guest;
  }
  DeviceFixture fixture{[this](const Record& record) {
    if (record.command != static_cast<std::uint32_t>(protocol::Command::vkGetQueryPoolResults)) {
      return std::vector<std::byte>();
    }
    const std::lock_guard lock(mutex);
    asked_by_guest.push_back(record.u32(record.bytes.size() - 8));  // the last parameter, and padding
    const VkResult result = asked_by_guest.size() < 3 ? VK_NOT_READY : VK_SUCCESS;
    const std::uint32_t size = sizeof(kResult);
    std::vector<std::byte> reply(16);
    std::memcpy(reply.data(), &result, sizeof(result));
    std::memcpy(reply.data() + 4, &size, sizeof(size));
    std::memcpy(reply.data() + 8, &kResult, size);
    return reply;
  }};
  std::uint64_t value = 0;

  VkResult read(VkQueryResultFlags flags) {
    return entry::vkGetQueryPoolResults(fixture.device.handle(), VK_NULL_HANDLE, 0, 1, sizeof(value), &value,
                                        sizeof(value), flags);
  }
};

TEST_F(Queries, AreReadAsTheApplicationAsks) {
  EXPECT_EQ(read(VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_PARTIAL_BIT), VK_NOT_READY);
  EXPECT_EQ(read(VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT), VK_NOT_READY);  // the host's affair
  EXPECT_EQ(asked(), (std::vector<VkQueryResultFlags>{VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_PARTIAL_BIT,
                                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT}));
}

TEST_F(Queries, AreAskedForNowAndThenWhenTooManyThreadsWaitOnTheHost) {
  int waiting = 0;
  while (fixture.host.session().begin_blocking_call()) ++waiting;
  EXPECT_GT(waiting, 0);
  EXPECT_LT(waiting, static_cast<int>(transport::kReplySlots));
  EXPECT_EQ(read(VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT),
            VK_SUCCESS);
  EXPECT_EQ(value, kResult);
  EXPECT_EQ(asked(), (std::vector<VkQueryResultFlags>(3, VK_QUERY_RESULT_64_BIT)));
  while (waiting-- > 0) fixture.host.session().end_blocking_call();
}

}  // namespace
}  // namespace viaduct::guest
