// Exported payloads on the worker's side, from a guest that names what it likes.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/host/guest_end.hpp"

namespace viaduct::host::testing {
namespace {

struct External : ::testing::Test {
  External() { guest.enable_device_extension(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME); }
  VkResult call(const Records& records) {
    guest.send(records);
    const std::vector<std::byte> reply = guest.reply(0);
    std::int32_t result = VK_ERROR_UNKNOWN;
    if (reply.size() >= 4) std::memcpy(&result, reply.data(), 4);
    return static_cast<VkResult>(result);
  }
  static VkDeviceMemory memory(std::uint32_t index) {
    return GuestEnd::handle<VkDeviceMemory>(ObjectType::kDeviceMemory, index);
  }
  static VkSemaphore semaphore(std::uint32_t index) {
    return GuestEnd::handle<VkSemaphore>(ObjectType::kSemaphore, index);
  }
  static VkMemoryAllocateInfo allocation(VkDeviceSize size, std::uint32_t type = 0) {
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.allocationSize = size;
    info.memoryTypeIndex = type;
    return info;
  }
  VkResult allocate(std::uint32_t index, VkDeviceSize size, bool exportable) {
    VkExportMemoryAllocateInfo exported{};
    exported.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO;
    exported.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
    VkMemoryAllocateInfo info = allocation(size);
    info.pNext = exportable ? &exported : nullptr;
    VkDeviceMemory made = memory(index);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkAllocateMemory, guest.device(), &info, nullptr, &made), 0);
    return call(r);
  }
  VkResult export_memory(std::uint32_t index, std::uint64_t payload) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductExportMemory, guest.device(), memory(index), payload), 0);
    return call(r);
  }
  VkResult import_memory(std::uint32_t index, std::uint64_t payload, VkDeviceSize size,
                         std::uint32_t type = 0) {
    const VkMemoryAllocateInfo info = allocation(size, type);
    VkDeviceMemory made = memory(index);
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductImportMemory, guest.device(), &info, payload, 0, 0, &made), 0);
    return call(r);
  }
  void free(std::uint32_t index) {
    Records r;
    r.add(VIADUCT_TEST_CALL(vkFreeMemory, guest.device(), memory(index), nullptr));
    guest.send(r);
    guest.settle();
  }
  void release(std::uint64_t payload) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductReleasePayload, payload));
    guest.send(r);
    guest.settle();
  }
  std::uint64_t used() { return guest.stats().device_memory_bytes.load(); }

  GuestEnd guest;
};

TEST_F(External, MemoryIsImportedAsItWasExportedAndNotOtherwise) {
  guest.make_device();
  ASSERT_EQ(allocate(1, 4096, true), VK_SUCCESS);
  ASSERT_EQ(allocate(2, 4096, false), VK_SUCCESS);
  EXPECT_EQ(export_memory(2, 1), VK_ERROR_TOO_MANY_OBJECTS) << "not made for it";
  EXPECT_EQ(export_memory(9, 1), VK_ERROR_UNKNOWN) << "never made";
  ASSERT_EQ(export_memory(1, 1), VK_SUCCESS);
  EXPECT_EQ(import_memory(3, 1, 8192), VK_ERROR_INVALID_EXTERNAL_HANDLE) << "larger than it is";
  EXPECT_EQ(import_memory(4, 1, 4096, 1), VK_ERROR_INVALID_EXTERNAL_HANDLE) << "of another type";
  EXPECT_EQ(import_memory(5, 2, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE) << "a number that names nothing";
  EXPECT_EQ(FakeVulkan::get().imports, 0u);
  EXPECT_EQ(import_memory(6, 1, 4096), VK_SUCCESS);
  EXPECT_EQ(FakeVulkan::get().imports, 1u);
  EXPECT_FALSE(guest.ended());
}

TEST_F(External, MemoryCountsAgainstTheLimitForAsLongAsItCanBeReached) {
  guest.make_device();
  ASSERT_EQ(allocate(1, 4096, true), VK_SUCCESS);
  ASSERT_EQ(export_memory(1, 1), VK_SUCCESS);
  free(1);
  EXPECT_EQ(used(), 4096u) << "the payload holds it";
  ASSERT_EQ(import_memory(2, 1, 4096), VK_SUCCESS);
  EXPECT_EQ(used(), 4096u) << "once";
  release(1);
  EXPECT_EQ(used(), 4096u) << "the import holds it";
  EXPECT_EQ(import_memory(3, 1, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
  free(2);
  EXPECT_EQ(used(), 0u);
}

TEST_F(External, PayloadsAreLimitedAndTheirNumbersAreNotUsedTwice) {
  guest.make_device();
  ASSERT_EQ(allocate(1, 4096, true), VK_SUCCESS);
  for (std::uint64_t number = 0; number < Payloads::kMost; ++number) {
    ASSERT_EQ(export_memory(1, number), VK_SUCCESS);
  }
  EXPECT_EQ(export_memory(1, ~0ull), VK_ERROR_TOO_MANY_OBJECTS);
  release(5);
  release(5);
  release(~0ull);
  EXPECT_EQ(export_memory(1, ~0ull), VK_SUCCESS);
  EXPECT_FALSE(guest.ended());
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductExportMemory, guest.device(), memory(1), 6), 0);
  guest.send(r);
  guest.settle();
  EXPECT_TRUE(guest.ended());
  EXPECT_NE(guest.finish().cause.find("number is in use"), std::string::npos);
}

TEST_F(External, ASemaphoresPayloadIsNoMemoryAndTheOtherWay) {
  guest.make_device();
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  VkSemaphore made = semaphore(1);
  Records create;
  create.add(VIADUCT_TEST_CALL(vkCreateSemaphore, guest.device(), &info, nullptr, &made));
  guest.send(create);
  ASSERT_EQ(allocate(1, 4096, true), VK_SUCCESS);
  ASSERT_EQ(export_memory(1, 1), VK_SUCCESS);
  Records exported;
  exported.add(VIADUCT_TEST_CALL(viaductExportSemaphore, guest.device(), semaphore(1), 2), 0);
  ASSERT_EQ(call(exported), VK_SUCCESS);
  EXPECT_EQ(import_memory(2, 2, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
  for (const std::uint64_t payload : {1u, 3u}) {
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductImportSemaphore, guest.device(), semaphore(1), ~0u, payload), 0);
    EXPECT_EQ(call(r), VK_ERROR_INVALID_EXTERNAL_HANDLE);
  }
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductImportSemaphore, guest.device(), semaphore(1), 0, 2), 0);
  EXPECT_EQ(call(r), VK_SUCCESS);
  EXPECT_FALSE(guest.ended());
}

}  // namespace
}  // namespace viaduct::host::testing
