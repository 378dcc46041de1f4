#include "tests/unit/wsi/wayland_compositor.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <wayland-server-core.h>
#include <wayland-server-protocol.h>

#include <cstring>
#include <utility>

namespace viaduct::guest::wsi::test {

/// One surface of a client, owned by its resource.
struct ServerSurface {
  WaylandCompositor* compositor = nullptr;
  wl_resource* attached = nullptr;
  std::vector<wl_resource*> callbacks;
};

std::mutex surfaces_mutex;
std::vector<ServerSurface*> surfaces;  // all compositors' threads together; tests run one at a time

struct Protocol {
  static ServerSurface* of(wl_resource* resource) {
    return static_cast<ServerSurface*>(wl_resource_get_user_data(resource));
  }
  static void destroy(wl_client*, wl_resource* resource) { wl_resource_destroy(resource); }
  static void attach(wl_client*, wl_resource* resource, wl_resource* buffer, std::int32_t, std::int32_t) {
    of(resource)->attached = buffer;
  }
  static void ignore_rectangle(wl_client*, wl_resource*, std::int32_t, std::int32_t, std::int32_t,
                               std::int32_t) {}
  static void frame(wl_client* client, wl_resource* resource, std::uint32_t id) {
    wl_resource* callback = wl_resource_create(client, &wl_callback_interface, 1, id);
    wl_resource_set_implementation(callback, nullptr, of(resource), [](wl_resource* gone) {
      if (auto* owner = static_cast<ServerSurface*>(wl_resource_get_user_data(gone)))
        std::erase(owner->callbacks, gone);
    });
    of(resource)->callbacks.push_back(callback);
  }
  static void ignore_region(wl_client*, wl_resource*, wl_resource*) {}
  static void ignore_number(wl_client*, wl_resource*, std::int32_t) {}
  static void commit(wl_client*, wl_resource* resource) {
    ServerSurface& surface = *of(resource);
    if (surface.attached == nullptr) return;
    wl_shm_buffer* buffer = wl_shm_buffer_get(surface.attached);
    WaylandCompositor::Commit seen;
    seen.width = static_cast<std::uint32_t>(wl_shm_buffer_get_width(buffer));
    seen.height = static_cast<std::uint32_t>(wl_shm_buffer_get_height(buffer));
    seen.format = wl_shm_buffer_get_format(buffer);
    seen.pixels.resize(static_cast<std::size_t>(seen.width) * seen.height);
    wl_shm_buffer_begin_access(buffer);
    const auto* rows = static_cast<const std::byte*>(wl_shm_buffer_get_data(buffer));
    const auto stride = static_cast<std::size_t>(wl_shm_buffer_get_stride(buffer));
    for (std::size_t y = 0; y < seen.height; ++y) {
      std::memcpy(&seen.pixels[y * seen.width], rows + y * stride, std::size_t{seen.width} * 4);
    }
    wl_shm_buffer_end_access(buffer);
    {
      const std::lock_guard lock(surface.compositor->mutex_);
      surface.compositor->last_ = std::move(seen);
    }
    ++surface.compositor->commits_;
    wl_buffer_send_release(surface.attached);
    surface.attached = nullptr;
  }

  static void create_surface(wl_client* client, wl_resource* resource, std::uint32_t id) {
    static const struct wl_surface_interface kSurface {
      &destroy, &attach, &ignore_rectangle, &frame, &ignore_region, &ignore_region, &commit, &ignore_number,
          &ignore_number, &ignore_rectangle, nullptr
    };
    auto* surface =
        new ServerSurface{static_cast<WaylandCompositor*>(wl_resource_get_user_data(resource)), nullptr, {}};
    wl_resource* made = wl_resource_create(client, &wl_surface_interface, 4, id);
    const std::lock_guard lock(surfaces_mutex);
    surfaces.push_back(surface);
    wl_resource_set_implementation(made, &kSurface, surface, [](wl_resource* gone) {
      ServerSurface* dead = of(gone);
      for (wl_resource* callback : dead->callbacks) wl_resource_set_user_data(callback, nullptr);
      const std::lock_guard inner(surfaces_mutex);
      std::erase(surfaces, dead);
      delete dead;
    });
  }
  static void create_region(wl_client*, wl_resource*, std::uint32_t) {}
  static void bind(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) {
    static const struct wl_compositor_interface kCompositor { &create_surface, &create_region };
    wl_resource* made = wl_resource_create(client, &wl_compositor_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(made, &kCompositor, data, nullptr);
  }
};

WaylandCompositor::WaylandCompositor() {
  display_ = wl_display_create();
  if (display_ == nullptr) return;
  wl_global_create(display_, &wl_compositor_interface, 4, this, &Protocol::bind);
  wl_display_init_shm(display_);
  thread_ = std::thread([this] { run(); });
}

WaylandCompositor::~WaylandCompositor() { stop(); }

void WaylandCompositor::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  thread_.join();
  wl_display_destroy_clients(display_);
  wl_display_destroy(display_);
  display_ = nullptr;
}

int WaylandCompositor::connect() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  joining_ = ends[0];
  return ends[1];
}

void WaylandCompositor::beat() {
  if (!visible_) return;
  const std::lock_guard lock(surfaces_mutex);
  for (ServerSurface* surface : surfaces) {
    for (wl_resource* callback : std::exchange(surface->callbacks, {})) {
      wl_resource_set_user_data(callback, nullptr);
      wl_callback_send_done(callback, 0);
      wl_resource_destroy(callback);
    }
  }
}

void WaylandCompositor::run() {
  constexpr auto kBeat = std::chrono::milliseconds(16);
  auto next = std::chrono::steady_clock::now() + kBeat;
  while (!stopping_) {
    if (const int fd = joining_.exchange(-1); fd >= 0) wl_client_create(display_, fd);
    wl_event_loop_dispatch(wl_display_get_event_loop(display_), 2);
    if (std::chrono::steady_clock::now() >= next) {
      next += kBeat;
      beat();
    }
    wl_display_flush_clients(display_);
  }
}

WaylandCompositor::Commit WaylandCompositor::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

WaylandClient::WaylandClient(WaylandCompositor& compositor) {
  display_ = wl_display_connect_to_fd(compositor.connect());
  if (display_ == nullptr) return;
  registry_ = wl_display_get_registry(display_);
  static const wl_registry_listener kListener{
      [](void* data, wl_registry* registry, std::uint32_t name, const char* interface, std::uint32_t) {
        auto& self = *static_cast<WaylandClient*>(data);
        if (std::strcmp(interface, "wl_compositor") != 0) return;
        self.compositor_ =
            static_cast<wl_compositor*>(wl_registry_bind(registry, name, &wl_compositor_interface, 4));
      },
      [](void*, wl_registry*, std::uint32_t) {}};
  wl_registry_add_listener(registry_, &kListener, this);
  wl_display_roundtrip(display_);
  if (compositor_ != nullptr) surface_ = wl_compositor_create_surface(compositor_);
}

WaylandClient::~WaylandClient() {
  if (surface_ != nullptr) wl_surface_destroy(surface_);
  if (compositor_ != nullptr) wl_compositor_destroy(compositor_);
  if (registry_ != nullptr) wl_registry_destroy(registry_);
  if (display_ != nullptr) wl_display_disconnect(display_);
}

}  // namespace viaduct::guest::wsi::test
