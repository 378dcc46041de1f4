// Who the guest's device says it is (decision 13).
//
// deviceName is "Viaduct (HOST'S NAME)", deviceType VIRTUAL_GPU unless the host's is CPU, driverInfo names
// both, apiVersion is at most what this build knows. The ids that programs key workarounds on, limits and
// features stay the host's. UUIDs are derived from the host's, so that a cache is good for exactly this
// driver through Viaduct and never mixes with a native one. Pure functions.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace viaduct::host {

// A UUID made of the host's and this version of Viaduct.
void derive_uuid(std::uint8_t (&uuid)[VK_UUID_SIZE]) noexcept;

void present_as_viaduct(VkPhysicalDeviceProperties& properties,
                        std::uint32_t guest_version = VK_HEADER_VERSION_COMPLETE) noexcept;

// The properties and whatever of their pNext chain names the device or the driver.
void present_as_viaduct(VkPhysicalDeviceProperties2& properties,
                        std::uint32_t guest_version = VK_HEADER_VERSION_COMPLETE) noexcept;

// Pipeline cache data carries the pipelineCacheUUID in its header (VkPipelineCacheHeaderVersionOne).
void cache_data_to_guest(std::span<std::byte> data) noexcept;
// Puts `host_uuid` where the derived one stands; data of any other device is left alone and the driver
// ignores it.
void cache_data_to_host(std::span<std::byte> data, const std::uint8_t (&host_uuid)[VK_UUID_SIZE]) noexcept;

}  // namespace viaduct::host
