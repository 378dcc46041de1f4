#include "tests/e2e/wsi/window.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/e2e/wsi/window_kinds.hpp"

namespace wsi_window {
namespace {

class HeadlessWindow final : public Window {
 public:
  VkSurfaceKHR make_surface(VkInstance instance) override {
    const auto create = reinterpret_cast<PFN_vkCreateHeadlessSurfaceEXT>(
        vkGetInstanceProcAddr(instance, "vkCreateHeadlessSurfaceEXT"));
    const VkHeadlessSurfaceCreateInfoEXT info{VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT, nullptr, 0};
    VkSurfaceKHR surface = VK_NULL_HANDLE;
    if (create != nullptr) create(instance, &info, nullptr, &surface);
    return surface;
  }
  VkBool32 presentation_support(VkPhysicalDevice, std::uint32_t) override { return VK_TRUE; }
};

}  // namespace

std::unique_ptr<Window> Window::open(const std::string& platform, std::uint32_t width, std::uint32_t height) {
  if (platform == "xcb") return open_xcb(width, height);
  if (platform == "xlib") return open_xlib(width, height);
  if (platform == "wayland") return open_wayland(width, height);
  if (platform == "wayland-own") return open_wayland_own(width, height);
  if (platform == "headless") return std::make_unique<HeadlessWindow>();
  return nullptr;
}

const char* Window::extension(const std::string& platform) {
  if (platform == "xcb") return "VK_KHR_xcb_surface";
  if (platform == "xlib") return "VK_KHR_xlib_surface";
  if (platform == "headless") return "VK_EXT_headless_surface";
  return "VK_KHR_wayland_surface";
}

bool becomes(Window& window, std::uint32_t colour, std::uint32_t width, std::uint32_t height) {
  if (!window.can_show()) return true;
  for (int i = 0; i < 200; ++i) {
    const auto seen = window.pixels(width, height);
    if (!seen.empty() &&
        std::all_of(seen.begin(), seen.end(), [&](std::uint32_t p) { return p == colour; })) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace wsi_window
