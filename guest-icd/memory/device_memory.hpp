// VkDeviceMemory in the guest: a span of the region's arena for every host-visible type, nothing for
// device-only ones.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

namespace viaduct::guest {

struct DeviceMemory {
  std::uint64_t offset = 0;  ///< in the region
  std::uint64_t span = 0;    ///< bytes taken from the arena; 0 = device-only memory
  VkDeviceSize size = 0;
  std::uint32_t type = 0;
  bool shadowed = false;  ///< the host copies between it and the span: it must know when it is mapped
};

}  // namespace viaduct::guest
