// Entry points of VkSurfaceKHR: making surfaces, and what a physical device can do with them. Surfaces live
// here: none of these reaches the host beyond what the physical device's own (remembered) queries ask. The
// platforms' types come with vulkan.h: the build defines VK_USE_PLATFORM_{XCB,XLIB,WAYLAND}_KHR for this
// file.
#include <vulkan/vulkan.h>

// Xlib's macros would meet ordinary names below.
#undef Bool
#undef None
#undef Status
#undef Success

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <vector>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/instance.hpp"
#include "guest-icd/objects/private_data.hpp"
#include "guest-icd/wsi/headless_surface.hpp"
#include "guest-icd/wsi/surface.hpp"
#include "guest-icd/wsi/wayland_surface.hpp"
#include "guest-icd/wsi/xcb_surface.hpp"

namespace viaduct::guest {
namespace {

using wsi::Surface;

VkResult give(Surface* surface, VkSurfaceKHR* out) noexcept {
  if (surface == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  *out = surface->handle();
  return VK_SUCCESS;
}

/// The formats that this device can show, and the usage common to those without sRGB encoding (whose storage
/// usage an application finds out by vkGetPhysicalDeviceImageFormatProperties).
class Facts {
 public:
  explicit Facts(VkPhysicalDevice physical_device) noexcept {
    VkPhysicalDeviceProperties properties;
    entry::vkGetPhysicalDeviceProperties(physical_device, &properties);
    facts_.max_image_dimension = properties.limits.maxImageDimension2D;
    constexpr VkFormatFeatureFlags kNeeded =
        VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT | VK_FORMAT_FEATURE_TRANSFER_SRC_BIT;
    VkImageUsageFlags usage = ~0u;
    for (const VkFormat format : wsi::swapchain_formats()) {
      VkFormatProperties supported{};
      entry::vkGetPhysicalDeviceFormatProperties(physical_device, format, &supported);
      if ((supported.optimalTilingFeatures & kNeeded) != kNeeded) continue;
      formats_[count_++] = format;
      const bool srgb = format == VK_FORMAT_B8G8R8A8_SRGB || format == VK_FORMAT_R8G8B8A8_SRGB;
      if (!srgb) usage &= wsi::usage_of(supported.optimalTilingFeatures);
    }
    facts_.usage = count_ == 0 ? 0 : usage;
    facts_.formats = std::span<const VkFormat>(formats_.data(), count_);
  }
  const wsi::DeviceFacts& operator*() const noexcept { return facts_; }

 private:
  std::array<VkFormat, 8> formats_{};
  std::size_t count_ = 0;
  wsi::DeviceFacts facts_;
};

/// Presenting is a copy, so every family that can copy images presents.
bool family_presents(VkPhysicalDevice physical_device, std::uint32_t family) noexcept {
  std::uint32_t count = 0;
  entry::vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, nullptr);
  try {
    std::vector<VkQueueFamilyProperties> families(count);
    entry::vkGetPhysicalDeviceQueueFamilyProperties(physical_device, &count, families.data());
    constexpr VkQueueFlags kCopies = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
    return family < count && (families[family].queueFlags & kCopies) != 0;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// The two-call idiom. `make(i)` gives the i-th of `total`.
template <class T, class Make>
VkResult enumerate(std::uint32_t total, std::uint32_t* count, T* out, Make&& make) noexcept {
  if (out == nullptr) {
    *count = total;
    return VK_SUCCESS;
  }
  const std::uint32_t room = *count;
  *count = std::min(room, total);
  for (std::uint32_t i = 0; i < *count; ++i) make(i, out[i]);
  return room < total ? VK_INCOMPLETE : VK_SUCCESS;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateXcbSurfaceKHR(VkInstance, const VkXcbSurfaceCreateInfoKHR* pCreateInfo,
                                                     const VkAllocationCallbacks*,
                                                     VkSurfaceKHR* pSurface) noexcept {
  const wsi::XcbLibrary* xcb = wsi::XcbLibrary::get();
  if (xcb == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return give(new (std::nothrow) wsi::XcbSurface(*xcb, pCreateInfo->connection, pCreateInfo->window),
              pSurface);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateXlibSurfaceKHR(VkInstance,
                                                      const VkXlibSurfaceCreateInfoKHR* pCreateInfo,
                                                      const VkAllocationCallbacks*,
                                                      VkSurfaceKHR* pSurface) noexcept {
  const wsi::XcbLibrary* xcb = wsi::XcbLibrary::get();
  const wsi::X11XcbLibrary* bridge = wsi::X11XcbLibrary::get();
  if (xcb == nullptr || bridge == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  xcb_connection_t* connection = bridge->XGetXCBConnection(pCreateInfo->dpy);
  const auto window = static_cast<xcb_window_t>(pCreateInfo->window);
  return give(new (std::nothrow) wsi::XcbSurface(*xcb, connection, window), pSurface);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateWaylandSurfaceKHR(VkInstance,
                                                         const VkWaylandSurfaceCreateInfoKHR* pCreateInfo,
                                                         const VkAllocationCallbacks*,
                                                         VkSurfaceKHR* pSurface) noexcept {
  const wsi::WaylandLibrary* wayland = wsi::WaylandLibrary::get();
  if (wayland == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return give(new (std::nothrow) wsi::WaylandSurface(*wayland, pCreateInfo->display, pCreateInfo->surface),
              pSurface);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateHeadlessSurfaceEXT(VkInstance, const VkHeadlessSurfaceCreateInfoEXT*,
                                                          const VkAllocationCallbacks*,
                                                          VkSurfaceKHR* pSurface) noexcept {
  return give(new (std::nothrow) wsi::HeadlessSurface, pSurface);
}

VKAPI_ATTR void VKAPI_CALL vkDestroySurfaceKHR(VkInstance, VkSurfaceKHR surface,
                                               const VkAllocationCallbacks*) noexcept {
  if (surface == VK_NULL_HANDLE) return;
  forget_private_data(protocol::id_of(surface));
  delete Surface::from(surface);
}

VKAPI_ATTR VkBool32 VKAPI_CALL vkGetPhysicalDeviceXcbPresentationSupportKHR(
    VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, xcb_connection_t* connection,
    xcb_visualid_t visual_id) noexcept {
  return family_presents(physicalDevice, queueFamilyIndex) &&
         wsi::xcb_visual_presentable(connection, visual_id);
}

VKAPI_ATTR VkBool32 VKAPI_CALL vkGetPhysicalDeviceXlibPresentationSupportKHR(VkPhysicalDevice physicalDevice,
                                                                             uint32_t queueFamilyIndex,
                                                                             Display* dpy,
                                                                             VisualID visualID) noexcept {
  const wsi::X11XcbLibrary* bridge = wsi::X11XcbLibrary::get();
  return bridge != nullptr && family_presents(physicalDevice, queueFamilyIndex) &&
         wsi::xcb_visual_presentable(bridge->XGetXCBConnection(dpy), static_cast<xcb_visualid_t>(visualID));
}

VKAPI_ATTR VkBool32 VKAPI_CALL vkGetPhysicalDeviceWaylandPresentationSupportKHR(
    VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, wl_display*) noexcept {
  return wsi::WaylandLibrary::get() != nullptr && family_presents(physicalDevice, queueFamilyIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceSurfaceSupportKHR(VkPhysicalDevice physicalDevice,
                                                                    uint32_t queueFamilyIndex,
                                                                    VkSurfaceKHR surface,
                                                                    VkBool32* pSupported) noexcept {
  *pSupported = family_presents(physicalDevice, queueFamilyIndex) && Surface::from(surface)->presentable();
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkGetPhysicalDeviceSurfaceCapabilitiesKHR(VkPhysicalDevice physicalDevice, VkSurfaceKHR surface,
                                          VkSurfaceCapabilitiesKHR* pSurfaceCapabilities) noexcept {
  return wsi::surface_capabilities(*Surface::from(surface), *Facts(physicalDevice), *pSurfaceCapabilities);
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceSurfaceCapabilities2KHR(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR* pSurfaceInfo,
    VkSurfaceCapabilities2KHR* pSurfaceCapabilities) noexcept {
  return wsi::surface_capabilities2(*Facts(physicalDevice), *pSurfaceInfo, *pSurfaceCapabilities);
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceSurfaceFormatsKHR(
    VkPhysicalDevice physicalDevice, VkSurfaceKHR, uint32_t* pSurfaceFormatCount,
    VkSurfaceFormatKHR* pSurfaceFormats) noexcept {
  const Facts facts(physicalDevice);
  const auto formats = (*facts).formats;
  return enumerate(static_cast<std::uint32_t>(formats.size()), pSurfaceFormatCount, pSurfaceFormats,
                   [&](std::uint32_t i, VkSurfaceFormatKHR& out) {
                     out = {formats[i], VK_COLOR_SPACE_SRGB_NONLINEAR_KHR};
                   });
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceSurfaceFormats2KHR(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR*, uint32_t* pSurfaceFormatCount,
    VkSurfaceFormat2KHR* pSurfaceFormats) noexcept {
  const Facts facts(physicalDevice);
  const auto formats = (*facts).formats;
  return enumerate(static_cast<std::uint32_t>(formats.size()), pSurfaceFormatCount, pSurfaceFormats,
                   [&](std::uint32_t i, VkSurfaceFormat2KHR& out) {
                     out.surfaceFormat = {formats[i], VK_COLOR_SPACE_SRGB_NONLINEAR_KHR};
                   });
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceSurfacePresentModesKHR(
    VkPhysicalDevice, VkSurfaceKHR, uint32_t* pPresentModeCount, VkPresentModeKHR* pPresentModes) noexcept {
  const auto modes = wsi::present_modes();
  return enumerate(static_cast<std::uint32_t>(modes.size()), pPresentModeCount, pPresentModes,
                   [&](std::uint32_t i, VkPresentModeKHR& out) { out = modes[i]; });
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDevicePresentRectanglesKHR(VkPhysicalDevice, VkSurfaceKHR surface,
                                                                       uint32_t* pRectCount,
                                                                       VkRect2D* pRects) noexcept {
  wsi::SurfaceShape shape;
  if (const VkResult result = Surface::from(surface)->shape(shape); result != VK_SUCCESS) return result;
  return enumerate(1, pRectCount, pRects, [&](std::uint32_t, VkRect2D& out) {
    out = {{0, 0}, shape.current};
  });
}

}  // namespace entry
}  // namespace viaduct::guest
