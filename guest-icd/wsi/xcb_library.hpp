// The X client libraries, opened on demand: an application without X never loads them and the driver links
// none. The tables are filled once, never unloaded, and may be read from any thread.
#pragma once

#include <X11/Xlib-xcb.h>
#include <xcb/present.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>

namespace viaduct::guest::wsi {

#define VIADUCT_XCB_FUNCTIONS(X)          \
  X(xcb_change_window_attributes_checked) \
  X(xcb_connect)                          \
  X(xcb_connection_has_error)             \
  X(xcb_create_gc_checked)                \
  X(xcb_depth_next)                       \
  X(xcb_depth_visuals_iterator)           \
  X(xcb_depth_visuals_length)             \
  X(xcb_disconnect)                       \
  X(xcb_flush)                            \
  X(xcb_free_gc)                          \
  X(xcb_generate_id)                      \
  X(xcb_get_extension_data)               \
  X(xcb_get_file_descriptor)              \
  X(xcb_get_geometry)                     \
  X(xcb_get_geometry_reply)               \
  X(xcb_get_maximum_request_length)       \
  X(xcb_get_setup)                        \
  X(xcb_get_window_attributes)            \
  X(xcb_get_window_attributes_reply)      \
  X(xcb_poll_for_event)                   \
  X(xcb_poll_for_reply)                   \
  X(xcb_put_image_checked)                \
  X(xcb_request_check)                    \
  X(xcb_screen_allowed_depths_iterator)   \
  X(xcb_screen_next)                      \
  X(xcb_setup_pixmap_formats)             \
  X(xcb_setup_pixmap_formats_length)      \
  X(xcb_setup_roots_iterator)

#define VIADUCT_XCB_SHM_FUNCTIONS(X) \
  X(xcb_shm_attach_fd_checked)       \
  X(xcb_shm_detach)                  \
  X(xcb_shm_put_image_checked)       \
  X(xcb_shm_query_version)           \
  X(xcb_shm_query_version_reply)

#define VIADUCT_XCB_PRESENT_FUNCTIONS(X) \
  X(xcb_present_notify_msc)              \
  X(xcb_present_query_version)           \
  X(xcb_present_query_version_reply)     \
  X(xcb_present_select_input_checked)

#define VIADUCT_XCB_RANDR_FUNCTIONS(X) \
  X(xcb_randr_get_screen_info)         \
  X(xcb_randr_get_screen_info_reply)

#define VIADUCT_MEMBER(name) decltype(&::name) name;

struct XcbLibrary {
  VIADUCT_XCB_FUNCTIONS(VIADUCT_MEMBER)
  /// Null when libxcb.so.1 cannot be had.
  static const XcbLibrary* get() noexcept;
};

struct XcbShmLibrary {
  VIADUCT_XCB_SHM_FUNCTIONS(VIADUCT_MEMBER)
  xcb_extension_t* xcb_shm_id;
  static const XcbShmLibrary* get() noexcept;
};

struct XcbPresentLibrary {
  VIADUCT_XCB_PRESENT_FUNCTIONS(VIADUCT_MEMBER)
  xcb_extension_t* xcb_present_id;
  static const XcbPresentLibrary* get() noexcept;
};

struct XcbRandrLibrary {
  VIADUCT_XCB_RANDR_FUNCTIONS(VIADUCT_MEMBER)
  xcb_extension_t* xcb_randr_id;
  static const XcbRandrLibrary* get() noexcept;
};

struct X11XcbLibrary {
  VIADUCT_MEMBER(XGetXCBConnection)
  static const X11XcbLibrary* get() noexcept;
};

#undef VIADUCT_MEMBER

}  // namespace viaduct::guest::wsi
