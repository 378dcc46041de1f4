// Surfaces and swapchains, on a surface without a window: all of it lives in the guest, which makes ordinary
// images and submissions of it.
#include <algorithm>

#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

VkSurfaceKHR make_surface(const Guest& guest) {
  const VkHeadlessSurfaceCreateInfoEXT info{VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateHeadlessSurfaceEXT>("vkCreateHeadlessSurfaceEXT")(guest.instance, &info,
                                                                                  nullptr, &surface),
          "vkCreateHeadlessSurfaceEXT");
  return surface;
}

void queries(Guest& guest, Check& check) {
  const VkSurfaceKHR surface = make_surface(guest);
  VkBool32 supported = VK_FALSE;
  const auto support =
      guest.get<PFN_vkGetPhysicalDeviceSurfaceSupportKHR>("vkGetPhysicalDeviceSurfaceSupportKHR");
  check.that(support(guest.physical, 0, surface, &supported) == VK_SUCCESS && supported == VK_TRUE,
             "presentation from family 0");
  VkSurfaceCapabilitiesKHR first{};
  const VkPhysicalDeviceSurfaceInfo2KHR info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR, nullptr,
                                             surface};
  VkSurfaceCapabilities2KHR second{VK_STRUCTURE_TYPE_SURFACE_CAPABILITIES_2_KHR};
  check.that(
      guest.get<PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR>("vkGetPhysicalDeviceSurfaceCapabilitiesKHR")(
          guest.physical, surface, &first) == VK_SUCCESS &&
          guest.get<PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR>(
              "vkGetPhysicalDeviceSurfaceCapabilities2KHR")(guest.physical, &info, &second) == VK_SUCCESS,
      "capabilities");
  check.that(first.minImageCount > 0 && first.minImageCount == second.surfaceCapabilities.minImageCount,
             "both versions of capabilities");
  uint32_t formats = 0;
  uint32_t formats2 = 0;
  guest.get<PFN_vkGetPhysicalDeviceSurfaceFormatsKHR>("vkGetPhysicalDeviceSurfaceFormatsKHR")(
      guest.physical, surface, &formats, nullptr);
  guest.get<PFN_vkGetPhysicalDeviceSurfaceFormats2KHR>("vkGetPhysicalDeviceSurfaceFormats2KHR")(
      guest.physical, &info, &formats2, nullptr);
  check.that(formats > 0 && formats == formats2, "both versions of formats");
  VkPresentModeKHR modes[8];
  uint32_t count = 8;
  guest.get<PFN_vkGetPhysicalDeviceSurfacePresentModesKHR>("vkGetPhysicalDeviceSurfacePresentModesKHR")(
      guest.physical, surface, &count, modes);
  check.that(std::find(modes, modes + std::min(count, 8u), VK_PRESENT_MODE_FIFO_KHR) != modes + count,
             "FIFO");
  uint32_t rectangles = 0;
  check.that(
      guest.get<PFN_vkGetPhysicalDevicePresentRectanglesKHR>("vkGetPhysicalDevicePresentRectanglesKHR")(
          guest.physical, surface, &rectangles, nullptr) == VK_SUCCESS,
      "present rectangles");
  VkDeviceGroupPresentCapabilitiesKHR group{VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_CAPABILITIES_KHR};
  check.that(guest.get<PFN_vkGetDeviceGroupPresentCapabilitiesKHR>("vkGetDeviceGroupPresentCapabilitiesKHR")(
                 guest.device, &group) == VK_SUCCESS &&
                 group.modes == VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR && group.presentMask[0] == 1,
             "presentation by a group of one");
  VkDeviceGroupPresentModeFlagsKHR group_modes = 0;
  check.that(guest.get<PFN_vkGetDeviceGroupSurfacePresentModesKHR>("vkGetDeviceGroupSurfacePresentModesKHR")(
                 guest.device, surface, &group_modes) == VK_SUCCESS &&
                 group_modes == VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR,
             "modes of a group of one");
  guest.get<PFN_vkDestroySurfaceKHR>("vkDestroySurfaceKHR")(guest.instance, surface, nullptr);
  const std::vector<LoggedCall> calls = check.log();
  for (const char* name : {"vkCreateHeadlessSurfaceEXT", "vkGetPhysicalDeviceSurfaceSupportKHR",
                           "vkGetPhysicalDeviceSurfaceCapabilitiesKHR", "vkDestroySurfaceKHR"}) {
    check.that(find_last(calls, name) == nullptr, std::string(name) + " reached the driver");
  }
}

VkSwapchainKHR make_swapchain(const Guest& guest, VkSurfaceKHR surface) {
  VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
  info.surface = surface;
  info.minImageCount = 3;
  info.imageFormat = VK_FORMAT_B8G8R8A8_UNORM;
  info.imageColorSpace = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR;
  info.imageExtent = {32, 16};
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
  info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = VK_PRESENT_MODE_IMMEDIATE_KHR;
  VkSwapchainKHR swapchain = VK_NULL_HANDLE;
  require(
      guest.get<PFN_vkCreateSwapchainKHR>("vkCreateSwapchainKHR")(guest.device, &info, nullptr, &swapchain),
      "vkCreateSwapchainKHR");
  return swapchain;
}

VkSemaphore make_semaphore(const Guest& guest) {
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateSemaphore>("vkCreateSemaphore")(guest.device, &info, nullptr, &semaphore),
          "vkCreateSemaphore");
  return semaphore;
}

VkResult acquire(const Guest& guest, VkSwapchainKHR swapchain, VkSemaphore semaphore, bool second_version,
                 uint32_t& index) {
  if (!second_version) {
    return guest.get<PFN_vkAcquireNextImageKHR>("vkAcquireNextImageKHR")(guest.device, swapchain, UINT64_MAX,
                                                                         semaphore, VK_NULL_HANDLE, &index);
  }
  VkAcquireNextImageInfoKHR info{VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR};
  info.swapchain = swapchain;
  info.timeout = UINT64_MAX;
  info.semaphore = semaphore;
  info.deviceMask = 1;
  return guest.get<PFN_vkAcquireNextImage2KHR>("vkAcquireNextImage2KHR")(guest.device, &info, &index);
}

// An image that is given back without being shown is there again; a frame with an id can be waited for.
void released_and_awaited(Guest& guest, Check& check) {
  const VkSurfaceKHR surface = make_surface(guest);
  const VkSwapchainKHR swapchain = make_swapchain(guest, surface);
  const VkSemaphore semaphore = make_semaphore(guest);
  const auto release = guest.get<PFN_vkReleaseSwapchainImagesEXT>("vkReleaseSwapchainImagesEXT");
  // More often than there are images: without the release no image would be left.
  uint32_t index = 0;
  for (int round = 0; round < 8; ++round) {
    check.that(acquire(guest, swapchain, VK_NULL_HANDLE, false, index) == VK_SUCCESS, "an image to release");
    VkReleaseSwapchainImagesInfoEXT info{VK_STRUCTURE_TYPE_RELEASE_SWAPCHAIN_IMAGES_INFO_EXT};
    info.swapchain = swapchain;
    info.imageIndexCount = 1;
    info.pImageIndices = &index;
    check.that(release(guest.device, &info) == VK_SUCCESS, "vkReleaseSwapchainImagesEXT");
  }
  check.log();
  const auto wait = guest.get<PFN_vkWaitForPresentKHR>("vkWaitForPresentKHR");
  check.that(wait(guest.device, swapchain, 5, 0) == VK_TIMEOUT, "a frame that was not presented");
  check.nothing_logged("waiting for a present");
  check.that(acquire(guest, swapchain, semaphore, false, index) == VK_SUCCESS, "an image to present");
  const uint64_t id = 5;
  const VkPresentIdKHR ids{VK_STRUCTURE_TYPE_PRESENT_ID_KHR, nullptr, 1, &id};
  VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, &ids};
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &semaphore;
  info.swapchainCount = 1;
  info.pSwapchains = &swapchain;
  info.pImageIndices = &index;
  check.that(guest.get<PFN_vkQueuePresentKHR>("vkQueuePresentKHR")(guest.queue, &info) == VK_SUCCESS,
             "vkQueuePresentKHR with an id");
  check.that(wait(guest.device, swapchain, id, UINT64_MAX) == VK_SUCCESS, "vkWaitForPresentKHR");
  check.that(guest.get<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(guest.queue) == VK_SUCCESS, "idle");
  guest.get<PFN_vkDestroySwapchainKHR>("vkDestroySwapchainKHR")(guest.device, swapchain, nullptr);
  guest.get<PFN_vkDestroySurfaceKHR>("vkDestroySurfaceKHR")(guest.instance, surface, nullptr);
  check.log();
}

// Acquired, presented and acquired again; each frame is a submission to the driver.
void frames(Guest& guest, Check& check) {
  const VkSurfaceKHR surface = make_surface(guest);
  const VkSwapchainKHR swapchain = make_swapchain(guest, surface);
  uint32_t count = 0;
  const auto images = guest.get<PFN_vkGetSwapchainImagesKHR>("vkGetSwapchainImagesKHR");
  check.that(images(guest.device, swapchain, &count, nullptr) == VK_SUCCESS && count >= 3, "three images");
  check.that(count_calls(check.log(), "vkCreateImage") == count, "images are the driver's");
  const VkSemaphore semaphore = make_semaphore(guest);
  for (int frame = 0; frame < 6; ++frame) {
    uint32_t index = 99;
    const VkResult acquired = acquire(guest, swapchain, semaphore, frame % 2 != 0, index);
    check.that(acquired == VK_SUCCESS && index < count, "an image");
    VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR};
    info.waitSemaphoreCount = 1;
    info.pWaitSemaphores = &semaphore;
    info.swapchainCount = 1;
    info.pSwapchains = &swapchain;
    info.pImageIndices = &index;
    check.that(guest.get<PFN_vkQueuePresentKHR>("vkQueuePresentKHR")(guest.queue, &info) == VK_SUCCESS,
               "vkQueuePresentKHR");
    check.that(guest.get<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(guest.queue) == VK_SUCCESS, "idle");
    const std::vector<LoggedCall> calls = check.log();
    check.that(count_calls(calls, "vkQueueSubmit") + count_calls(calls, "vkQueueSubmit2") == 1,
               "one submission a frame");
    check.that(find_last(calls, "vkQueuePresentKHR") == nullptr, "vkQueuePresentKHR reached the driver");
  }
  guest.get<PFN_vkDestroySwapchainKHR>("vkDestroySwapchainKHR")(guest.device, swapchain, nullptr);
  check.that(count_calls(check.log(), "vkDestroyImage") == count, "images end with their swapchain");
  guest.get<PFN_vkDestroySurfaceKHR>("vkDestroySurfaceKHR")(guest.instance, surface, nullptr);
}

}  // namespace

std::vector<Case> window_cases() {
  return {
      {{"vkCreateHeadlessSurfaceEXT", "vkDestroySurfaceKHR", "vkGetPhysicalDeviceSurfaceSupportKHR",
        "vkGetPhysicalDeviceSurfaceCapabilitiesKHR", "vkGetPhysicalDeviceSurfaceCapabilities2KHR",
        "vkGetPhysicalDeviceSurfaceFormatsKHR", "vkGetPhysicalDeviceSurfaceFormats2KHR",
        "vkGetPhysicalDeviceSurfacePresentModesKHR", "vkGetPhysicalDevicePresentRectanglesKHR",
        "vkGetDeviceGroupPresentCapabilitiesKHR", "vkGetDeviceGroupSurfacePresentModesKHR"},
       queries},
      {{"vkCreateSwapchainKHR", "vkDestroySwapchainKHR", "vkGetSwapchainImagesKHR", "vkAcquireNextImageKHR",
        "vkAcquireNextImage2KHR", "vkQueuePresentKHR"},
       frames},
      {{"vkReleaseSwapchainImagesEXT", "vkWaitForPresentKHR"}, released_and_awaited},
  };
}

}  // namespace viaduct::fake
