// VkSemaphore in the guest: the host's object named by the handle, plus what the guest knows about it.
//
// `wsi_signaled`: vkAcquireNextImage hands out an image only when nothing uses it any more, so it has nothing
// to signal on the host. It marks the binary semaphore instead, and the next wait operation on it is stripped
// from the submission. `external` ones, which were exported or imported, may share their payload: those are
// signalled on the host. `known_value` is the highest timeline value the guest has seen: waits up to it cost
// nothing.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>

namespace viaduct::guest {

struct Device;

struct Semaphore {
  VkSemaphoreType type = VK_SEMAPHORE_TYPE_BINARY;
  std::atomic<bool> wsi_signaled{false};
  std::atomic<bool> external{false};
  std::atomic<std::uint64_t> known_value{0};

  /// nullptr for VK_NULL_HANDLE or a handle that names nothing.
  static Semaphore* from(Device& device, VkSemaphore handle) noexcept;

  void observe(std::uint64_t value) noexcept {
    std::uint64_t seen = known_value.load(std::memory_order_relaxed);
    while (seen < value && !known_value.compare_exchange_weak(seen, value, std::memory_order_acq_rel)) {
    }
  }
};

}  // namespace viaduct::guest
