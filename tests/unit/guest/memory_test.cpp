#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/commands.hpp"
#include "protocol/wire/record.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;
using test::Record;

constexpr std::uint32_t kDeviceOnly = 0, kCoherent = 1, kNonCoherent = 2, kShadowed = 3;

// Calls succeed: VK_SUCCESS, and for an allocation the name that its record gave.
std::vector<std::byte> succeed(const Record& record) {
  std::vector<std::byte> reply(16);
  if (record.command == static_cast<std::uint32_t>(protocol::Command::viaductAllocateArenaMemory)) {
    // Behind the device, VkMemoryAllocateInfo without a chain, and the span.
    std::memcpy(reply.data() + 4, record.bytes.data() + protocol::kCallHeaderSize + 8 + 20 + 16, 8);
  }
  return reply;
}

struct Memory : ::testing::Test {
  DeviceFixture fixture{succeed};
  VkDevice device = fixture.device.handle();

  Memory() {
    PhysicalDevice& physical = fixture.physical;
    physical.memory.memoryTypeCount = 4;
    physical.memory.memoryTypes[kDeviceOnly] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    physical.memory.memoryTypes[kCoherent] = {
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, 1};
    physical.memory.memoryTypes[kNonCoherent] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 1};
    physical.memory.memoryTypes[kShadowed] = physical.memory.memoryTypes[kCoherent];
    physical.memory.memoryHeapCount = 2;
    physical.memory.memoryHeaps[0].size = physical.memory.memoryHeaps[1].size = 4u << 20;
    physical.arena_type_bits = 1u << kCoherent | 1u << kNonCoherent | 1u << kShadowed;
    physical.shadowed_type_bits = 1u << kShadowed;
  }
  VkResult allocate(VkDeviceSize size, std::uint32_t type, VkDeviceMemory& memory) {
    const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, size, type};
    return entry::vkAllocateMemory(device, &info, nullptr, &memory);
  }
  std::size_t sent(protocol::Command command) {
    fixture.host.channel().flush();
    const auto records = fixture.host.records();
    return static_cast<std::size_t>(std::count_if(records.begin(), records.end(), [&](const Record& record) {
      return record.command == static_cast<std::uint32_t>(command);
    }));
  }
};

TEST_F(Memory, HostVisibleMemoryIsMappedWithoutTheHost) {
  fixture.host.hold(true);  // a round trip would hang
  VkDeviceMemory memory = VK_NULL_HANDLE;
  ASSERT_EQ(allocate(10'000, kCoherent, memory), VK_SUCCESS);
  void* whole = nullptr;
  void* part = nullptr;
  ASSERT_EQ(entry::vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &whole), VK_SUCCESS);
  ASSERT_EQ(entry::vkMapMemory(device, memory, 512, 16, 0, &part), VK_SUCCESS);
  EXPECT_EQ(static_cast<std::byte*>(part) - static_cast<std::byte*>(whole), 512);
  const auto region = fixture.host.session().region();
  const auto offset = static_cast<std::uint64_t>(static_cast<std::byte*>(whole) - region.base());
  EXPECT_TRUE(region.arena_contains(offset, 10'000));
  EXPECT_EQ(offset % 4096, 0u);
  std::fill_n(static_cast<std::byte*>(whole), 10'000, std::byte{7});
  entry::vkFreeMemory(device, memory, nullptr);
  fixture.host.hold(false);
  EXPECT_EQ(sent(protocol::Command::viaductAllocateArenaMemory), 1u);
  EXPECT_EQ(sent(protocol::Command::vkFreeMemory), 1u);
}

// Per allocation: a device whose imports work has shadowed memory too, for resources that cannot be imported.
TEST_F(Memory, TheHostIsToldOfMappingsOfShadowedMemoryOnly) {
  VkDeviceMemory shadowed = VK_NULL_HANDLE, imported = VK_NULL_HANDLE;
  ASSERT_EQ(allocate(4096, kShadowed, shadowed), VK_SUCCESS);
  ASSERT_EQ(allocate(4096, kCoherent, imported), VK_SUCCESS);
  void* mapped = nullptr;
  ASSERT_EQ(entry::vkMapMemory(device, imported, 0, VK_WHOLE_SIZE, 0, &mapped), VK_SUCCESS);
  entry::vkUnmapMemory(device, imported);
  EXPECT_EQ(sent(protocol::Command::viaductMapMemory), 0u);
  ASSERT_EQ(entry::vkMapMemory(device, shadowed, 0, VK_WHOLE_SIZE, 0, &mapped), VK_SUCCESS);
  EXPECT_EQ(sent(protocol::Command::viaductMapMemory), 1u);
  entry::vkUnmapMemory(device, shadowed);
  EXPECT_EQ(sent(protocol::Command::viaductMapMemory), 2u);
  entry::vkFreeMemory(device, shadowed, nullptr);
  entry::vkFreeMemory(device, imported, nullptr);
}

TEST_F(Memory, AFullArenaFailsTheAllocationAndComesBackWithAFree) {
  std::vector<VkDeviceMemory> all;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkResult result = VK_SUCCESS;
  while ((result = allocate(64 << 10, kCoherent, memory)) == VK_SUCCESS) all.push_back(memory);
  EXPECT_EQ(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_GE(all.size(), 48u);  // 4 MiB less the transport's reserve
  EXPECT_FALSE(fixture.host.channel().lost());
  entry::vkFreeMemory(device, all.back(), nullptr);
  EXPECT_EQ(allocate(64 << 10, kCoherent, all.back()), VK_SUCCESS);
  EXPECT_EQ(allocate(UINT64_MAX, kCoherent, memory), VK_ERROR_OUT_OF_DEVICE_MEMORY);
  for (VkDeviceMemory each : all) entry::vkFreeMemory(device, each, nullptr);
}

TEST_F(Memory, OnlyNonCoherentRangesAreToldToTheHost) {
  VkDeviceMemory coherent = VK_NULL_HANDLE, other = VK_NULL_HANDLE;
  ASSERT_EQ(allocate(4096, kCoherent, coherent), VK_SUCCESS);
  ASSERT_EQ(allocate(4096, kNonCoherent, other), VK_SUCCESS);
  VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, coherent, 0, VK_WHOLE_SIZE};
  EXPECT_EQ(entry::vkFlushMappedMemoryRanges(device, 1, &range), VK_SUCCESS);
  EXPECT_EQ(sent(protocol::Command::vkFlushMappedMemoryRanges), 0u);
  range.memory = other;
  EXPECT_EQ(entry::vkFlushMappedMemoryRanges(device, 1, &range), VK_SUCCESS);
  EXPECT_EQ(sent(protocol::Command::vkFlushMappedMemoryRanges), 1u);
  entry::vkFreeMemory(device, coherent, nullptr);
  entry::vkFreeMemory(device, other, nullptr);
}

TEST(PrivateData, IsPerSlotAndPerObjectAndGoesWithAnObjectWhoseAddressComesAgain) {
  DeviceFixture fixture;
  VkDevice device = fixture.device.handle();
  const VkPrivateDataSlotCreateInfo info{VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO, nullptr, 0};
  VkPrivateDataSlot first = VK_NULL_HANDLE, second = VK_NULL_HANDLE;
  ASSERT_EQ(entry::vkCreatePrivateDataSlot(device, &info, nullptr, &first), VK_SUCCESS);
  ASSERT_EQ(entry::vkCreatePrivateDataSlot(device, &info, nullptr, &second), VK_SUCCESS);
  const auto get = [&](VkPrivateDataSlot slot, VkObjectType type, std::uint64_t handle) {
    std::uint64_t data = 99;
    entry::vkGetPrivateData(device, type, handle, slot, &data);
    return data;
  };
  const VkFenceCreateInfo fence_info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
  VkFence fence = VK_NULL_HANDLE;
  ASSERT_EQ(entry::vkCreateFence(device, &fence_info, nullptr, &fence), VK_SUCCESS);
  const auto fence_handle = reinterpret_cast<std::uint64_t>(fence);
  const auto device_handle = reinterpret_cast<std::uint64_t>(device);
  ASSERT_EQ(entry::vkSetPrivateData(device, VK_OBJECT_TYPE_FENCE, fence_handle, first, 5), VK_SUCCESS);
  ASSERT_EQ(entry::vkSetPrivateData(device, VK_OBJECT_TYPE_DEVICE, device_handle, first, 6), VK_SUCCESS);
  EXPECT_EQ(get(first, VK_OBJECT_TYPE_FENCE, fence_handle), 5u);
  EXPECT_EQ(get(second, VK_OBJECT_TYPE_FENCE, fence_handle), 0u);
  EXPECT_EQ(get(first, VK_OBJECT_TYPE_DEVICE, device_handle), 6u);
  entry::vkDestroyFence(device, fence, nullptr);
  EXPECT_EQ(get(first, VK_OBJECT_TYPE_FENCE, fence_handle), 0u);
  entry::vkDestroyPrivateDataSlot(device, first, nullptr);
  entry::vkDestroyPrivateDataSlot(device, second, nullptr);
}

}  // namespace
}  // namespace viaduct::guest
