// The images of a swapchain that nobody uses, oldest first. Any thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace viaduct::guest::wsi {

class FreeImages {
 public:
  /// May throw std::bad_alloc; nothing later does.
  explicit FreeImages(std::uint32_t count) : indices_(count) {
    for (std::uint32_t i = 0; i < count; ++i) indices_[i] = i;
    size_ = count;
  }

  /// Takes the oldest. VK_SUCCESS, VK_NOT_READY (timeout 0), VK_TIMEOUT, or what `check` returned when it was
  /// not VK_SUCCESS. `check` is asked first, after every notify() and now and then, so that a wait ends with
  /// its reason.
  template <class Check>
  VkResult take(std::uint64_t timeout_ns, Check&& check, std::uint32_t& index) noexcept {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(100);
    constexpr std::uint64_t kForever = std::uint64_t{1} << 60;  // 36 years: no overflow when added to now
    const auto deadline = Clock::now() + std::chrono::nanoseconds(std::min(timeout_ns, kForever));
    std::unique_lock lock(mutex_);
    for (;;) {
      if (const VkResult result = check(); result != VK_SUCCESS) return result;
      if (size_ != 0) {
        index = indices_[first_];
        first_ = (first_ + 1) % indices_.size();
        --size_;
        return VK_SUCCESS;
      }
      if (timeout_ns == 0) return VK_NOT_READY;
      const auto now = Clock::now();
      if (now >= deadline) return VK_TIMEOUT;
      changed_.wait_until(lock, std::min(deadline, now + kSlice));
    }
  }

  /// The image is free again; each index at most once.
  void give(std::uint32_t index) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (size_ == indices_.size()) return;
      indices_[(first_ + size_) % indices_.size()] = index;
      ++size_;
    }
    changed_.notify_one();
  }

  /// Waiters look at their reason to go on waiting again.
  void notify() noexcept { changed_.notify_all(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint32_t> indices_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace viaduct::guest::wsi
