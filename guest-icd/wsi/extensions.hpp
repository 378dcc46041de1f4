// The extensions that the window system code provides by itself, whatever the host has: they are added to
// what the host offers when extensions are enumerated, and taken out of what vkCreateInstance and
// vkCreateDevice send to it.
#pragma once

#include <vulkan/vulkan_core.h>

#include <span>
#include <string_view>

namespace viaduct::guest::wsi {

std::span<const VkExtensionProperties> instance_extensions() noexcept;
std::span<const VkExtensionProperties> device_extensions() noexcept;

/// True when the host must not see this name in ppEnabledExtensionNames.
bool is_instance_extension(std::string_view name) noexcept;
bool is_device_extension(std::string_view name) noexcept;

/// Fills the feature structs of these extensions in VkPhysicalDeviceFeatures2's chain. The host is never
/// asked about them nor told that they are enabled: policy.toml names them in dropped_structs.
void answer_features(void* chain) noexcept;

}  // namespace viaduct::guest::wsi
