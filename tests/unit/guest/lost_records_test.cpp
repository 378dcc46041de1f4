// What a lost session records and posts where there is no memory left: nothing aborts. The test's malloc
// fails on demand.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/objects/command_writer.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace {
thread_local bool t_no_memory = false;
}

// Every malloc of this program comes here (--wrap=malloc). The C++ run-time's own do not.
extern "C" void* __real_malloc(std::size_t size);
extern "C" void* __wrap_malloc(std::size_t size) { return t_no_memory ? nullptr : __real_malloc(size); }

namespace viaduct::guest {
namespace {

using test::DeviceFixture;

struct NoMemory {
  NoMemory() { t_no_memory = true; }
  ~NoMemory() { t_no_memory = false; }
};

TEST(LostRecords, GrowOnTheHeapAndAreOneBuffer) {
  LostRecords records;
  const auto small = records.memory(16);
  ASSERT_GE(small.size(), 16u);
  const auto large = records.memory(1 << 20);
  ASSERT_GE(large.size(), std::size_t{1} << 20);
  std::memset(large.data(), 1, large.size());
  EXPECT_EQ(records.memory(64).data(), large.data());
}

TEST(LostRecords, HaveAPlaceForSmallOnesWithoutMemoryAndNoneForLargeOnes) {
  LostRecords records;
  const NoMemory none;
  const auto small = records.memory(kSinkBytes);
  ASSERT_EQ(small.size(), kSinkBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.data()) % 8, 0u);
  std::memset(small.data(), 1, small.size());
  EXPECT_EQ(records.memory(kSinkBytes + 8).data(), nullptr);
  EXPECT_EQ(records.memory(SIZE_MAX / 2).data(), nullptr);
  EXPECT_EQ(records.memory(8).data(), small.data());
}

struct Lost : ::testing::Test {
  DeviceFixture fixture;
  CommandPool pool;
  Channel& channel = fixture.host.channel();
  VkDevice device = fixture.device.handle();

  Lost() { channel.abandon(); }
};

TEST_F(Lost, APostWithoutMemoryIsRefusedBeforeItIsEncodedAndHoldsNoLock) {
  const NoMemory none;
  EXPECT_EQ(channel.begin_post(kSinkBytes + 8), nullptr);
  std::uint32_t slot = 0;
  // More often than there are reply slots: each is given back.
  for (std::uint32_t i = 0; i < 2 * transport::kReplySlots; ++i) {
    EXPECT_EQ(channel.begin_call(1 << 20, slot), nullptr);
  }
  std::byte* small = channel.begin_post(kSinkBytes);
  ASSERT_NE(small, nullptr);
  std::memset(small, 0, kSinkBytes);
  channel.end_post();
}

TEST_F(Lost, CommandsOfEverySizeAreRecordedWithoutMemory) {
  const auto commands =
      std::make_unique<CommandBuffer>(fixture.device, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 7);
  const std::vector<std::byte> data(65536);
  {
    const NoMemory none;
    const auto buffer = commands->handle();
    for (int i = 0; i < 1000; ++i) {
      entry::vkCmdDraw(buffer, 3, 1, 0, 0);
      entry::vkCmdUpdateBuffer(buffer, VkBuffer{}, 0, data.size(), data.data());
      entry::vkCmdDispatch(buffer, 1, 1, 1);
    }
  }
  // With memory again, on the heap.
  std::byte* at = commands->writer().reserve(4096);
  ASSERT_NE(at, nullptr);
  std::memset(at, 0, 4096);
}

TEST_F(Lost, ACallWithoutMemorySaysThatTheDeviceIsLost) {
  const std::vector<std::uint32_t> code(20'000);
  VkShaderModuleCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  info.codeSize = code.size() * 4;
  info.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  const NoMemory none;
  EXPECT_EQ(call_vkCreateShaderModule(channel, device, &info, nullptr, &module), VK_ERROR_DEVICE_LOST);
  post_vkCreateShaderModule(channel, device, &info, nullptr, &module);
}

}  // namespace
}  // namespace viaduct::guest
