// VK_KHR_present_id and VK_KHR_present_wait: the greatest id that was queued and the greatest that was shown.
// Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace viaduct::guest::wsi {

class PresentIds {
 public:
  void queue(std::uint64_t id) noexcept {
    const std::lock_guard lock(mutex_);
    queued_ = std::max(queued_, id);
  }
  /// A frame with this id, or one that replaced it, is on its window.
  void show(std::uint64_t id) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (id <= shown_) return;
      shown_ = id;
    }
    changed_.notify_all();
  }

  /// Waits until `id` was shown. VK_SUCCESS, VK_TIMEOUT, or what `check(is it queued)` returned when it was
  /// not VK_SUCCESS; check is asked now and then, so that a wait ends with its reason.
  template <class Check>
  VkResult wait(std::uint64_t id, std::uint64_t timeout_ns, Check&& check) noexcept {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(100);
    constexpr std::uint64_t kForever = std::uint64_t{1} << 60;  // 36 years: no overflow when added to now
    const auto deadline = Clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, kForever));
    std::unique_lock lock(mutex_);
    for (;;) {
      if (shown_ >= id) return VK_SUCCESS;
      if (const VkResult result = check(queued_ >= id); result != VK_SUCCESS) return result;
      const auto now = Clock::now();
      if (now >= deadline) return VK_TIMEOUT;
      changed_.wait_until(lock, std::min(deadline, now + kSlice));
    }
  }
  /// Waiters look at their reason to go on waiting again.
  void notify() noexcept { changed_.notify_all(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t queued_ = 0;
  std::uint64_t shown_ = 0;
};

}  // namespace viaduct::guest::wsi
