#include <gtest/gtest.h>

#include "guest-icd/objects/fence.hpp"

#include <chrono>
#include <thread>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/queue/submit.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;

struct Fences : ::testing::Test {
  DeviceFixture fixture;
  VkDevice device = fixture.device.handle();
  std::uint32_t slot = fixture.queue().slot;

  VkFence make(bool signaled = false) {
    const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr,
                                 signaled ? VkFenceCreateFlags{VK_FENCE_CREATE_SIGNALED_BIT} : 0};
    VkFence fence = VK_NULL_HANDLE;
    EXPECT_EQ(entry::vkCreateFence(device, &info, nullptr, &fence), VK_SUCCESS);
    return fence;
  }
  VkResult wait(std::initializer_list<VkFence> fences, bool all, std::uint64_t timeout) {
    return entry::vkWaitForFences(device, static_cast<std::uint32_t>(fences.size()), fences.begin(), all,
                                  timeout);
  }
  // A wait whose wake-up was lost ends with its time-out, and finds the fence signalled then.
  bool is_woken(VkFence fence) {
    const auto start = std::chrono::steady_clock::now();
    return wait({fence}, true, 5'000'000'000) == VK_SUCCESS &&
           std::chrono::steady_clock::now() - start < std::chrono::seconds(4);
  }
};

TEST_F(Fences, AreSignalledByCreationByTheQueueAndByTheWindowSystem) {
  VkFence born = make(true), pending = make(), acquired = make();
  EXPECT_EQ(entry::vkGetFenceStatus(device, born), VK_SUCCESS);
  EXPECT_EQ(entry::vkGetFenceStatus(device, pending), VK_NOT_READY);
  Fence::from(pending)->assign(fixture.queue(), 5);
  fixture.host.complete(slot, 4);
  EXPECT_EQ(entry::vkGetFenceStatus(device, pending), VK_NOT_READY);
  fixture.host.complete(slot, 5);
  EXPECT_EQ(entry::vkGetFenceStatus(device, pending), VK_SUCCESS);
  Fence::from(acquired)->signal_from_wsi();
  EXPECT_EQ(entry::vkGetFenceStatus(device, acquired), VK_SUCCESS);
  entry::vkResetFences(device, 1, &pending);
  EXPECT_EQ(entry::vkGetFenceStatus(device, pending), VK_NOT_READY);
  for (VkFence fence : {born, pending, acquired}) entry::vkDestroyFence(device, fence, nullptr);
}

TEST_F(Fences, WaitingForAnyAndForAllTellsThemApart) {
  VkFence done = make(true), pending = make();
  Fence::from(pending)->assign(fixture.queue(), 1);
  EXPECT_EQ(wait({done, pending}, false, 0), VK_SUCCESS);
  EXPECT_EQ(wait({done, pending}, true, 0), VK_TIMEOUT);
  EXPECT_EQ(wait({done, pending}, true, 1'000'000), VK_TIMEOUT);
  std::thread completer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    fixture.host.complete(slot, 1);
  });
  EXPECT_EQ(wait({done, pending}, true, UINT64_MAX), VK_SUCCESS);
  completer.join();
  entry::vkDestroyFence(device, done, nullptr);
  entry::vkDestroyFence(device, pending, nullptr);
}

TEST_F(Fences, AThreadThatWaitsBeforeTheSubmissionIsWoken) {
  VkFence fence = make();
  fixture.host.complete_submissions(slot);
  for (std::uint64_t round = 1; round <= 1000; ++round) {
    std::thread submitter([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      EXPECT_EQ(entry::vkQueueSubmit(fixture.queue().handle(), 0, nullptr, fence), VK_SUCCESS);
    });
    EXPECT_TRUE(is_woken(fence)) << "round " << round;
    submitter.join();
    entry::vkResetFences(device, 1, &fence);
  }
  entry::vkDestroyFence(device, fence, nullptr);
}

TEST_F(Fences, AThreadThatWaitsIsWokenWhenTheWindowSystemSignals) {
  VkFence fence = make();
  std::thread acquirer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    signal_from_wsi(fixture.device, VK_NULL_HANDLE, fence);
  });
  EXPECT_TRUE(is_woken(fence));
  acquirer.join();
  entry::vkDestroyFence(device, fence, nullptr);
}

TEST_F(Fences, ABlockedWaitEndsWithinASecondOfTheWorkersDeath) {
  VkFence fence = make();
  Fence::from(fence)->assign(fixture.queue(), 1);
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    fixture.host.die();
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(wait({fence}, true, UINT64_MAX), VK_ERROR_DEVICE_LOST);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  killer.join();
  // Latched, and every later call says so.
  EXPECT_EQ(entry::vkGetFenceStatus(device, fence), VK_ERROR_DEVICE_LOST);
  EXPECT_EQ(entry::vkQueueWaitIdle(fixture.queue().handle()), VK_ERROR_DEVICE_LOST);
  EXPECT_EQ(entry::vkDeviceWaitIdle(device), VK_ERROR_DEVICE_LOST);
  entry::vkDestroyFence(device, fence, nullptr);
}

TEST_F(Fences, AProgramThatOnlyPollsLearnsOfTheWorkersDeath) {
  VkFence fence = make();
  Fence::from(fence)->assign(fixture.queue(), 1);
  fixture.host.die();
  VkResult result = VK_NOT_READY;
  const auto start = std::chrono::steady_clock::now();
  while (result == VK_NOT_READY && std::chrono::steady_clock::now() - start < std::chrono::seconds(1)) {
    result = entry::vkGetFenceStatus(device, fence);
  }
  EXPECT_EQ(result, VK_ERROR_DEVICE_LOST);
  entry::vkDestroyFence(device, fence, nullptr);
}

TEST_F(Fences, ALostQueueIsLatchedForTheDevice) {
  VkFence fence = make();
  Fence::from(fence)->assign(fixture.queue(), 3);
  fixture.host.complete(slot, 2, VK_ERROR_DEVICE_LOST);
  EXPECT_EQ(wait({fence}, true, UINT64_MAX), VK_ERROR_DEVICE_LOST);
  EXPECT_TRUE(fixture.device.is_lost());
  EXPECT_EQ(entry::vkQueueSubmit(fixture.queue().handle(), 0, nullptr, fence), VK_ERROR_DEVICE_LOST);
  entry::vkDestroyFence(device, fence, nullptr);
}

}  // namespace
}  // namespace viaduct::guest
