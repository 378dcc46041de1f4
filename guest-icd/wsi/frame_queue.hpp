// Frames on their way from vkQueuePresentKHR to the window, in order: a ring with room for every image of the
// swapchain, so that no frame allocates. Not thread-safe.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <vector>

namespace viaduct::guest::wsi {

struct QueuedFrame {
  std::uint32_t image = 0;
  VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR;  ///< of this frame: it may change with every present
  std::uint64_t present_id = 0;                      ///< VkPresentIdKHR's; 0: none
};

class FrameQueue {
 public:
  /// May throw std::bad_alloc; nothing later does.
  explicit FrameQueue(std::size_t capacity) : frames_(capacity) {}

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const QueuedFrame& front() const noexcept { return frames_[first_]; }
  const QueuedFrame& second() const noexcept { return frames_[(first_ + 1) % frames_.size()]; }
  /// False when it is full: an image was presented that was not acquired (invalid use).
  bool push(const QueuedFrame& frame) noexcept {
    if (size_ == frames_.size()) return false;
    frames_[(first_ + size_++) % frames_.size()] = frame;
    return true;
  }
  void pop() noexcept {
    first_ = (first_ + 1) % frames_.size();
    --size_;
  }

 private:
  std::vector<QueuedFrame> frames_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace viaduct::guest::wsi
