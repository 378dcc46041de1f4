// VkFence lives in the guest only: the handle is this object's address and the host never hears of it. A
// fence is signalled, unsignalled, or pending on {queue, value}: the queue's completion slot says when it is
// signalled. Reading is lock-free; the writes (assign, reset, signal) are externally synchronised by the
// specification.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>

namespace viaduct::guest {

struct Queue;

class Fence {
 public:
  explicit Fence(bool signaled) noexcept : source_(signaled ? kSignaled : kUnsignaled) {}
  static Fence* from(VkFence handle) noexcept { return reinterpret_cast<Fence*>(handle); }
  VkFence handle() noexcept { return reinterpret_cast<VkFence>(this); }

  /// Signalled once the queue's completion value reaches `value`.
  void assign(Queue& queue, std::uint64_t value) noexcept {
    queue_.store(&queue, std::memory_order_relaxed);
    value_.store(value, std::memory_order_relaxed);
    source_.store(kQueue, std::memory_order_release);
  }
  /// For the window system: signalled now (an image is handed out only when it is free).
  void signal_from_wsi() noexcept { source_.store(kSignaled, std::memory_order_release); }
  void reset() noexcept { source_.store(kUnsignaled, std::memory_order_release); }

  /// VK_SUCCESS, VK_NOT_READY or VK_ERROR_DEVICE_LOST.
  VkResult status() const noexcept;

 private:
  enum Source : std::uint32_t { kUnsignaled, kSignaled, kQueue };
  std::atomic<std::uint32_t> source_;
  std::atomic<Queue*> queue_{nullptr};
  std::atomic<std::uint64_t> value_{0};
};

/// vkWaitForFences for threads of our own: no message of the host is delivered in it.
VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, std::uint32_t fenceCount,
                                               const VkFence* pFences, VkBool32 waitAll,
                                               std::uint64_t timeout) noexcept;

}  // namespace viaduct::guest
