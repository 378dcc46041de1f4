// An X window, by its XCB connection; Xlib's windows come the same way (XGetXCBConnection).
#pragma once

#include "guest-icd/wsi/surface.hpp"
#include "guest-icd/wsi/xcb_library.hpp"

namespace viaduct::guest::wsi {

class XcbSurface final : public Surface {
 public:
  XcbSurface(const XcbLibrary& xcb, xcb_connection_t* connection, xcb_window_t window) noexcept
      : xcb_(xcb), connection_(connection), window_(window) {}

  VkResult shape(SurfaceShape& out) noexcept override;
  bool presentable() noexcept override;
  VkResult make_target(const TargetOptions& options, WakeFd& wake,
                       std::unique_ptr<PresentTarget>& out) noexcept override;

 private:
  const XcbLibrary& xcb_;
  xcb_connection_t* connection_;
  xcb_window_t window_;
};

/// For vkGetPhysicalDevice{Xcb,Xlib}PresentationSupportKHR.
bool xcb_visual_presentable(xcb_connection_t* connection, xcb_visualid_t visual) noexcept;

}  // namespace viaduct::guest::wsi
