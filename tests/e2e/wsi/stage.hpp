// What a scenario of wsi_window begins with, and the scenarios that stand in files of their own. Each returns
// the program's exit status; what is wrong ends the program where it is seen.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/wsi/renderer.hpp"

namespace wsi_window {

inline constexpr VkExtent2D kExtent{240, 160};

/// A device and one window with its surface.
struct Stage {
  explicit Stage(const std::string& its_platform) : platform(its_platform), gpu(its_platform) { open(); }
  ~Stage() {
    for (VkSurfaceKHR each : surfaces) vkDestroySurfaceKHR(gpu.instance, each, nullptr);
  }
  Window& open() {
    windows.push_back(Window::open(platform, kExtent.width, kExtent.height));
    CHECK(windows.back() != nullptr);
    surfaces.push_back(windows.back()->make_surface(gpu.instance));
    CHECK(surfaces.back() != VK_NULL_HANDLE);
    return *windows.back();
  }
  Window& window() { return *windows.front(); }
  VkSurfaceKHR surface() { return surfaces.front(); }
  std::vector<VkPresentModeKHR> modes() {
    std::uint32_t count = 0;
    CHECK_VK(vkGetPhysicalDeviceSurfacePresentModesKHR(gpu.physical, surface(), &count, nullptr));
    std::vector<VkPresentModeKHR> out(count);
    CHECK_VK(vkGetPhysicalDeviceSurfacePresentModesKHR(gpu.physical, surface(), &count, out.data()));
    return out;
  }
  bool has(VkPresentModeKHR mode) {
    const auto all = modes();
    return std::find(all.begin(), all.end(), mode) != all.end();
  }

  std::string platform;
  Gpu gpu;
  std::vector<std::unique_ptr<Window>> windows;
  std::vector<VkSurfaceKHR> surfaces;
};

// maintenance.cpp: kSkipped where the driver lacks the extension.
int ids(Stage& stage);          ///< VK_KHR_present_id, VK_KHR_present_wait
int await(Stage& stage);        ///< waits for a frame that never comes, until something ends the wait
int maintenance(Stage& stage);  ///< VK_EXT_surface_maintenance1, VK_EXT_swapchain_maintenance1
int scaling(Stage& stage);      ///< their scaling behaviours
int views(Stage& stage);        ///< VK_KHR_swapchain_mutable_format

}  // namespace wsi_window
