// VkDevice in the guest: its queues, enabled extensions, memory view and the latch of its loss. Immutable
// after vkCreateDevice except for the atomics, so any thread may read it.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "guest-icd/objects/dispatchable.hpp"
#include "guest-icd/objects/instance.hpp"

namespace viaduct::guest {

struct Queue;

struct Device : Dispatchable {
  Device(PhysicalDevice& owner, std::uint64_t object_id) noexcept;
  ~Device();
  static Device* from(VkDevice handle) noexcept { return reinterpret_cast<Device*>(handle); }
  VkDevice handle() noexcept { return reinterpret_cast<VkDevice>(this); }
  bool enabled(std::string_view extension) const { return extensions.contains(std::string(extension)); }
  /// Latched: true for ever once the session or one of the queues was lost.
  bool is_lost() const noexcept;
  void latch_lost() noexcept { lost.store(true, std::memory_order_release); }

  PhysicalDevice* physical;
  std::uint32_t api_version = VK_API_VERSION_1_0;  ///< min(instance's requested, physical device's)
  ExtensionSet extensions;                         ///< enabled ones
  bool debug_names = false;                    ///< the host takes names, tags and labels, and has messages
  std::vector<std::unique_ptr<Queue>> queues;  ///< all that vkCreateDevice asked for
  mutable std::atomic<bool> lost{false};
};

}  // namespace viaduct::guest
