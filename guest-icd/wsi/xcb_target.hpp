// Frames into an X window: MIT-SHM where the server can map a memfd of ours, PutImage otherwise.
//
// The target opens a connection of its own to the application's server: the present thread then reads no
// events of the application's (which its poll loop might miss), sends nothing between Xlib's requests, and
// receives the Present extension's and the window's events in a queue that nobody else sees. Where no second
// connection can be had (a display reached over TCP) the application's is used with checked requests only, no
// event is asked for, and FIFO is paced by the clock.
//
// Each frame ends with a GetGeometry: its reply says that the server has read the pixels, and tells the size.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <vector>

#include "guest-icd/wsi/present_target.hpp"
#include "guest-icd/wsi/shared_pixels.hpp"
#include "guest-icd/wsi/xcb_library.hpp"

namespace viaduct::guest::wsi {

struct XcbTargetOptions {
  xcb_connection_t* connection = nullptr;
  xcb_window_t window = XCB_NONE;
  xcb_window_t root = XCB_NONE;
  std::uint8_t depth = 24;
  PixelLayout layout;
  Extent window_extent;
  bool opaque = true;
  VkPresentGravityFlagsEXT gravity_x = VK_PRESENT_GRAVITY_MIN_BIT_EXT;
  VkPresentGravityFlagsEXT gravity_y = VK_PRESENT_GRAVITY_MIN_BIT_EXT;
  bool allow_shm = true;
  bool allow_own_connection = true;
};

class XcbTarget final : public PresentTarget {
 public:
  XcbTarget(const XcbLibrary& xcb, const XcbTargetOptions& options, WakeFd& wake) noexcept;
  ~XcbTarget() override;

  void show(const FrameView& frame) noexcept override;
  bool due() noexcept override;
  void wait(std::uint64_t until_ns, bool until_due) noexcept override;

  bool uses_shm() const noexcept { return segment_ != 0; }
  bool uses_own_connection() const noexcept { return own_; }

 private:
  void open_own_connection() noexcept;
  void start_events() noexcept;
  void pump_events() noexcept;
  bool attach_shm(std::size_t size) noexcept;
  void put_by_shm(const FrameView& frame) noexcept;
  void put_by_request(const FrameView& frame) noexcept;
  std::int16_t left_of(const FrameView& frame) const noexcept;
  std::int16_t top_of(const FrameView& frame) const noexcept;
  void finish_put(xcb_void_cookie_t put) noexcept;
  bool check(xcb_void_cookie_t cookie) noexcept;

  const XcbLibrary& xcb_;
  const XcbShmLibrary* shm_ = nullptr;          ///< null: not usable with this server
  const XcbPresentLibrary* present_ = nullptr;  ///< null: paced by the clock
  XcbTargetOptions options_;
  xcb_connection_t* connection_;
  bool own_ = false;
  bool abandoned_ = false;  ///< a reply was given up on (only when the swapchain ends)
  xcb_gcontext_t gc_ = XCB_NONE;
  std::uint8_t present_opcode_ = 0;
  std::uint32_t present_serial_ = 0;
  bool beat_ = true;  ///< the Present extension has said that the last frame's vertical blank has come
  FrameTimer timer_{kDefaultFrameInterval};
  std::uint64_t shown_at_ = 0;
  SharedPixels pixels_;
  std::uint32_t segment_ = 0;
  std::vector<std::byte> rows_;
};

}  // namespace viaduct::guest::wsi
