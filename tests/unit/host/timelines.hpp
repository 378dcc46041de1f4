// The fake driver's timeline semaphores, which count truly. Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

namespace viaduct::host::testing {

// Timelines by their number; destroyed ones stay, so that a late waiter finds something.
class Timelines {
 public:
  static Timelines& get() {
    static Timelines& timelines = *new Timelines;
    return timelines;
  }
  void raise(VkSemaphore semaphore, std::uint64_t value) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& now = values_[semaphore];
    now = value > now ? value : now;
    changed_.notify_all();
  }
  std::uint64_t value(VkSemaphore semaphore) {
    const std::lock_guard lock(mutex_);
    return values_[semaphore];
  }
  VkResult wait(const VkSemaphoreWaitInfo& info, std::uint64_t timeout) {
    std::unique_lock lock(mutex_);
    const auto done = [&] {
      for (std::uint32_t i = 0; i < info.semaphoreCount; ++i) {
        if (values_[info.pSemaphores[i]] < info.pValues[i]) return false;
      }
      return true;
    };
    const auto slice = std::chrono::nanoseconds(timeout < 1'000'000'000 ? timeout : 1'000'000'000);
    return changed_.wait_for(lock, slice, done) ? VK_SUCCESS : VK_TIMEOUT;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<VkSemaphore, std::uint64_t> values_;
};

}  // namespace viaduct::host::testing
