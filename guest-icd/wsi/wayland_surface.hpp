// A Wayland surface. Its size is whatever is attached to it, so no swapchain here is ever out of date.
#pragma once

#include "guest-icd/wsi/surface.hpp"
#include "guest-icd/wsi/wayland_library.hpp"

namespace viaduct::guest::wsi {

class WaylandSurface final : public Surface {
 public:
  WaylandSurface(const WaylandLibrary& wayland, wl_display* display, wl_surface* surface) noexcept
      : wayland_(wayland), display_(display), surface_(surface) {}

  VkResult shape(SurfaceShape& out) noexcept override;
  bool presentable() noexcept override { return true; }
  VkResult make_target(const TargetOptions& options, WakeFd& wake,
                       std::unique_ptr<PresentTarget>& out) noexcept override;

 private:
  const WaylandLibrary& wayland_;
  wl_display* display_;
  wl_surface* surface_;
};

}  // namespace viaduct::guest::wsi
