#include "guest-icd/wsi/wayland_surface.hpp"

#include <new>

#include "guest-icd/wsi/wayland_target.hpp"

namespace viaduct::guest::wsi {

VkResult WaylandSurface::shape(SurfaceShape& out) noexcept {
  if (wayland_.wl_display_get_error(display_) != 0) return VK_ERROR_SURFACE_LOST_KHR;
  out = {};
  out.alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
  return VK_SUCCESS;
}

VkResult WaylandSurface::make_target(const TargetOptions& options, WakeFd& wake,
                                     std::unique_ptr<PresentTarget>& out) noexcept {
  auto* target = new (std::nothrow) WaylandTarget(wayland_, display_, surface_, options, wake);
  out.reset(target);
  if (target == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return target->lost() ? VK_ERROR_SURFACE_LOST_KHR : VK_SUCCESS;
}

}  // namespace viaduct::guest::wsi
