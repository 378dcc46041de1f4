#include "guest-icd/wsi/extensions.hpp"

#include <algorithm>
#include <array>

namespace viaduct::guest::wsi {
namespace {

constexpr std::array kInstance{
    VkExtensionProperties{"VK_KHR_surface", 25},
    VkExtensionProperties{"VK_KHR_xcb_surface", 6},
    VkExtensionProperties{"VK_KHR_xlib_surface", 6},
    VkExtensionProperties{"VK_KHR_wayland_surface", 6},
    VkExtensionProperties{"VK_KHR_get_surface_capabilities2", 1},
    VkExtensionProperties{"VK_EXT_headless_surface", 1},
};

constexpr std::array kDevice{
    VkExtensionProperties{"VK_KHR_swapchain", 70},
    VkExtensionProperties{"VK_KHR_swapchain_mutable_format", 1},
    VkExtensionProperties{"VK_KHR_incremental_present", 2},
};

bool contains(std::span<const VkExtensionProperties> list, std::string_view name) noexcept {
  return std::any_of(list.begin(), list.end(),
                     [&](const VkExtensionProperties& entry) { return name == entry.extensionName; });
}

}  // namespace

std::span<const VkExtensionProperties> instance_extensions() noexcept { return kInstance; }
std::span<const VkExtensionProperties> device_extensions() noexcept { return kDevice; }
bool is_instance_extension(std::string_view name) noexcept { return contains(kInstance, name); }
bool is_device_extension(std::string_view name) noexcept { return contains(kDevice, name); }

}  // namespace viaduct::guest::wsi
