// VkQueue in the guest: names the host's queue and the completion slot in the region that its submissions
// reach. last_value is written under the channel's publish lock, so values rise in publication order.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/dispatchable.hpp"

namespace viaduct::guest {

struct Queue : Dispatchable {
  Queue(Device& owner, std::uint64_t object_id, std::uint32_t completion_slot) noexcept;
  static Queue* from(VkQueue handle) noexcept { return reinterpret_cast<Queue*>(handle); }
  VkQueue handle() noexcept { return reinterpret_cast<VkQueue>(this); }

  /// Highest completion value the host has reported.
  std::uint64_t completed() const noexcept;
  /// VK_SUCCESS (reached), VK_NOT_READY, or VK_ERROR_DEVICE_LOST (latched in the device too).
  VkResult status(std::uint64_t value) const noexcept;
  /// Waits until `value` is reached: VK_SUCCESS, VK_TIMEOUT or VK_ERROR_DEVICE_LOST (within 1 s of the
  /// worker's death). Any thread.
  VkResult wait(std::uint64_t value, const Deadline& deadline) noexcept;

  Device* device;
  VkDeviceQueueCreateFlags flags = 0;
  std::uint32_t family = 0;
  std::uint32_t index = 0;
  std::uint32_t slot;
  std::atomic<std::uint64_t> last_value{0};
};

}  // namespace viaduct::guest
