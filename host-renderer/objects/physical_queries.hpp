// The extensible queries of a physical device, on any driver: one of Vulkan 1.0 has only their first forms,
// which then answer what they can, and the chains stay as they are (the decoder zeroed them). Decode thread
// only.
#pragma once

#include "host-renderer/objects/objects.hpp"

#include <cstdint>

namespace viaduct::host {

// As a guest of that version of Vulkan shall see them (objects/identity.hpp).
void query_properties(const PhysicalDevice& physical, std::uint32_t guest_version,
                      VkPhysicalDeviceProperties2& properties) noexcept;
void query_features(const PhysicalDevice& physical, VkPhysicalDeviceFeatures2& features) noexcept;
// `families` has room for `count`, or is null: then the count alone is asked for.
void query_queue_families(const PhysicalDevice& physical, std::uint32_t& count,
                          VkQueueFamilyProperties2* families);
void query_format(const PhysicalDevice& physical, VkFormat format, VkFormatProperties2& properties) noexcept;
VkResult query_image_format(const PhysicalDevice& physical, const VkPhysicalDeviceImageFormatInfo2& info,
                            VkImageFormatProperties2& properties) noexcept;
void query_sparse_format(const PhysicalDevice& physical, const VkPhysicalDeviceSparseImageFormatInfo2& info,
                         std::uint32_t& count, VkSparseImageFormatProperties2* properties);

}  // namespace viaduct::host
