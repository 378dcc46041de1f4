// VkDeviceMemory on the host: device-only memory is a driver handle and its size; arena memory also knows its
// pages of the region and, if it is shadowed, where the driver's own memory is mapped. What can be exported,
// or was imported, is the driver's own memory too, whatever the type.
#pragma once

#include "protocol/wire/object_id.hpp"

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

namespace viaduct::host {

class HeldMemory;
class Session;
struct Device;
struct DeviceMemory;
// A device's allocations: what its guest never freed, or named twice, goes with the device.
using DeviceMemoryList = std::list<std::unique_ptr<DeviceMemory>>;

struct DeviceMemory {
  protocol::ObjectId id{};
  DeviceMemoryList::iterator place;  // in its device's list
  VkDeviceMemory handle = VK_NULL_HANDLE;
  protocol::ObjectId device{};        // whose it is
  std::uint32_t guest_type = 0;       // memory type as the guest numbers them
  std::uint64_t device_bytes = 0;     // counted against the session's limit
  std::uint64_t arena_bytes = 0;      // of the region
  std::uint64_t size = 0;             // what the application asked for
  std::byte* region_bytes = nullptr;  // null for device-only memory
  std::byte* driver_bytes = nullptr;  // of shadowed memory
  bool exportable = false;
  std::shared_ptr<HeldMemory> held;  // of exportable memory: counts it instead of device_bytes
};

// vkFreeMemory, and what was counted is given back; the names are the caller's.
void free_memory(Session& session, const Device& device, DeviceMemory& memory) noexcept;

}  // namespace viaduct::host
