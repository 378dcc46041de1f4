// VkSurfaceKHR: lives in the guest only, the handle is the object's address and never crosses the wire.
// Immutable after creation except for the swapchain that holds it; its queries may come from any thread and
// use the application's own connection in the application's thread.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <memory>
#include <optional>
#include <span>

#include "guest-icd/wsi/present_target.hpp"

namespace viaduct::guest::wsi {

class Swapchain;

struct TargetOptions {
  Extent extent;
  bool opaque = true;  ///< VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
  /// Where a frame lies in a window of another size; what a surface does not fix needs no placing.
  VkPresentGravityFlagsEXT gravity_x = VK_PRESENT_GRAVITY_MIN_BIT_EXT;
  VkPresentGravityFlagsEXT gravity_y = VK_PRESENT_GRAVITY_MIN_BIT_EXT;
};

struct SurfaceShape {
  VkExtent2D current{UINT32_MAX, UINT32_MAX};  ///< the special value: the swapchain decides
  VkCompositeAlphaFlagsKHR alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
};

class Surface {
 public:
  virtual ~Surface() = default;
  static Surface* from(VkSurfaceKHR handle) noexcept { return reinterpret_cast<Surface*>(handle); }
  VkSurfaceKHR handle() noexcept { return reinterpret_cast<VkSurfaceKHR>(this); }

  /// VK_SUCCESS or VK_ERROR_SURFACE_LOST_KHR.
  virtual VkResult shape(SurfaceShape& out) noexcept = 0;
  /// Whether frames can be shown here at all (an X visual of an exotic kind cannot).
  virtual bool presentable() noexcept = 0;
  /// VK_SUCCESS, VK_ERROR_SURFACE_LOST_KHR or VK_ERROR_OUT_OF_HOST_MEMORY. `wake` outlives the target.
  virtual VkResult make_target(const TargetOptions& options, WakeFd& wake,
                               std::unique_ptr<PresentTarget>& out) noexcept = 0;

  /// The swapchain that is not retired, if any.
  std::atomic<Swapchain*> swapchain{nullptr};
};

/// What the queries need to know of the physical device.
struct DeviceFacts {
  std::uint32_t max_image_dimension = 0;
  VkImageUsageFlags usage = 0;        ///< what optimal-tiling images of the surface's formats can be used for
  std::span<const VkFormat> formats;  ///< of swapchain_formats(), those the device can render to and copy
};

/// Every format that is offered, the preferred first.
std::span<const VkFormat> swapchain_formats() noexcept;
/// How the pixels of a format lie in memory, if they can be shown. More are shown than are offered: Mesa's
/// EGL on Wayland takes what the compositor's wl_shm has without asking the driver, and programs that do ask
/// would gain nothing from 10 bits, of which 8 reach the screen.
std::optional<PixelOrder> pixel_order(VkFormat format) noexcept;
/// VkFormatFeatureFlags as the image usage they allow.
VkImageUsageFlags usage_of(VkFormatFeatureFlags features) noexcept;

VkResult surface_capabilities(Surface& surface, const DeviceFacts& facts,
                              VkSurfaceCapabilitiesKHR& out) noexcept;
/// The same with both chains (VK_EXT_surface_maintenance1, VK_KHR_surface_protected_capabilities).
VkResult surface_capabilities2(const DeviceFacts& facts, const VkPhysicalDeviceSurfaceInfo2KHR& info,
                               VkSurfaceCapabilities2KHR& out) noexcept;

/// Of any surface. Each may follow each in one swapchain: all are compatible with all.
std::span<const VkPresentModeKHR> present_modes() noexcept;

}  // namespace viaduct::guest::wsi
