// A frame allocates nothing: neither where it is presented nor on the swapchain's thread. Counts C++'s
// allocations in this process by threads of the code under test; those of the display server's libraries and
// of the driver go by malloc.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

#include "guest-icd/wsi/headless_surface.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "tests/unit/wsi/native_device.hpp"

namespace {

std::atomic<bool> watching{false};
std::atomic<int> allocations{0};
thread_local bool presenting = false;

bool is_present_thread() noexcept {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return std::strcmp(name, "viaduct-present") == 0;
}

[[gnu::noinline]] void* counted(std::size_t size) {
  if (watching.load(std::memory_order_relaxed) && (presenting || is_present_thread())) ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

// Not inlined, nor is the above: the compiler would see malloc's memory given to free() by a delete.
[[gnu::noinline]] void release(void* memory) noexcept { std::free(memory); }

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace viaduct::guest::wsi::test {
namespace {

TEST(FrameAllocations, AreNone) {
  const auto device = NativeDevice::open();
  if (device == nullptr) GTEST_SKIP() << "no lavapipe";
  HeadlessSurface surface(true);
  Frames frames(*device, surface, {64, 48}, {.mode = VK_PRESENT_MODE_MAILBOX_KHR});
  const VkSwapchainKHR handle = frames.swapchain().handle();
  const VkFence fence = device->make_fence();
  for (std::uint64_t id = 1; id <= 40; ++id) {
    std::uint32_t index = 0;
    ASSERT_EQ(frames.swapchain().acquire(5'000'000'000, VK_NULL_HANDLE, VK_NULL_HANDLE, index), VK_SUCCESS);
    device->clear(frames.swapchain().image(index).image(), argb(1, 2, 3), VK_NULL_HANDLE, VK_NULL_HANDLE);
    VkPresentIdKHR ids{VK_STRUCTURE_TYPE_PRESENT_ID_KHR, nullptr, 1, &id};
    const VkSwapchainPresentFenceInfoEXT fences{VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_FENCE_INFO_EXT, &ids, 1,
                                                &fence};
    const VkPresentInfoKHR info{
        VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, &fences, 0, nullptr, 1, &handle, &index, nullptr};
    // The first frames record their copies and start the thread.
    watching = id > 20;
    presenting = true;
    const VkResult result = present(device->queue(), info);
    presenting = false;
    ASSERT_EQ(result, VK_SUCCESS);
    ASSERT_TRUE(device->wait(fence, 5'000'000'000));
    ASSERT_EQ(vkResetFences(device->handle(), 1, &fence), VK_SUCCESS);
  }
  EXPECT_EQ(frames.swapchain().wait_for_present(40, 5'000'000'000), VK_SUCCESS);
  watching = false;
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace viaduct::guest::wsi::test
