// Questions to an X server about windows and visuals. Each is a checked request on the connection given, so
// that no error reaches the application's event queue.
#pragma once

#include <cstdint>

#include "guest-icd/wsi/pixels.hpp"
#include "guest-icd/wsi/present_target.hpp"
#include "guest-icd/wsi/xcb_library.hpp"

namespace viaduct::guest::wsi {

struct XcbWindow {
  Extent extent;
  std::uint8_t depth = 0;
  xcb_window_t root = XCB_NONE;
  xcb_visualid_t visual = XCB_NONE;
};

/// False when the window does not exist or the connection is broken.
bool query_window(const XcbLibrary& xcb, xcb_connection_t* connection, xcb_window_t window,
                  XcbWindow& out) noexcept;

/// The layout of this visual's pixels; false when frames cannot be shown in it (neither true nor direct
/// colour, odd pixel size). `depth` 0: whatever depth the visual has.
bool visual_layout(const XcbLibrary& xcb, xcb_connection_t* connection, xcb_visualid_t visual,
                   std::uint8_t depth, PixelLayout& out) noexcept;

/// A connection of the driver's own to the server that `connection` talks to; null when there is no way to
/// one.
xcb_connection_t* connect_again(const XcbLibrary& xcb, xcb_connection_t* connection) noexcept;

/// True when file descriptors can travel on it.
bool is_unix_socket(const XcbLibrary& xcb, xcb_connection_t* connection) noexcept;

/// The time between frames on the window's screen, by RANDR; kDefaultFrameInterval when it does not tell.
std::uint64_t frame_interval_ns(const XcbLibrary& xcb, xcb_connection_t* connection,
                                xcb_window_t root) noexcept;

}  // namespace viaduct::guest::wsi
