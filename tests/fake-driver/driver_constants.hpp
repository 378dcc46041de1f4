// What the fake driver says about itself and a guest must not see as it is: both ends of the test need to
// know it.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

namespace viaduct::fake {

inline constexpr char kDeviceName[] = "Recording fake";
inline constexpr char kDriverInfo[] = "records what it is told";
inline constexpr VkPhysicalDeviceType kDeviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
inline constexpr uint8_t kUuid[VK_UUID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
// What its memory budget says is in use, by everybody: more than a guest of the test can have.
inline constexpr VkDeviceSize kMachineUsage = 7ULL << 40;
// How far its clocks may be apart, in nanoseconds.
inline constexpr uint64_t kMaxDeviation = 1ULL << 40;
// The bits of its only memory type.
inline constexpr uint32_t kMemoryTypeBits = 1;

// One type that is everything at once, like a software driver's.
inline VkPhysicalDeviceMemoryProperties driver_memory() {
  VkPhysicalDeviceMemoryProperties memory{};
  memory.memoryTypeCount = 1;
  memory.memoryTypes[0].propertyFlags =
      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  memory.memoryHeapCount = 1;
  memory.memoryHeaps[0] = {8ULL << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  return memory;
}

}  // namespace viaduct::fake
