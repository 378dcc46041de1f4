// Windows of every kind that a swapchain can be made for, for the scenarios of wsi_window. A window can be
// asked what it shows where its display server tells.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wsi_window {

class Window {
 public:
  virtual ~Window() = default;
  /// xcb, xlib, wayland (the compositor of WAYLAND_DISPLAY), wayland-own (one in this process) or headless.
  static std::unique_ptr<Window> open(const std::string& platform, std::uint32_t width, std::uint32_t height);
  static const char* extension(const std::string& platform);

  virtual VkSurfaceKHR make_surface(VkInstance instance) = 0;
  virtual VkBool32 presentation_support(VkPhysicalDevice device, std::uint32_t family) = 0;
  /// Handles what the display server has sent, as an application's main loop would.
  virtual void pump() {}
  virtual bool can_show() const { return false; }
  /// Every pixel without its top byte, for a window of this size; empty when it has another.
  virtual std::vector<std::uint32_t> pixels(std::uint32_t, std::uint32_t) { return {}; }
  virtual bool resize(std::uint32_t, std::uint32_t) { return false; }
  virtual bool destroy() { return false; }
  /// Events in the application's queue that it did not ask for.
  virtual int foreign_events() { return 0; }
};

/// Waits until the window is of this one colour (0xRRGGBB), two seconds at most; true for windows that do not
/// tell.
bool becomes(Window& window, std::uint32_t colour, std::uint32_t width, std::uint32_t height);

}  // namespace wsi_window
