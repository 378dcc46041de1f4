// wsi.*, on headless surfaces: what swapchains may be made of, how long images last, who is told what.
#include <thread>

#include "area.hpp"

using namespace conformance;

namespace {

struct Gpu {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;

  Gpu() {
    const char* instance_extensions[2] = {"VK_KHR_surface", "VK_EXT_headless_surface"};
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo info{
        VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, nullptr, 0, &application, 0, nullptr, 2, instance_extensions};
    pixels::require(vkCreateInstance(&info, nullptr, &instance) == VK_SUCCESS, "headless surfaces");
    uint32_t one = 1;
    vkEnumeratePhysicalDevices(instance, &one, &physical);
    const float priority = 1.0f;
    const char* device_extension = "VK_KHR_swapchain";
    const VkDeviceQueueCreateInfo queues{
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, 0, 1, &priority};
    const VkDeviceCreateInfo device_info{
        VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, nullptr, 0, 1, &queues, 0, nullptr, 1, &device_extension};
    PIXELS_VK(vkCreateDevice(physical, &device_info, nullptr, &device));
    vkGetDeviceQueue(device, 0, 0, &queue);
  }
  ~Gpu() {
    vkDeviceWaitIdle(device);
    vkDestroyDevice(device, nullptr);
    vkDestroyInstance(instance, nullptr);
  }
  VkSurfaceKHR surface() const {
    const auto create = reinterpret_cast<PFN_vkCreateHeadlessSurfaceEXT>(
        vkGetInstanceProcAddr(instance, "vkCreateHeadlessSurfaceEXT"));
    const VkHeadlessSurfaceCreateInfoEXT info{VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
    VkSurfaceKHR made = VK_NULL_HANDLE;
    PIXELS_VK(create(instance, &info, nullptr, &made));
    return made;
  }
  VkSemaphore semaphore() const {
    const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    VkSemaphore made = VK_NULL_HANDLE;
    PIXELS_VK(vkCreateSemaphore(device, &info, nullptr, &made));
    return made;
  }
  VkFence fence() const {
    const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence made = VK_NULL_HANDLE;
    PIXELS_VK(vkCreateFence(device, &info, nullptr, &made));
    return made;
  }
};

VkSwapchainCreateInfoKHR plain(VkSurfaceKHR surface) {
  VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
  info.surface = surface;
  info.minImageCount = 3;
  info.imageFormat = VK_FORMAT_B8G8R8A8_UNORM;
  info.imageExtent = {64, 48};
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = VK_PRESENT_MODE_IMMEDIATE_KHR;
  return info;
}

void present_one(const Gpu& gpu, VkSwapchainKHR chain) {
  const VkSemaphore acquired = gpu.semaphore();
  uint32_t index = 0;
  must(vkAcquireNextImageKHR(gpu.device, chain, UINT64_MAX, acquired, VK_NULL_HANDLE, &index) == VK_SUCCESS,
       "acquire");
  VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 1, &acquired, 1, &chain, &index};
  must(vkQueuePresentKHR(gpu.queue, &info) == VK_SUCCESS, "present");
  PIXELS_VK(vkQueueWaitIdle(gpu.queue));
  vkDestroySemaphore(gpu.device, acquired, nullptr);
}

// One member of the create-info after the other takes each value that the surface offers.
void sweep(const Gpu& gpu, VkSurfaceKHR surface) {
  VkSurfaceCapabilitiesKHR offered;
  PIXELS_VK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(gpu.physical, surface, &offered));
  std::vector<VkSwapchainCreateInfoKHR> infos;
  const auto add = [&](auto&& change) { change(infos.emplace_back(plain(surface))); };
  for (uint32_t count = offered.minImageCount; count < offered.minImageCount + 6; ++count) {
    add([&](auto& info) { info.minImageCount = count; });
  }
  for (uint32_t bit = 1; bit <= offered.supportedCompositeAlpha; bit *= 2) {
    if (offered.supportedCompositeAlpha & bit) {
      add([&](auto& info) { info.compositeAlpha = static_cast<VkCompositeAlphaFlagBitsKHR>(bit); });
    }
  }
  VkPresentModeKHR modes[8];
  uint32_t count = 8;
  PIXELS_VK(vkGetPhysicalDeviceSurfacePresentModesKHR(gpu.physical, surface, &count, modes));
  for (uint32_t i = 0; i < count; ++i) add([&](auto& info) { info.presentMode = modes[i]; });
  VkSurfaceFormatKHR formats[16];
  count = 16;
  PIXELS_VK(vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical, surface, &count, formats));
  for (uint32_t i = 0; i < count; ++i) {
    for (VkImageUsageFlags usage = 1; usage <= offered.supportedUsageFlags; usage *= 2) {
      VkImageFormatProperties supported;
      if (!(offered.supportedUsageFlags & usage) ||
          vkGetPhysicalDeviceImageFormatProperties(gpu.physical, formats[i].format, VK_IMAGE_TYPE_2D,
                                                   VK_IMAGE_TILING_OPTIMAL, usage, 0,
                                                   &supported) != VK_SUCCESS) {
        continue;
      }
      add([&](auto& info) {
        info.imageFormat = formats[i].format;
        info.imageUsage = usage;
      });
    }
  }
  for (const VkExtent2D extent : {VkExtent2D{1, 1}, VkExtent2D{1, 999}, VkExtent2D{1920, 1080}}) {
    add([&](auto& info) { info.imageExtent = extent; });
  }
  for (const VkSwapchainCreateInfoKHR& info : infos) {
    VkSwapchainKHR chain = VK_NULL_HANDLE;
    const VkResult result = vkCreateSwapchainKHR(gpu.device, &info, nullptr, &chain);
    must(result == VK_SUCCESS, "format %d, usage %#x, mode %d, alpha %#x: %s", info.imageFormat,
         info.imageUsage, info.presentMode, info.compositeAlpha, name(result));
    if (result != VK_SUCCESS) continue;
    uint32_t images = 0;
    PIXELS_VK(vkGetSwapchainImagesKHR(gpu.device, chain, &images, nullptr));
    must(images >= info.minImageCount, "%u images of %u", images, info.minImageCount);
    std::vector<VkImage> some(images);
    uint32_t fewer = images - 1;
    must(vkGetSwapchainImagesKHR(gpu.device, chain, &fewer, some.data()) == VK_INCOMPLETE &&
             fewer == images - 1,
         "fewer images");
    vkDestroySwapchainKHR(gpu.device, chain, nullptr);
  }
}

void acquiring(const Gpu& gpu, VkSurfaceKHR surface) {
  const VkSwapchainCreateInfoKHR info = plain(surface);
  VkSwapchainKHR chain = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateSwapchainKHR(gpu.device, &info, nullptr, &chain));
  for (int i = 0; i < 20; ++i) present_one(gpu, chain);
  uint32_t images = 0, index = 0;
  vkGetSwapchainImagesKHR(gpu.device, chain, &images, nullptr);
  VkFence fence = gpu.fence();
  for (uint32_t i = 0; i < images; ++i) {
    // Somebody waits for the fence before the image is acquired with it.
    std::thread waiter([&] { PIXELS_VK(vkWaitForFences(gpu.device, 1, &fence, VK_TRUE, UINT64_MAX)); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    must(vkAcquireNextImageKHR(gpu.device, chain, UINT64_MAX, VK_NULL_HANDLE, fence, &index) == VK_SUCCESS,
         "image %u of %u", i, images);
    waiter.join();
    PIXELS_VK(vkResetFences(gpu.device, 1, &fence));
  }
  say_result("one too many", vkAcquireNextImageKHR(gpu.device, chain, 0, VK_NULL_HANDLE, fence, &index));
  say_result("one too many, in time",
             vkAcquireNextImageKHR(gpu.device, chain, 1'000'000, VK_NULL_HANDLE, fence, &index));
  must(vkGetFenceStatus(gpu.device, fence) == VK_NOT_READY, "a failed acquire signals its fence");
  // Its images are acquired still.
  vkDestroySwapchainKHR(gpu.device, chain, nullptr);
  vkDestroyFence(gpu.device, fence, nullptr);
}

void succession(const Gpu& gpu, VkSurfaceKHR surface) {
  VkSwapchainCreateInfoKHR info = plain(surface);
  VkSwapchainKHR first = VK_NULL_HANDLE, second = VK_NULL_HANDLE, third = (VkSwapchainKHR)5;
  PIXELS_VK(vkCreateSwapchainKHR(gpu.device, &info, nullptr, &first));
  say_result("a second one on the surface", vkCreateSwapchainKHR(gpu.device, &info, nullptr, &third));
  const VkSemaphore acquired = gpu.semaphore();
  uint32_t index = 0;
  PIXELS_VK(vkAcquireNextImageKHR(gpu.device, first, UINT64_MAX, acquired, VK_NULL_HANDLE, &index));
  info.oldSwapchain = first;
  info.imageExtent = {100, 100};
  say_result("its successor", vkCreateSwapchainKHR(gpu.device, &info, nullptr, &second));
  VkResult each = VK_SUCCESS;
  const VkPresentInfoKHR present{
      VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 1, &acquired, 1, &first, &index, &each};
  const VkResult presented = vkQueuePresentKHR(gpu.queue, &present);
  must((presented == VK_SUCCESS || presented == VK_ERROR_OUT_OF_DATE_KHR) && presented == each,
       "an image of a retired swapchain: %s", name(presented));
  present_one(gpu, second);
  vkDestroySwapchainKHR(gpu.device, first, nullptr);
  present_one(gpu, second);
  vkDestroySwapchainKHR(gpu.device, second, nullptr);
  info.oldSwapchain = VK_NULL_HANDLE;
  say_result("the surface again", vkCreateSwapchainKHR(gpu.device, &info, nullptr, &third));
  present_one(gpu, third);
  vkDestroySwapchainKHR(gpu.device, third, nullptr);
  vkDestroySemaphore(gpu.device, acquired, nullptr);
}

void many(const Gpu& gpu) {
  constexpr uint32_t kCount = 10;
  VkSurfaceKHR surfaces[kCount];
  VkSwapchainKHR chains[kCount];
  VkSemaphore acquired[kCount];
  for (uint32_t i = 0; i < kCount; ++i) {
    surfaces[i] = gpu.surface();
    const VkSwapchainCreateInfoKHR info = plain(surfaces[i]);
    PIXELS_VK(vkCreateSwapchainKHR(gpu.device, &info, nullptr, &chains[i]));
    acquired[i] = gpu.semaphore();
  }
  for (int frame = 0; frame < 10; ++frame) {
    uint32_t indices[kCount];
    VkResult results[kCount];
    for (uint32_t i = 0; i < kCount; ++i) {
      PIXELS_VK(
          vkAcquireNextImageKHR(gpu.device, chains[i], UINT64_MAX, acquired[i], VK_NULL_HANDLE, &indices[i]));
      results[i] = VK_ERROR_UNKNOWN;
    }
    const VkPresentInfoKHR info{
        VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, kCount, acquired, kCount, chains, indices, results};
    must(vkQueuePresentKHR(gpu.queue, &info) == VK_SUCCESS, "ten at once");
    for (const VkResult result : results) must(result == VK_SUCCESS, "one of ten: %s", name(result));
    PIXELS_VK(vkQueueWaitIdle(gpu.queue));
  }
  for (uint32_t i = 0; i < kCount; ++i) {
    vkDestroySwapchainKHR(gpu.device, chains[i], nullptr);
    vkDestroySurfaceKHR(gpu.instance, surfaces[i], nullptr);
    vkDestroySemaphore(gpu.device, acquired[i], nullptr);
  }
  say("ten swapchains done");
}

CONFORMANCE_AREA(windows) {
  const Gpu gpu;
  vkDestroySwapchainKHR(gpu.device, VK_NULL_HANDLE, nullptr);
  vkDestroySurfaceKHR(gpu.instance, VK_NULL_HANDLE, nullptr);
  const VkSurfaceKHR surface = gpu.surface();
  sweep(gpu, surface);
  acquiring(gpu, surface);
  succession(gpu, surface);
  vkDestroySurfaceKHR(gpu.instance, surface, nullptr);
  many(gpu);
}

}  // namespace
