#include "host-renderer/objects/physical_queries.hpp"

#include "host-renderer/objects/identity.hpp"
#include "host-renderer/objects/untouched.hpp"

#include <vector>

namespace viaduct::host {

void query_properties(const PhysicalDevice& physical, std::uint32_t guest_version,
                      VkPhysicalDeviceProperties2& properties) noexcept {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceProperties2 != nullptr) {
    query_and_drop_untouched(properties.pNext,
                             [&] { table.vkGetPhysicalDeviceProperties2(physical.handle, &properties); });
  } else {
    table.vkGetPhysicalDeviceProperties(physical.handle, &properties.properties);
  }
  present_as_viaduct(properties, guest_version);
}

void query_features(const PhysicalDevice& physical, VkPhysicalDeviceFeatures2& features) noexcept {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceFeatures2 != nullptr) {
    query_and_drop_untouched(features.pNext,
                             [&] { table.vkGetPhysicalDeviceFeatures2(physical.handle, &features); });
  } else {
    table.vkGetPhysicalDeviceFeatures(physical.handle, &features.features);
  }
}

void query_queue_families(const PhysicalDevice& physical, std::uint32_t& count,
                          VkQueueFamilyProperties2* families) {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceQueueFamilyProperties2 != nullptr) {
    return table.vkGetPhysicalDeviceQueueFamilyProperties2(physical.handle, &count, families);
  }
  if (families == nullptr) {
    return table.vkGetPhysicalDeviceQueueFamilyProperties(physical.handle, &count, nullptr);
  }
  std::vector<VkQueueFamilyProperties> plain(count);
  table.vkGetPhysicalDeviceQueueFamilyProperties(physical.handle, &count, plain.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    families[i].queueFamilyProperties = plain[i];
  }
}

void query_format(const PhysicalDevice& physical, VkFormat format, VkFormatProperties2& properties) noexcept {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceFormatProperties2 != nullptr) {
    table.vkGetPhysicalDeviceFormatProperties2(physical.handle, format, &properties);
  } else {
    table.vkGetPhysicalDeviceFormatProperties(physical.handle, format, &properties.formatProperties);
  }
}

VkResult query_image_format(const PhysicalDevice& physical, const VkPhysicalDeviceImageFormatInfo2& info,
                            VkImageFormatProperties2& properties) noexcept {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceImageFormatProperties2 != nullptr) {
    return table.vkGetPhysicalDeviceImageFormatProperties2(physical.handle, &info, &properties);
  }
  return table.vkGetPhysicalDeviceImageFormatProperties(physical.handle, info.format, info.type, info.tiling,
                                                        info.usage, info.flags,
                                                        &properties.imageFormatProperties);
}

void query_sparse_format(const PhysicalDevice& physical, const VkPhysicalDeviceSparseImageFormatInfo2& info,
                         std::uint32_t& count, VkSparseImageFormatProperties2* properties) {
  const InstanceTable& table = physical.instance->table;
  if (table.vkGetPhysicalDeviceSparseImageFormatProperties2 != nullptr) {
    return table.vkGetPhysicalDeviceSparseImageFormatProperties2(physical.handle, &info, &count, properties);
  }
  std::vector<VkSparseImageFormatProperties> plain(properties != nullptr ? count : 0);
  table.vkGetPhysicalDeviceSparseImageFormatProperties(physical.handle, info.format, info.type, info.samples,
                                                       info.usage, info.tiling, &count,
                                                       properties != nullptr ? plain.data() : nullptr);
  for (std::uint32_t i = 0; properties != nullptr && i < count; ++i) {
    properties[i].properties = plain[i];
  }
}

}  // namespace viaduct::host
