// Which extensions this driver offers. Instance extensions are a fixed list that needs no host (DESIGN
// decision 14): what the guest implements by itself. Device extensions are the host's, as far as the registry
// of this build knows them and the policy does not block them, the window system's, and that of external
// fences.
#pragma once

#include <vulkan/vulkan.h>

#include <span>
#include <string_view>
#include <vector>

#include "guest-icd/session/known_commands.hpp"

namespace viaduct::guest {

std::span<const VkExtensionProperties> instance_extensions();
bool is_instance_extension(std::string_view name);

/// `host`: as vkEnumerateDeviceExtensionProperties gave it on the host.
std::vector<VkExtensionProperties> device_extensions(std::span<const VkExtensionProperties> host,
                                                     const KnownCommands& commands);
/// Whether the host knows of the device extension, so that vkCreateDevice names it there.
bool host_sees_device_extension(std::string_view name);

/// VK_SUCCESS or VK_INCOMPLETE, as every enumeration function does it.
template <class T>
VkResult enumerate(std::span<const T> all, std::uint32_t* count, T* out) noexcept {
  const auto total = static_cast<std::uint32_t>(all.size());
  if (out == nullptr) {
    *count = total;
    return VK_SUCCESS;
  }
  const std::uint32_t n = *count < total ? *count : total;
  for (std::uint32_t i = 0; i < n; ++i) out[i] = all[i];
  *count = n;
  return n < total ? VK_INCOMPLETE : VK_SUCCESS;
}

}  // namespace viaduct::guest
