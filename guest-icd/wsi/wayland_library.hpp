// libwayland-client, opened on demand. Requests go through wl_proxy_marshal_flags with the interface tables
// of the library itself, since the header's inline functions would need it linked.
#pragma once

#include <wayland-client-core.h>
#include <wayland-client-protocol.h>

namespace viaduct::guest::wsi {

#define VIADUCT_WAYLAND_FUNCTIONS(X)   \
  X(wl_display_cancel_read)            \
  X(wl_display_create_queue)           \
  X(wl_display_dispatch_queue_pending) \
  X(wl_display_flush)                  \
  X(wl_display_get_error)              \
  X(wl_display_get_fd)                 \
  X(wl_display_prepare_read_queue)     \
  X(wl_display_read_events)            \
  X(wl_display_roundtrip_queue)        \
  X(wl_event_queue_destroy)            \
  X(wl_proxy_add_listener)             \
  X(wl_proxy_create_wrapper)           \
  X(wl_proxy_destroy)                  \
  X(wl_proxy_get_version)              \
  X(wl_proxy_marshal_flags)            \
  X(wl_proxy_set_queue)                \
  X(wl_proxy_wrapper_destroy)

#define VIADUCT_WAYLAND_INTERFACES(X) \
  X(wl_buffer_interface)              \
  X(wl_callback_interface)            \
  X(wl_registry_interface)            \
  X(wl_shm_interface)                 \
  X(wl_shm_pool_interface)

struct WaylandLibrary {
#define VIADUCT_MEMBER(name) decltype(&::name) name;
  VIADUCT_WAYLAND_FUNCTIONS(VIADUCT_MEMBER)
  VIADUCT_WAYLAND_INTERFACES(VIADUCT_MEMBER)
#undef VIADUCT_MEMBER
  /// Null when libwayland-client.so.0 (1.20 or newer) cannot be had.
  static const WaylandLibrary* get() noexcept;
};

}  // namespace viaduct::guest::wsi
