// VkBuffer and VkImage in the guest: memory requirements, which depend only on the create-info, are asked
// once for each distinct create-info and remembered in the session's memo; an object keeps its own copy.
#pragma once

#include <vulkan/vulkan.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace viaduct::guest {

struct Requirements {
  VkMemoryRequirements memory{};
  VkBool32 prefers_dedicated = VK_FALSE;
  VkBool32 requires_dedicated = VK_FALSE;
};

struct Resource {
  std::atomic<bool> known{false};
  Requirements requirements;
  std::vector<std::byte> key;  ///< of the memo; emptied once the requirements are known
  std::atomic<VkDeviceAddress> address{0};
  VkFormat format = VK_FORMAT_UNDEFINED;  ///< of an image
  std::uint32_t layers = 1;               ///< of an image

  void reset() noexcept {
    known.store(false, std::memory_order_relaxed);
    address.store(0, std::memory_order_relaxed);
    key.clear();
  }
};

}  // namespace viaduct::guest
