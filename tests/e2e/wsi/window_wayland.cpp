// Wayland windows: a toplevel of the compositor that WAYLAND_DISPLAY names, or a surface of one in this
// process.
#define VK_USE_PLATFORM_WAYLAND_KHR
#include <vulkan/vulkan.h>
#include <wayland-client.h>

#include <cstring>

#include "tests/e2e/wsi/window_kinds.hpp"
#include "tests/unit/wsi/wayland_compositor.hpp"
#include "xdg-shell-client-protocol.h"

namespace wsi_window {
namespace {

VkSurfaceKHR surface_on(VkInstance instance, wl_display* display, wl_surface* surface) {
  const VkWaylandSurfaceCreateInfoKHR info{VK_STRUCTURE_TYPE_WAYLAND_SURFACE_CREATE_INFO_KHR, nullptr, 0,
                                           display, surface};
  VkSurfaceKHR made = VK_NULL_HANDLE;
  vkCreateWaylandSurfaceKHR(instance, &info, nullptr, &made);
  return made;
}

class Toplevel final : public Window {
 public:
  Toplevel() : display_(wl_display_connect(nullptr)) {
    if (display_ == nullptr) return;
    wl_registry* registry = wl_display_get_registry(display_);
    static const wl_registry_listener kRegistry{
        [](void* data, wl_registry* from, std::uint32_t name, const char* interface, std::uint32_t) {
          auto& self = *static_cast<Toplevel*>(data);
          if (std::strcmp(interface, "wl_compositor") == 0) {
            self.compositor_ =
                static_cast<wl_compositor*>(wl_registry_bind(from, name, &wl_compositor_interface, 4));
          } else if (std::strcmp(interface, "xdg_wm_base") == 0) {
            self.shell_ = static_cast<xdg_wm_base*>(wl_registry_bind(from, name, &xdg_wm_base_interface, 1));
          }
        },
        [](void*, wl_registry*, std::uint32_t) {}};
    wl_registry_add_listener(registry, &kRegistry, this);
    wl_display_roundtrip(display_);
    if (compositor_ == nullptr || shell_ == nullptr) return;
    static const xdg_wm_base_listener kShell{
        [](void*, xdg_wm_base* base, std::uint32_t serial) { xdg_wm_base_pong(base, serial); }};
    xdg_wm_base_add_listener(shell_, &kShell, nullptr);
    surface_ = wl_compositor_create_surface(compositor_);
    xdg_surface* shell_surface = xdg_wm_base_get_xdg_surface(shell_, surface_);
    static const xdg_surface_listener kSurface{[](void*, xdg_surface* surface, std::uint32_t serial) {
      xdg_surface_ack_configure(surface, serial);
    }};
    xdg_surface_add_listener(shell_surface, &kSurface, nullptr);
    xdg_toplevel* toplevel = xdg_surface_get_toplevel(shell_surface);
    static const xdg_toplevel_listener kToplevel{
        [](void*, xdg_toplevel*, std::int32_t, std::int32_t, wl_array*) {}, [](void*, xdg_toplevel*) {},
        [](void*, xdg_toplevel*, std::int32_t, std::int32_t) {}, [](void*, xdg_toplevel*, wl_array*) {}};
    xdg_toplevel_add_listener(toplevel, &kToplevel, nullptr);
    wl_surface_commit(surface_);
    wl_display_roundtrip(display_);
  }
  ~Toplevel() override {
    if (display_ != nullptr) wl_display_disconnect(display_);
  }
  bool ready() const { return surface_ != nullptr; }
  VkSurfaceKHR make_surface(VkInstance instance) override { return surface_on(instance, display_, surface_); }
  VkBool32 presentation_support(VkPhysicalDevice device, std::uint32_t family) override {
    return vkGetPhysicalDeviceWaylandPresentationSupportKHR(device, family, display_);
  }
  void pump() override { wl_display_roundtrip(display_); }

 private:
  wl_display* display_;
  wl_compositor* compositor_ = nullptr;
  xdg_wm_base* shell_ = nullptr;
  wl_surface* surface_ = nullptr;
};

class OwnCompositorWindow final : public Window {
 public:
  bool ready() const { return client_.ready(); }
  VkSurfaceKHR make_surface(VkInstance instance) override {
    return surface_on(instance, client_.display(), client_.surface());
  }
  VkBool32 presentation_support(VkPhysicalDevice device, std::uint32_t family) override {
    return vkGetPhysicalDeviceWaylandPresentationSupportKHR(device, family, client_.display());
  }
  void pump() override { wl_display_roundtrip(client_.display()); }
  bool can_show() const override { return true; }
  std::vector<std::uint32_t> pixels(std::uint32_t width, std::uint32_t height) override {
    auto last = compositor_.last();
    if (last.width != width || last.height != height) return {};
    for (std::uint32_t& pixel : last.pixels) pixel &= 0xffffff;
    return last.pixels;
  }
  /// The size is the application's to choose: the next swapchain has it.
  bool resize(std::uint32_t, std::uint32_t) override { return true; }

 private:
  viaduct::guest::wsi::test::WaylandCompositor compositor_;
  viaduct::guest::wsi::test::WaylandClient client_{compositor_};
};

}  // namespace

std::unique_ptr<Window> open_wayland(std::uint32_t, std::uint32_t) {
  auto window = std::make_unique<Toplevel>();
  return window->ready() ? std::move(window) : nullptr;
}

std::unique_ptr<Window> open_wayland_own(std::uint32_t, std::uint32_t) {
  auto window = std::make_unique<OwnCompositorWindow>();
  return window->ready() ? std::move(window) : nullptr;
}

}  // namespace wsi_window
