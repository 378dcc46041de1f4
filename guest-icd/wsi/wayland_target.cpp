#include "guest-icd/wsi/wayland_target.hpp"

#include <algorithm>
#include <climits>
#include <cstring>

#include "base/clock.hpp"

namespace viaduct::guest::wsi {
namespace {

constexpr std::uint32_t kNoRequest = UINT32_MAX;

}  // namespace

WaylandTarget::WaylandTarget(const WaylandLibrary& wayland, wl_display* display, wl_surface* surface,
                             const TargetOptions& options, WakeFd& wake) noexcept
    : PresentTarget(wake), wayland_(wayland), display_(display), options_(options) {
  queue_ = wayland_.wl_display_create_queue(display_);
  surface_ = static_cast<wl_proxy*>(wayland_.wl_proxy_create_wrapper(surface));
  if (queue_ == nullptr || surface_ == nullptr) {
    set_lost();
    return;
  }
  wayland_.wl_proxy_set_queue(surface_, queue_);
  if (!bind_globals()) set_lost();
}

WaylandTarget::~WaylandTarget() {
  destroy_proxy(callback_, kNoRequest);
  for (Buffer& buffer : buffers_) destroy_proxy(buffer.proxy, WL_BUFFER_DESTROY);
  destroy_proxy(shm_, kNoRequest);
  destroy_proxy(registry_, kNoRequest);
  if (surface_ != nullptr) wayland_.wl_proxy_wrapper_destroy(surface_);
  if (queue_ != nullptr) wayland_.wl_event_queue_destroy(queue_);
  wayland_.wl_display_flush(display_);
}

void WaylandTarget::destroy_proxy(wl_proxy*& proxy, std::uint32_t destructor_opcode) noexcept {
  if (proxy == nullptr) return;
  if (destructor_opcode == kNoRequest) {
    wayland_.wl_proxy_destroy(proxy);
  } else {
    wayland_.wl_proxy_marshal_flags(proxy, destructor_opcode, nullptr, wayland_.wl_proxy_get_version(proxy),
                                    WL_MARSHAL_FLAG_DESTROY);
  }
  proxy = nullptr;
}

bool WaylandTarget::bind_globals() noexcept {
  auto* wrapper = static_cast<wl_proxy*>(wayland_.wl_proxy_create_wrapper(display_));
  if (wrapper == nullptr) return false;
  wayland_.wl_proxy_set_queue(wrapper, queue_);
  registry_ =
      wayland_.wl_proxy_marshal_flags(wrapper, WL_DISPLAY_GET_REGISTRY, wayland_.wl_registry_interface,
                                      wayland_.wl_proxy_get_version(wrapper), 0, nullptr);
  wayland_.wl_proxy_wrapper_destroy(wrapper);
  if (registry_ == nullptr) return false;
  static const wl_registry_listener kListener{&on_global, [](void*, wl_registry*, std::uint32_t) {}};
  // The library wants function pointers without types; it never writes through them.
  using Listener = void (**)();
  wayland_.wl_proxy_add_listener(
      registry_, reinterpret_cast<Listener>(const_cast<wl_registry_listener*>(&kListener)), this);
  return wayland_.wl_display_roundtrip_queue(display_, queue_) >= 0 && shm_ != nullptr;
}

void WaylandTarget::on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface,
                              std::uint32_t) {
  auto& self = *static_cast<WaylandTarget*>(data);
  if (self.shm_ != nullptr || std::strcmp(interface, "wl_shm") != 0) return;
  self.shm_ =
      self.wayland_.wl_proxy_marshal_flags(reinterpret_cast<wl_proxy*>(registry), WL_REGISTRY_BIND,
                                           self.wayland_.wl_shm_interface, 1, 0, name, interface, 1, nullptr);
  if (self.shm_ == nullptr) return;
  // ARGB8888 and XRGB8888 are in every compositor; the announced formats need not be looked at.
  static const wl_shm_listener kListener{[](void*, wl_shm*, std::uint32_t) {}};
  using Listener = void (**)();
  self.wayland_.wl_proxy_add_listener(
      self.shm_, reinterpret_cast<Listener>(const_cast<wl_shm_listener*>(&kListener)), nullptr);
}

void WaylandTarget::on_release(void* data, wl_buffer*) { static_cast<Buffer*>(data)->busy = false; }

void WaylandTarget::on_frame(void* data, wl_callback*, std::uint32_t) {
  auto& self = *static_cast<WaylandTarget*>(data);
  self.destroy_proxy(self.callback_, kNoRequest);
}

bool WaylandTarget::make_buffer(Buffer& buffer, Extent extent) noexcept {
  const std::size_t pitch = static_cast<std::size_t>(extent.width) * 4;
  const std::size_t size = pitch * extent.height;
  if (size > INT_MAX || !buffer.pixels.allocate(size)) return false;
  wl_proxy* pool =
      wayland_.wl_proxy_marshal_flags(shm_, WL_SHM_CREATE_POOL, wayland_.wl_shm_pool_interface, 1, 0, nullptr,
                                      buffer.pixels.fd(), static_cast<std::int32_t>(size));
  if (pool == nullptr) return false;
  const std::uint32_t format = options_.opaque ? WL_SHM_FORMAT_XRGB8888 : WL_SHM_FORMAT_ARGB8888;
  buffer.proxy = wayland_.wl_proxy_marshal_flags(
      pool, WL_SHM_POOL_CREATE_BUFFER, wayland_.wl_buffer_interface, 1, 0, nullptr, 0,
      static_cast<std::int32_t>(extent.width), static_cast<std::int32_t>(extent.height),
      static_cast<std::int32_t>(pitch), format);
  destroy_proxy(pool, WL_SHM_POOL_DESTROY);
  if (buffer.proxy == nullptr) return false;
  static const wl_buffer_listener kListener{&on_release};
  using Listener = void (**)();
  wayland_.wl_proxy_add_listener(
      buffer.proxy, reinterpret_cast<Listener>(const_cast<wl_buffer_listener*>(&kListener)), &buffer);
  return true;
}

WaylandTarget::Buffer* WaylandTarget::free_buffer(Extent extent) noexcept {
  constexpr std::uint64_t kPatience = 1'000'000'000;
  const std::uint64_t deadline = now_ns() + kPatience;
  while (!lost()) {
    dispatch(0);
    for (Buffer& buffer : buffers_) {
      if (buffer.proxy != nullptr && !buffer.busy) return &buffer;
    }
    for (Buffer& buffer : buffers_) {
      if (buffer.proxy != nullptr) continue;
      if (make_buffer(buffer, extent)) return &buffer;
      break;  // out of memory or descriptors: those in use come back
    }
    const std::uint64_t now = now_ns();
    if (now >= deadline || wake().ending()) return nullptr;
    wake().clear();
    dispatch(deadline - now);
  }
  return nullptr;
}

void WaylandTarget::ask_for_frame_callback() noexcept {
  destroy_proxy(callback_, kNoRequest);
  callback_ = wayland_.wl_proxy_marshal_flags(surface_, WL_SURFACE_FRAME, wayland_.wl_callback_interface,
                                              wayland_.wl_proxy_get_version(surface_), 0, nullptr);
  if (callback_ == nullptr) return;
  static const wl_callback_listener kListener{&on_frame};
  using Listener = void (**)();
  wayland_.wl_proxy_add_listener(
      callback_, reinterpret_cast<Listener>(const_cast<wl_callback_listener*>(&kListener)), this);
}

void WaylandTarget::show(const FrameView& frame) noexcept {
  Buffer* buffer = free_buffer({frame.width, frame.height});
  // No buffer: the compositor has held all of them for a second. It shows one of ours; this frame is dropped.
  if (buffer == nullptr) return;
  const PixelLayout layout{.alpha = options_.opaque ? 0u : 0xff000000u};
  convert_rows(frame, 0, frame.height, layout, false, buffer->pixels.data(),
               static_cast<std::size_t>(frame.width) * 4);
  const std::uint32_t version = wayland_.wl_proxy_get_version(surface_);
  wayland_.wl_proxy_marshal_flags(surface_, WL_SURFACE_ATTACH, nullptr, version, 0, buffer->proxy, 0, 0);
  const std::uint32_t damage =
      version >= WL_SURFACE_DAMAGE_BUFFER_SINCE_VERSION ? WL_SURFACE_DAMAGE_BUFFER : WL_SURFACE_DAMAGE;
  wayland_.wl_proxy_marshal_flags(surface_, damage, nullptr, version, 0, 0, 0, INT32_MAX, INT32_MAX);
  ask_for_frame_callback();
  buffer->busy = true;
  wayland_.wl_proxy_marshal_flags(surface_, WL_SURFACE_COMMIT, nullptr, version, 0);
  wayland_.wl_display_flush(display_);
  shown_at_ = now_ns();
}

bool WaylandTarget::due() noexcept {
  if (callback_ != nullptr) dispatch(0);
  return callback_ == nullptr || now_ns() >= shown_at_ + kHiddenFrameInterval;
}

void WaylandTarget::wait(std::uint64_t until_ns, bool until_due) noexcept {
  if (until_due) {
    if (due()) return;
    until_ns = std::min(until_ns, shown_at_ + kHiddenFrameInterval);
  }
  const std::uint64_t now = now_ns();
  if (until_ns <= now) return;
  if (until_due) {
    dispatch(until_ns - now);
  } else {
    // Idle: no event matters before the next frame, so the display's reading is left to the application.
    poll_with_wake(wake(), -1, until_ns - now);
  }
}

void WaylandTarget::dispatch(std::uint64_t timeout_ns) noexcept {
  if (wayland_.wl_display_get_error(display_) != 0) set_lost();
  if (lost()) {
    if (timeout_ns != 0) poll_with_wake(wake(), -1, timeout_ns);
    return;
  }
  if (wayland_.wl_display_prepare_read_queue(display_, queue_) == 0) {
    wayland_.wl_display_flush(display_);
    if (poll_with_wake(wake(), wayland_.wl_display_get_fd(display_), timeout_ns)) {
      if (wayland_.wl_display_read_events(display_) < 0) set_lost();
    } else {
      wayland_.wl_display_cancel_read(display_);
    }
  }
  if (wayland_.wl_display_dispatch_queue_pending(display_, queue_) < 0) set_lost();
}

}  // namespace viaduct::guest::wsi
