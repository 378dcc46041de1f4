#include "guest-icd/wsi/xcb_target.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/switches.hpp"
#include "guest-icd/wsi/xcb_window.hpp"

namespace viaduct::guest::wsi {
namespace {

/// X pads the rows of an image to 32 bits (the setup's scanline pad, which no server has set otherwise in
/// years).
std::size_t image_pitch(std::uint32_t width, const PixelLayout& layout) noexcept {
  return (static_cast<std::size_t>(width) * layout.bytes + 3) & ~std::size_t{3};
}

/// Where a frame begins on an axis on which the window has another size.
std::int16_t place(VkPresentGravityFlagsEXT gravity, std::uint32_t window, std::uint32_t frame) noexcept {
  const auto room = static_cast<std::int32_t>(window) - static_cast<std::int32_t>(frame);
  if (gravity == VK_PRESENT_GRAVITY_MAX_BIT_EXT) return static_cast<std::int16_t>(room);
  return static_cast<std::int16_t>(gravity == VK_PRESENT_GRAVITY_CENTERED_BIT_EXT ? room / 2 : 0);
}

}  // namespace

XcbTarget::XcbTarget(const XcbLibrary& xcb, const XcbTargetOptions& options, WakeFd& wake) noexcept
    : PresentTarget(wake), xcb_(xcb), options_(options), connection_(options.connection) {
  set_window_extent(options.window_extent);
  if (options.allow_own_connection) open_own_connection();
  gc_ = xcb_.xcb_generate_id(connection_);
  // Without graphics exposures: PutImage never sends them, but nothing here may ever cause an event.
  const std::uint32_t no_exposures = 0;
  if (!check(xcb_.xcb_create_gc_checked(connection_, gc_, options_.window, XCB_GC_GRAPHICS_EXPOSURES,
                                        &no_exposures))) {
    set_lost();
    return;
  }
  if (own_) start_events();
  // Only where it is needed: a server may ask its monitors before it answers.
  if (present_ == nullptr) timer_ = FrameTimer(frame_interval_ns(xcb_, connection_, options_.root));
  if (options.allow_shm && perf_enabled(PerfSwitch::shm_present) && is_unix_socket(xcb_, connection_)) {
    shm_ = XcbShmLibrary::get();
    if (shm_ != nullptr) {
      const auto* extension = xcb_.xcb_get_extension_data(connection_, shm_->xcb_shm_id);
      if (extension == nullptr || extension->present == 0) shm_ = nullptr;
    }
    if (shm_ != nullptr) {
      auto* version =
          shm_->xcb_shm_query_version_reply(connection_, shm_->xcb_shm_query_version(connection_), nullptr);
      const bool passes_fds =
          version != nullptr &&
          (version->major_version > 1 || (version->major_version == 1 && version->minor_version >= 2));
      std::free(version);
      if (!passes_fds) shm_ = nullptr;
    }
  }
}

XcbTarget::~XcbTarget() {
  if (own_) {
    xcb_.xcb_disconnect(connection_);  // the server frees what this client had
    return;
  }
  if (xcb_.xcb_connection_has_error(connection_) != 0) return;
  if (segment_ != 0) shm_->xcb_shm_detach(connection_, segment_);
  if (!lost()) xcb_.xcb_free_gc(connection_, gc_);
  xcb_.xcb_flush(connection_);
}

void XcbTarget::open_own_connection() noexcept {
  xcb_connection_t* own = connect_again(xcb_, options_.connection);
  if (own == nullptr) return;
  XcbWindow window;
  // The same name could lead to another server (another mount namespace): it must know this very window.
  if (!query_window(xcb_, own, options_.window, window) || window.root != options_.root ||
      window.depth != options_.depth) {
    xcb_.xcb_disconnect(own);
    return;
  }
  connection_ = own;
  own_ = true;
}

void XcbTarget::start_events() noexcept {
  const std::uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
  check(xcb_.xcb_change_window_attributes_checked(connection_, options_.window, XCB_CW_EVENT_MASK, &mask));
  const XcbPresentLibrary* present = XcbPresentLibrary::get();
  if (present == nullptr) return;
  const auto* extension = xcb_.xcb_get_extension_data(connection_, present->xcb_present_id);
  if (extension == nullptr || extension->present == 0) return;
  auto* version = present->xcb_present_query_version_reply(
      connection_, present->xcb_present_query_version(connection_, 1, 0), nullptr);
  if (version == nullptr) return;
  std::free(version);
  if (!check(present->xcb_present_select_input_checked(connection_, xcb_.xcb_generate_id(connection_),
                                                       options_.window,
                                                       XCB_PRESENT_EVENT_MASK_COMPLETE_NOTIFY))) {
    return;
  }
  present_opcode_ = extension->major_opcode;
  present_ = present;
}

bool XcbTarget::check(xcb_void_cookie_t cookie) noexcept {
  xcb_generic_error_t* error = xcb_.xcb_request_check(connection_, cookie);
  const bool fine = error == nullptr && xcb_.xcb_connection_has_error(connection_) == 0;
  std::free(error);
  return fine;
}

void XcbTarget::pump_events() noexcept {
  if (!own_) return;
  while (xcb_generic_event_t* event = xcb_.xcb_poll_for_event(connection_)) {
    switch (event->response_type & 0x7f) {
      case XCB_CONFIGURE_NOTIFY: {
        const auto* configure = reinterpret_cast<const xcb_configure_notify_event_t*>(event);
        if (configure->window == options_.window) set_window_extent({configure->width, configure->height});
        break;
      }
      case XCB_DESTROY_NOTIFY:
        if (reinterpret_cast<const xcb_destroy_notify_event_t*>(event)->window == options_.window) set_lost();
        break;
      case XCB_GE_GENERIC: {
        const auto* generic = reinterpret_cast<const xcb_present_generic_event_t*>(event);
        if (generic->extension != present_opcode_ || generic->evtype != XCB_PRESENT_COMPLETE_NOTIFY) break;
        const auto* complete = reinterpret_cast<const xcb_present_complete_notify_event_t*>(event);
        if (complete->serial == present_serial_) beat_ = true;
        break;
      }
      default:
        break;
    }
    std::free(event);
  }
  if (xcb_.xcb_connection_has_error(connection_) != 0) set_lost();
}

bool XcbTarget::attach_shm(std::size_t size) noexcept {
  if (shm_ == nullptr) return false;
  if (segment_ != 0 && pixels_.size() >= size) return true;
  if (segment_ != 0) shm_->xcb_shm_detach(connection_, segment_);
  segment_ = 0;
  if (!pixels_.allocate(size)) {
    shm_ = nullptr;
    return false;
  }
  const int passed = ::fcntl(pixels_.fd(), F_DUPFD_CLOEXEC, 0);  // xcb closes what it sends
  const std::uint32_t segment = xcb_.xcb_generate_id(connection_);
  if (passed < 0 || !check(shm_->xcb_shm_attach_fd_checked(connection_, segment, passed, 1))) {
    VIADUCT_LOG_DEBUG("wsi", "the X server maps no memory of ours: plain PutImage");
    shm_ = nullptr;
    pixels_.reset();
    return false;
  }
  segment_ = segment;
  return true;
}

void XcbTarget::show(const FrameView& frame) noexcept {
  if (lost() || abandoned_) return;
  pump_events();
  if (lost()) return;
  const std::size_t size = image_pitch(frame.width, options_.layout) * frame.height;
  if (attach_shm(size)) {
    put_by_shm(frame);
  } else {
    put_by_request(frame);
  }
  shown_at_ = now_ns();
  timer_.shown(shown_at_);
  if (present_ != nullptr && !lost() && !abandoned_) {
    beat_ = false;
    // Divisor 1: the next vertical blank after this moment, whatever its number. An error would come to our
    // own queue.
    present_->xcb_present_notify_msc(connection_, options_.window, ++present_serial_, 0, 1, 0);
    xcb_.xcb_flush(connection_);
  }
}

std::int16_t XcbTarget::left_of(const FrameView& frame) const noexcept {
  return place(options_.gravity_x, window_extent().width, frame.width);
}

std::int16_t XcbTarget::top_of(const FrameView& frame) const noexcept {
  return place(options_.gravity_y, window_extent().height, frame.height);
}

void XcbTarget::put_by_shm(const FrameView& frame) noexcept {
  const std::size_t pitch = image_pitch(frame.width, options_.layout);
  convert_rows(frame, 0, frame.height, options_.layout, options_.opaque, pixels_.data(), pitch);
  const auto width = static_cast<std::uint16_t>(frame.width);
  const auto height = static_cast<std::uint16_t>(frame.height);
  const auto total = static_cast<std::uint16_t>(pitch / options_.layout.bytes);
  finish_put(shm_->xcb_shm_put_image_checked(connection_, options_.window, gc_, total, height, 0, 0, width,
                                             height, left_of(frame), top_of(frame), options_.depth,
                                             XCB_IMAGE_FORMAT_Z_PIXMAP, 0, segment_, 0));
}

void XcbTarget::put_by_request(const FrameView& frame) noexcept {
  const std::size_t pitch = image_pitch(frame.width, options_.layout);
  constexpr std::size_t kBandLimit = 1 << 20;
  constexpr std::size_t kRequestHeader = 32;
  const std::size_t longest = static_cast<std::size_t>(xcb_.xcb_get_maximum_request_length(connection_)) * 4;
  const std::size_t room = std::min(kBandLimit, longest > kRequestHeader ? longest - kRequestHeader : 0);
  const auto band = static_cast<std::uint32_t>(std::clamp<std::size_t>(room / pitch, 1, frame.height));
  try {
    rows_.resize(pitch * band);
  } catch (const std::bad_alloc&) {
    return;
  }
  // Asked once: the window may change its size between two bands.
  const std::int16_t left = left_of(frame);
  const std::int16_t top = top_of(frame);
  for (std::uint32_t y = 0; y < frame.height && !lost() && !abandoned_; y += band) {
    const std::uint32_t rows = std::min(band, frame.height - y);
    convert_rows(frame, y, rows, options_.layout, options_.opaque, rows_.data(), pitch);
    finish_put(xcb_.xcb_put_image_checked(
        connection_, XCB_IMAGE_FORMAT_Z_PIXMAP, options_.window, gc_, static_cast<std::uint16_t>(frame.width),
        static_cast<std::uint16_t>(rows), left, static_cast<std::int16_t>(top + static_cast<std::int32_t>(y)),
        0, options_.depth, static_cast<std::uint32_t>(pitch * rows),
        reinterpret_cast<const std::uint8_t*>(rows_.data())));
  }
}

void XcbTarget::finish_put(xcb_void_cookie_t put) noexcept {
  const auto asked = xcb_.xcb_get_geometry(connection_, options_.window);
  xcb_.xcb_flush(connection_);
  void* reply = nullptr;
  xcb_generic_error_t* error = nullptr;
  if (own_) {
    // A server that is grabbed or stopped must not hold up vkDestroySwapchainKHR.
    constexpr std::uint64_t kPatienceAtTheEnd = 250'000'000;
    const int server = xcb_.xcb_get_file_descriptor(connection_);
    const std::uint64_t give_up = now_ns() + kPatienceAtTheEnd;
    while (xcb_.xcb_poll_for_reply(connection_, asked.sequence, &reply, &error) == 0) {
      if (!wake().ending()) {
        if (!poll_with_wake(wake(), server, UINT64_MAX)) wake().clear();
        continue;
      }
      const std::uint64_t now = now_ns();
      if (now >= give_up) {
        abandoned_ = true;
        return;
      }
      poll_readable(server, give_up - now);
    }
  } else {
    reply = xcb_.xcb_get_geometry_reply(connection_, asked, &error);
  }
  if (reply != nullptr) {
    const auto* geometry = static_cast<const xcb_get_geometry_reply_t*>(reply);
    set_window_extent({geometry->width, geometry->height});
  } else {
    set_lost();
  }
  std::free(reply);
  std::free(error);
  // The reply came after it: its error, if any, is already here.
  if (!check(put)) set_lost();
}

bool XcbTarget::due() noexcept {
  if (present_ == nullptr) return now_ns() >= timer_.next_ns();
  if (!beat_) pump_events();
  return beat_ || now_ns() >= shown_at_ + kHiddenFrameInterval;
}

void XcbTarget::wait(std::uint64_t until_ns, bool until_due) noexcept {
  pump_events();
  if (until_due && due()) return;
  if (until_due)
    until_ns = std::min(until_ns, present_ ? shown_at_ + kHiddenFrameInterval : timer_.next_ns());
  const std::uint64_t now = now_ns();
  if (until_ns <= now) return;
  const int events = own_ && !lost() ? xcb_.xcb_get_file_descriptor(connection_) : -1;
  if (poll_with_wake(wake(), events, until_ns - now)) pump_events();
}

}  // namespace viaduct::guest::wsi
