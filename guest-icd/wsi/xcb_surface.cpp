#include "guest-icd/wsi/xcb_surface.hpp"

#include <new>

#include "guest-icd/wsi/xcb_target.hpp"
#include "guest-icd/wsi/xcb_window.hpp"

namespace viaduct::guest::wsi {

VkResult XcbSurface::shape(SurfaceShape& out) noexcept {
  XcbWindow window;
  if (!query_window(xcb_, connection_, window_, window)) return VK_ERROR_SURFACE_LOST_KHR;
  out.current = {window.extent.width, window.extent.height};
  out.alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
  if (window.depth == 32) out.alpha |= VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
  return VK_SUCCESS;
}

bool XcbSurface::presentable() noexcept {
  XcbWindow window;
  PixelLayout layout;
  return query_window(xcb_, connection_, window_, window) &&
         visual_layout(xcb_, connection_, window.visual, window.depth, layout);
}

VkResult XcbSurface::make_target(const TargetOptions& options, WakeFd& wake,
                                 std::unique_ptr<PresentTarget>& out) noexcept {
  // Asked on the application's connection, so that a window which it has only just requested exists from here
  // on.
  XcbWindow window;
  XcbTargetOptions target;
  target.connection = connection_;
  target.window = window_;
  target.opaque = options.opaque;
  target.gravity_x = options.gravity_x;
  target.gravity_y = options.gravity_y;
  if (!query_window(xcb_, connection_, window_, window)) return VK_ERROR_SURFACE_LOST_KHR;
  if (!visual_layout(xcb_, connection_, window.visual, window.depth, target.layout)) {
    return VK_ERROR_SURFACE_LOST_KHR;
  }
  target.depth = window.depth;
  target.root = window.root;
  target.window_extent = window.extent;
  out.reset(new (std::nothrow) XcbTarget(xcb_, target, wake));
  return out ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

bool xcb_visual_presentable(xcb_connection_t* connection, xcb_visualid_t visual) noexcept {
  const XcbLibrary* xcb = XcbLibrary::get();
  PixelLayout layout;
  return xcb != nullptr && visual_layout(*xcb, connection, visual, 0, layout);
}

}  // namespace viaduct::guest::wsi
