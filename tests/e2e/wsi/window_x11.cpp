// X11 windows, by XCB and by Xlib. Both are read back through XCB.
#define VK_USE_PLATFORM_XCB_KHR
#define VK_USE_PLATFORM_XLIB_KHR
#include <X11/Xlib-xcb.h>
#include <X11/Xlib.h>
#include <vulkan/vulkan.h>
#include <xcb/xcb.h>

#include <cstdlib>
#include <cstring>

#include "tests/e2e/wsi/window_kinds.hpp"

namespace wsi_window {
namespace {

class XcbWindow : public Window {
 public:
  XcbWindow(xcb_connection_t* connection, std::uint32_t width, std::uint32_t height)
      : connection_(connection) {
    const xcb_screen_t* screen = xcb_setup_roots_iterator(xcb_get_setup(connection_)).data;
    visual_ = screen->root_visual;
    window_ = xcb_generate_id(connection_);
    const std::uint32_t values[2] = {screen->black_pixel,
                                     XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_STRUCTURE_NOTIFY};
    static std::int16_t next_x = 0;  // side by side, so that none covers another
    xcb_create_window(connection_, XCB_COPY_FROM_PARENT, window_, screen->root, next_x, 0,
                      static_cast<std::uint16_t>(width), static_cast<std::uint16_t>(height), 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, visual_, XCB_CW_BACK_PIXEL | XCB_CW_EVENT_MASK, values);
    next_x = static_cast<std::int16_t>((next_x + 260) % 1040);
    xcb_map_window(connection_, window_);
    xcb_flush(connection_);
  }
  VkSurfaceKHR make_surface(VkInstance instance) override {
    const VkXcbSurfaceCreateInfoKHR info{VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR, nullptr, 0,
                                         connection_, window_};
    VkSurfaceKHR surface = VK_NULL_HANDLE;
    vkCreateXcbSurfaceKHR(instance, &info, nullptr, &surface);
    return surface;
  }
  VkBool32 presentation_support(VkPhysicalDevice device, std::uint32_t family) override {
    return vkGetPhysicalDeviceXcbPresentationSupportKHR(device, family, connection_, visual_);
  }
  void pump() override {
    while (xcb_generic_event_t* event = xcb_poll_for_event(connection_)) {
      const int type = event->response_type & 0x7f;
      const bool asked = type == XCB_EXPOSE || type == XCB_MAP_NOTIFY || type == XCB_CONFIGURE_NOTIFY ||
                         type == XCB_DESTROY_NOTIFY || type == XCB_UNMAP_NOTIFY ||
                         type == XCB_REPARENT_NOTIFY;
      foreign_ += asked ? 0 : 1;
      std::free(event);
    }
  }
  bool can_show() const override { return true; }
  std::vector<std::uint32_t> pixels(std::uint32_t width, std::uint32_t height) override {
    xcb_get_geometry_reply_t* geometry =
        xcb_get_geometry_reply(connection_, xcb_get_geometry(connection_, window_), nullptr);
    const bool fits = geometry != nullptr && geometry->width == width && geometry->height == height;
    std::free(geometry);
    if (!fits) return {};
    xcb_get_image_reply_t* image = xcb_get_image_reply(
        connection_,
        xcb_get_image(connection_, XCB_IMAGE_FORMAT_Z_PIXMAP, window_, 0, 0,
                      static_cast<std::uint16_t>(width), static_cast<std::uint16_t>(height), ~0u),
        nullptr);
    if (image == nullptr) return {};
    std::vector<std::uint32_t> out(static_cast<std::size_t>(width) * height);
    if (static_cast<std::size_t>(xcb_get_image_data_length(image)) >= out.size() * 4) {
      std::memcpy(out.data(), xcb_get_image_data(image), out.size() * 4);
    }
    std::free(image);
    for (std::uint32_t& pixel : out) pixel &= 0xffffff;
    return out;
  }
  bool resize(std::uint32_t width, std::uint32_t height) override {
    const std::uint32_t values[2] = {width, height};
    xcb_configure_window(connection_, window_, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
    xcb_flush(connection_);
    return true;
  }
  bool destroy() override {
    xcb_destroy_window(connection_, window_);
    xcb_flush(connection_);
    return true;
  }
  int foreign_events() override {
    pump();
    return foreign_;
  }

 protected:
  xcb_connection_t* connection_;
  xcb_window_t window_ = 0;
  xcb_visualid_t visual_ = 0;
  int foreign_ = 0;
};

class OwnXcbWindow final : public XcbWindow {
 public:
  using XcbWindow::XcbWindow;
  ~OwnXcbWindow() override { xcb_disconnect(connection_); }
};

class XlibWindow final : public XcbWindow {
 public:
  XlibWindow(Display* display, std::uint32_t width, std::uint32_t height)
      : XcbWindow(XGetXCBConnection(display), width, height), display_(display) {}
  ~XlibWindow() override { XCloseDisplay(display_); }
  VkSurfaceKHR make_surface(VkInstance instance) override {
    const VkXlibSurfaceCreateInfoKHR info{VK_STRUCTURE_TYPE_XLIB_SURFACE_CREATE_INFO_KHR, nullptr, 0,
                                          display_, window_};
    VkSurfaceKHR surface = VK_NULL_HANDLE;
    vkCreateXlibSurfaceKHR(instance, &info, nullptr, &surface);
    return surface;
  }
  VkBool32 presentation_support(VkPhysicalDevice device, std::uint32_t family) override {
    return vkGetPhysicalDeviceXlibPresentationSupportKHR(device, family, display_, visual_);
  }
  void pump() override {
    while (XPending(display_) > 0) {
      XEvent event;
      XNextEvent(display_, &event);
      const bool asked = event.type == Expose || event.type == MapNotify || event.type == ConfigureNotify ||
                         event.type == DestroyNotify || event.type == UnmapNotify ||
                         event.type == ReparentNotify;
      foreign_ += asked ? 0 : 1;
    }
  }

 private:
  Display* display_;
};

}  // namespace

std::unique_ptr<Window> open_xcb(std::uint32_t width, std::uint32_t height) {
  xcb_connection_t* connection = xcb_connect(nullptr, nullptr);
  if (xcb_connection_has_error(connection) != 0) return nullptr;
  return std::make_unique<OwnXcbWindow>(connection, width, height);
}

std::unique_ptr<Window> open_xlib(std::uint32_t width, std::uint32_t height) {
  Display* display = XOpenDisplay(nullptr);
  return display == nullptr ? nullptr : std::make_unique<XlibWindow>(display, width, height);
}

}  // namespace wsi_window
