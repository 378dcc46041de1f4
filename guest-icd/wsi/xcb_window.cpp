#include "guest-icd/wsi/xcb_window.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace viaduct::guest::wsi {
namespace {

struct FreeDeleter {
  void operator()(void* pointer) const noexcept { std::free(pointer); }
};
template <class T>
using Reply = std::unique_ptr<T, FreeDeleter>;

/// Bits a pixel of this depth takes in an image; 0 when the server has no such depth.
std::uint8_t bits_per_pixel(const XcbLibrary& xcb, const xcb_setup_t* setup, std::uint8_t depth) noexcept {
  const xcb_format_t* formats = xcb.xcb_setup_pixmap_formats(setup);
  for (int i = 0; i < xcb.xcb_setup_pixmap_formats_length(setup); ++i) {
    if (formats[i].depth == depth) return formats[i].bits_per_pixel;
  }
  return 0;
}

const xcb_visualtype_t* find_visual(const XcbLibrary& xcb, const xcb_setup_t* setup, xcb_visualid_t id,
                                    std::uint8_t& depth) noexcept {
  for (auto screen = xcb.xcb_setup_roots_iterator(setup); screen.rem > 0; xcb.xcb_screen_next(&screen)) {
    for (auto depths = xcb.xcb_screen_allowed_depths_iterator(screen.data); depths.rem > 0;
         xcb.xcb_depth_next(&depths)) {
      if (depth != 0 && depths.data->depth != depth) continue;
      const auto visuals = xcb.xcb_depth_visuals_iterator(depths.data);
      for (int i = 0; i < xcb.xcb_depth_visuals_length(depths.data); ++i) {
        if (visuals.data[i].visual_id != id) continue;
        depth = depths.data->depth;
        return &visuals.data[i];
      }
    }
  }
  return nullptr;
}

}  // namespace

bool query_window(const XcbLibrary& xcb, xcb_connection_t* connection, xcb_window_t window,
                  XcbWindow& out) noexcept {
  const auto geometry_cookie = xcb.xcb_get_geometry(connection, window);
  const auto attributes_cookie = xcb.xcb_get_window_attributes(connection, window);
  xcb_generic_error_t* error = nullptr;
  const Reply<xcb_get_geometry_reply_t> geometry(
      xcb.xcb_get_geometry_reply(connection, geometry_cookie, &error));
  std::free(error);
  error = nullptr;
  const Reply<xcb_get_window_attributes_reply_t> attributes(
      xcb.xcb_get_window_attributes_reply(connection, attributes_cookie, &error));
  std::free(error);
  if (!geometry || !attributes) return false;
  out.extent = {geometry->width, geometry->height};
  out.depth = geometry->depth;
  out.root = geometry->root;
  out.visual = attributes->visual;
  return true;
}

bool visual_layout(const XcbLibrary& xcb, xcb_connection_t* connection, xcb_visualid_t visual,
                   std::uint8_t depth, PixelLayout& out) noexcept {
  const xcb_setup_t* setup = xcb.xcb_get_setup(connection);
  if (setup == nullptr) return false;
  const xcb_visualtype_t* type = find_visual(xcb, setup, visual, depth);
  // A direct-colour visual has masks as well; what its colour map makes of the values is the application's
  // affair.
  if (type == nullptr ||
      (type->_class != XCB_VISUAL_CLASS_TRUE_COLOR && type->_class != XCB_VISUAL_CLASS_DIRECT_COLOR)) {
    return false;
  }
  const std::uint8_t bits = bits_per_pixel(xcb, setup, depth);
  if (bits != 32 && bits != 16) return false;
  out.bytes = bits / 8;
  out.red = type->red_mask;
  out.green = type->green_mask;
  out.blue = type->blue_mask;
  // A 32-bit visual's alpha is what the colour masks leave over.
  out.alpha = depth == 32 ? ~(type->red_mask | type->green_mask | type->blue_mask) : 0;
  out.big_endian = setup->image_byte_order == XCB_IMAGE_ORDER_MSB_FIRST;
  return true;
}

bool is_unix_socket(const XcbLibrary& xcb, xcb_connection_t* connection) noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  const int fd = xcb.xcb_get_file_descriptor(connection);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
         address.ss_family == AF_UNIX;
}

xcb_connection_t* connect_again(const XcbLibrary& xcb, xcb_connection_t* connection) noexcept {
  // The server's address is the only thing a connection tells of its display: ".../.X11-unix/X<number>".
  sockaddr_un address{};
  socklen_t length = sizeof(address) - 1;
  const int fd = xcb.xcb_get_file_descriptor(connection);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return nullptr;
  if (address.sun_family != AF_UNIX || length <= offsetof(sockaddr_un, sun_path)) return nullptr;
  const char* begin = address.sun_path;
  std::size_t size = length - offsetof(sockaddr_un, sun_path);
  if (*begin == '\0') {  // the abstract name space
    ++begin;
    --size;
  }
  const std::string_view path(begin, ::strnlen(begin, size));
  constexpr std::string_view kPrefix = "/.X11-unix/X";
  const auto at = path.rfind(kPrefix);
  if (at == std::string_view::npos) return nullptr;
  const std::string_view number = path.substr(at + kPrefix.size());
  if (number.empty() || number.size() > 6 || number.find_first_not_of("0123456789") != number.npos)
    return nullptr;
  char display[16];
  std::snprintf(display, sizeof(display), ":%.*s", static_cast<int>(number.size()), number.data());
  xcb_connection_t* own = xcb.xcb_connect(display, nullptr);
  if (xcb.xcb_connection_has_error(own) != 0) {
    xcb.xcb_disconnect(own);
    return nullptr;
  }
  return own;
}

std::uint64_t frame_interval_ns(const XcbLibrary& xcb, xcb_connection_t* connection,
                                xcb_window_t root) noexcept {
  const XcbRandrLibrary* randr = XcbRandrLibrary::get();
  if (randr == nullptr) return kDefaultFrameInterval;
  const xcb_query_extension_reply_t* extension = xcb.xcb_get_extension_data(connection, randr->xcb_randr_id);
  if (extension == nullptr || extension->present == 0) return kDefaultFrameInterval;
  xcb_generic_error_t* error = nullptr;
  const Reply<xcb_randr_get_screen_info_reply_t> info(randr->xcb_randr_get_screen_info_reply(
      connection, randr->xcb_randr_get_screen_info(connection, root), &error));
  std::free(error);
  if (!info || info->rate < 10 || info->rate > 1000) return kDefaultFrameInterval;
  return 1'000'000'000u / info->rate;
}

}  // namespace viaduct::guest::wsi
