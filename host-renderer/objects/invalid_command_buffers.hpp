// The command buffers that hold a command which could not be recorded: they must not be submitted, and spoil
// what executes them. Usually there are none, and asking costs a load. Any thread.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <unordered_set>

namespace viaduct::host {

class InvalidCommandBuffers {
 public:
  void insert(VkCommandBuffer buffer) {
    const std::lock_guard lock(mutex_);
    invalid_.insert(buffer);
    count_.store(invalid_.size(), std::memory_order_relaxed);
  }
  void erase(VkCommandBuffer buffer) noexcept {
    if (empty()) return;
    const std::lock_guard lock(mutex_);
    invalid_.erase(buffer);
    count_.store(invalid_.size(), std::memory_order_relaxed);
  }
  bool contains(VkCommandBuffer buffer) const noexcept {
    if (empty()) return false;
    const std::lock_guard lock(mutex_);
    return invalid_.contains(buffer);
  }

 private:
  // Whoever recorded the buffer in question did so before the caller came: its insertion is seen.
  bool empty() const noexcept { return count_.load(std::memory_order_relaxed) == 0; }

  mutable std::mutex mutex_;
  std::unordered_set<VkCommandBuffer> invalid_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace viaduct::host
