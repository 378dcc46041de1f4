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
    VkExtensionProperties{"VK_KHR_surface_protected_capabilities", 1},
    VkExtensionProperties{"VK_EXT_headless_surface", 1},
    VkExtensionProperties{"VK_EXT_surface_maintenance1", 1},
    VkExtensionProperties{"VK_EXT_swapchain_colorspace", 4},
};

constexpr std::array kDevice{
    VkExtensionProperties{"VK_KHR_swapchain", 70},
    VkExtensionProperties{"VK_KHR_swapchain_mutable_format", 1},
    VkExtensionProperties{"VK_KHR_incremental_present", 2},
    VkExtensionProperties{"VK_KHR_present_id", 1},
    VkExtensionProperties{"VK_KHR_present_wait", 1},
    VkExtensionProperties{"VK_EXT_swapchain_maintenance1", 1},
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

void answer_features(void* chain) noexcept {
  for (auto* next = static_cast<VkBaseOutStructure*>(chain); next != nullptr; next = next->pNext) {
    switch (next->sType) {
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR:
        reinterpret_cast<VkPhysicalDevicePresentIdFeaturesKHR*>(next)->presentId = VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR:
        reinterpret_cast<VkPhysicalDevicePresentWaitFeaturesKHR*>(next)->presentWait = VK_TRUE;
        break;
      case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SWAPCHAIN_MAINTENANCE_1_FEATURES_EXT:
        reinterpret_cast<VkPhysicalDeviceSwapchainMaintenance1FeaturesEXT*>(next)->swapchainMaintenance1 =
            VK_TRUE;
        break;
      default:
        break;
    }
  }
}

}  // namespace viaduct::guest::wsi
