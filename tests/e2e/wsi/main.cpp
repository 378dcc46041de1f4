// wsi_window: presents known colours to windows and looks at what they show.
//
// usage: wsi_window SCENARIO --platform xcb|xlib|wayland|wayland-own|headless [--lenient]
// --lenient: does not ask for what Debian 12's lavapipe leaves out of the specification when it runs
// natively: FIFO pacing under X, VK_TIMEOUT, an out-of-date retired swapchain. Exit status 0: as specified,
// 77: the driver or the platform has nothing to try, 1: a line says what was wrong.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

#include "tests/e2e/wsi/stage.hpp"

namespace wsi_window {
namespace {

bool lenient = false;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int queries(Stage& stage) {
  VkPhysicalDevice physical = stage.gpu.physical;
  CHECK(stage.window().presentation_support(physical, stage.gpu.family) == VK_TRUE);
  VkBool32 supported = VK_FALSE;
  CHECK_VK(vkGetPhysicalDeviceSurfaceSupportKHR(physical, stage.gpu.family, stage.surface(), &supported));
  CHECK(supported == VK_TRUE);

  VkSurfaceCapabilitiesKHR capabilities{};
  CHECK_VK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(physical, stage.surface(), &capabilities));
  CHECK(capabilities.minImageCount >= 1);
  CHECK(capabilities.maxImageCount == 0 || capabilities.maxImageCount >= capabilities.minImageCount);
  CHECK(capabilities.maxImageArrayLayers >= 1);
  CHECK((capabilities.supportedUsageFlags & VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT) != 0);
  CHECK((capabilities.supportedTransforms & capabilities.currentTransform) != 0);
  CHECK(capabilities.supportedCompositeAlpha != 0);
  const bool x11 = stage.platform == "xcb" || stage.platform == "xlib";
  CHECK(capabilities.currentExtent.width == (x11 ? kExtent.width : UINT32_MAX));
  CHECK(capabilities.currentExtent.height == (x11 ? kExtent.height : UINT32_MAX));

  const auto capabilities2 = reinterpret_cast<PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR>(
      vkGetInstanceProcAddr(stage.gpu.instance, "vkGetPhysicalDeviceSurfaceCapabilities2KHR"));
  const VkPhysicalDeviceSurfaceInfo2KHR info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR, nullptr,
                                             stage.surface()};
  VkSurfaceCapabilities2KHR again{};
  again.sType = VK_STRUCTURE_TYPE_SURFACE_CAPABILITIES_2_KHR;
  CHECK_VK(capabilities2(physical, &info, &again));
  CHECK(std::memcmp(&again.surfaceCapabilities, &capabilities, sizeof(capabilities)) == 0);

  std::uint32_t count = 0;
  CHECK_VK(vkGetPhysicalDeviceSurfaceFormatsKHR(physical, stage.surface(), &count, nullptr));
  CHECK(count >= 2);
  std::vector<VkSurfaceFormatKHR> formats(count);
  std::uint32_t fewer = 1;
  CHECK_RESULT(vkGetPhysicalDeviceSurfaceFormatsKHR(physical, stage.surface(), &fewer, formats.data()),
               VK_INCOMPLETE);
  CHECK(fewer == 1);
  CHECK_VK(vkGetPhysicalDeviceSurfaceFormatsKHR(physical, stage.surface(), &count, formats.data()));
  for (const VkFormat wanted : {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_SRGB}) {
    CHECK(std::any_of(formats.begin(), formats.end(),
                      [&](const VkSurfaceFormatKHR& f) { return f.format == wanted; }));
  }
  CHECK(stage.has(VK_PRESENT_MODE_FIFO_KHR));

  VkRect2D rectangle{};
  count = 1;
  CHECK_VK(vkGetPhysicalDevicePresentRectanglesKHR(physical, stage.surface(), &count, &rectangle));
  CHECK(count == 1);
  VkDeviceGroupPresentCapabilitiesKHR group{};
  group.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_CAPABILITIES_KHR;
  CHECK_VK(vkGetDeviceGroupPresentCapabilitiesKHR(stage.gpu.device, &group));
  CHECK(group.presentMask[0] == 1 && group.modes == VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR);
  VkDeviceGroupPresentModeFlagsKHR modes = 0;
  CHECK_VK(vkGetDeviceGroupSurfacePresentModesKHR(stage.gpu.device, stage.surface(), &modes));
  CHECK(modes == VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR);
  return 0;
}

int colours(Stage& stage) {
  VkSwapchainKHR old = VK_NULL_HANDLE;
  std::unique_ptr<Chain> previous;
  for (const VkPresentModeKHR mode : stage.modes()) {
    for (const VkFormat format : {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM}) {
      std::uint32_t count = 0;
      vkGetPhysicalDeviceSurfaceFormatsKHR(stage.gpu.physical, stage.surface(), &count, nullptr);
      std::vector<VkSurfaceFormatKHR> formats(count);
      vkGetPhysicalDeviceSurfaceFormatsKHR(stage.gpu.physical, stage.surface(), &count, formats.data());
      if (std::none_of(formats.begin(), formats.end(), [&](const auto& f) { return f.format == format; }))
        continue;
      auto chain = std::make_unique<Chain>(stage.gpu, stage.surface(), kExtent, mode, old, format);
      previous.reset();
      for (const std::uint32_t colour : {0xff0000u, 0x00ff00u, 0x0000ffu, 0x123456u}) {
        CHECK_VK(chain->draw(colour));
        stage.window().pump();
        CHECK(becomes(stage.window(), colour, kExtent.width, kExtent.height));
      }
      old = chain->handle();
      previous = std::move(chain);
    }
  }
  CHECK(stage.window().foreign_events() == 0);
  return 0;
}

/// Formats that are not offered and that Mesa's EGL asks for all the same.
int unoffered(Stage& stage) {
  for (const VkFormat format : {VK_FORMAT_A2R10G10B10_UNORM_PACK32, VK_FORMAT_A2B10G10R10_UNORM_PACK32,
                                VK_FORMAT_R5G6B5_UNORM_PACK16}) {
    Chain chain(stage.gpu, stage.surface(), kExtent, VK_PRESENT_MODE_FIFO_KHR, VK_NULL_HANDLE, format);
    const bool coarse = format == VK_FORMAT_R5G6B5_UNORM_PACK16;
    for (const std::uint32_t colour : {0xff0000u, 0x00ff00u, 0x0000ffu, coarse ? 0xff00ffu : 0x123456u}) {
      CHECK_VK(chain.draw(colour));
      stage.window().pump();
      CHECK(becomes(stage.window(), colour, kExtent.width, kExtent.height));
    }
  }
  VkSwapchainCreateInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
  info.surface = stage.surface();
  info.minImageCount = 2;
  info.imageFormat = VK_FORMAT_R16G16B16A16_SFLOAT;
  info.imageExtent = kExtent;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = VK_PRESENT_MODE_FIFO_KHR;
  VkSwapchainKHR none = VK_NULL_HANDLE;
  CHECK_RESULT(vkCreateSwapchainKHR(stage.gpu.device, &info, nullptr, &none), VK_ERROR_INITIALIZATION_FAILED);
  return 0;
}

int pacing(Stage& stage) {
  VkSwapchainKHR old = VK_NULL_HANDLE;
  std::unique_ptr<Chain> previous;
  for (const VkPresentModeKHR mode :
       {VK_PRESENT_MODE_FIFO_KHR, VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_IMMEDIATE_KHR}) {
    if (!stage.has(mode)) continue;
    auto chain = std::make_unique<Chain>(stage.gpu, stage.surface(), kExtent, mode, old);
    previous.reset();
    for (int i = 0; i < 10; ++i) CHECK_VK(chain->draw(0));
    constexpr int kFrames = 60;
    const double took = seconds_of([&] {
      for (int i = 0; i < kFrames; ++i) {
        stage.window().pump();
        CHECK_VK(chain->draw(static_cast<std::uint32_t>(i)));
      }
    });
    std::printf("mode %d: %.1f frames a second\n", mode, kFrames / took);
    if (mode == VK_PRESENT_MODE_FIFO_KHR) {
      CHECK((took > 0.7 || lenient) && took < 5.0);
    } else {
      CHECK(took < 0.8);
    }
    CHECK(becomes(stage.window(), kFrames - 1, kExtent.width, kExtent.height));
    old = chain->handle();
    previous = std::move(chain);
  }
  return 0;
}

int resize(Stage& stage) {
  constexpr VkExtent2D kOther{120, 200};
  auto chain = std::make_unique<Chain>(stage.gpu, stage.surface(), kExtent);
  CHECK_VK(chain->draw(0x111111));
  if (!stage.window().resize(kOther.width, kOther.height)) return kSkipped;
  VkResult result = VK_SUCCESS;
  const bool told = stage.platform == "xcb" || stage.platform == "xlib";
  for (int i = 0; told && i < 200 && result == VK_SUCCESS; ++i) {
    stage.window().pump();
    result = chain->draw(0x222222);
  }
  if (told) CHECK(result == VK_SUBOPTIMAL_KHR || result == VK_ERROR_OUT_OF_DATE_KHR);
  if (told) {
    VkSurfaceCapabilitiesKHR capabilities{};
    CHECK_VK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(stage.gpu.physical, stage.surface(), &capabilities));
    CHECK(capabilities.currentExtent.width == kOther.width &&
          capabilities.currentExtent.height == kOther.height);
  }
  auto fitting =
      std::make_unique<Chain>(stage.gpu, stage.surface(), kOther, VK_PRESENT_MODE_FIFO_KHR, chain->handle());
  std::uint32_t index = 0;
  if (!lenient) CHECK_RESULT(chain->acquire(index, stage.gpu.semaphore(), 0), VK_ERROR_OUT_OF_DATE_KHR);
  chain.reset();
  CHECK_VK(fitting->draw(0x334455));
  CHECK(becomes(stage.window(), 0x334455, kOther.width, kOther.height));
  return 0;
}

int two(Stage& stage) {
  stage.open();
  Chain a(stage.gpu, stage.surfaces[0], kExtent);
  Chain b(stage.gpu, stage.surfaces[1], kExtent, VK_PRESENT_MODE_FIFO_KHR, VK_NULL_HANDLE,
          VK_FORMAT_B8G8R8A8_UNORM);
  const VkSwapchainKHR handles[2] = {a.handle(), b.handle()};
  for (std::uint32_t i = 0; i < 10; ++i) {
    std::uint32_t indices[2];
    VkSemaphore rendered[2];
    Chain* chains[2] = {&a, &b};
    for (int c = 0; c < 2; ++c) {
      const VkSemaphore acquired = stage.gpu.semaphore();
      rendered[c] = stage.gpu.semaphore();
      CHECK_VK(chains[c]->acquire(indices[c], acquired));
      stage.gpu.clear(chains[c]->images()[indices[c]], c == 0 ? 0xaa0000 + i : 0x00bb00 + i, acquired,
                      rendered[c]);
    }
    VkResult each[2] = {VK_ERROR_UNKNOWN, VK_ERROR_UNKNOWN};
    const VkPresentInfoKHR info{
        VK_STRUCTURE_TYPE_PRESENT_INFO_KHR, nullptr, 2, rendered, 2, handles, indices, each};
    CHECK_VK(vkQueuePresentKHR(stage.gpu.queue, &info));
    CHECK(each[0] == VK_SUCCESS && each[1] == VK_SUCCESS);
  }
  CHECK(becomes(*stage.windows[0], 0xaa0009, kExtent.width, kExtent.height));
  CHECK(becomes(*stage.windows[1], 0x00bb09, kExtent.width, kExtent.height));
  return 0;
}

int acquires(Stage& stage) {
  Chain chain(stage.gpu, stage.surface(), kExtent);
  const VkFence fence = stage.gpu.fence();
  std::vector<std::uint32_t> held;
  VkResult result = VK_SUCCESS;
  // An engine may keep some images to itself; at the latest after all of them there is none left.
  for (std::size_t i = 0; i <= chain.images().size() && result == VK_SUCCESS; ++i) {
    std::uint32_t index = 0;
    VkAcquireNextImageInfoKHR info{
        VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR, nullptr, chain.handle(), 0, VK_NULL_HANDLE, fence, 1};
    result = vkAcquireNextImage2KHR(stage.gpu.device, &info, &index);
    if (result != VK_SUCCESS) break;
    CHECK_VK(vkWaitForFences(stage.gpu.device, 1, &fence, VK_TRUE, 2'000'000'000));
    CHECK_VK(vkResetFences(stage.gpu.device, 1, &fence));
    CHECK(index < chain.images().size());
    CHECK(std::find(held.begin(), held.end(), index) == held.end());
    held.push_back(index);
  }
  CHECK_RESULT(result, VK_NOT_READY);
  CHECK(held.size() >= 2);
  std::uint32_t index = 0;
  if (!lenient) {
    const double waited = seconds_of(
        [&] { CHECK_RESULT(chain.acquire(index, stage.gpu.semaphore(), 200'000'000), VK_TIMEOUT); });
    CHECK(waited > 0.19 && waited < 2);
  }
  for (const std::uint32_t each : held) {
    const VkSemaphore rendered = stage.gpu.semaphore();
    stage.gpu.clear(chain.images()[each], 0x445566, VK_NULL_HANDLE, rendered);
    CHECK_VK(chain.present(each, rendered));
  }
  CHECK_VK(chain.acquire(index, stage.gpu.semaphore()));
  CHECK(becomes(stage.window(), 0x445566, kExtent.width, kExtent.height));
  return 0;
}

int aliases(Stage& stage) {
  Chain chain(stage.gpu, stage.surface(), kExtent);
  std::vector<VkImage> images(chain.images().size());
  for (std::uint32_t i = 0; i < images.size(); ++i) {
    const VkImageSwapchainCreateInfoKHR from{VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR, nullptr,
                                             chain.handle()};
    VkImageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    info.pNext = &from;
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = chain.format();
    info.extent = {kExtent.width, kExtent.height, 1};
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    CHECK_VK(vkCreateImage(stage.gpu.device, &info, nullptr, &images[i]));
    const VkBindImageMemorySwapchainInfoKHR swapchain{VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR,
                                                      nullptr, chain.handle(), i};
    const VkBindImageMemoryInfo bind{VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO, &swapchain, images[i],
                                     VK_NULL_HANDLE, 0};
    CHECK_VK(vkBindImageMemory2(stage.gpu.device, 1, &bind));
  }
  for (std::uint32_t frame = 0; frame < 6; ++frame) {
    const VkSemaphore acquired = stage.gpu.semaphore();
    const VkSemaphore rendered = stage.gpu.semaphore();
    std::uint32_t index = 0;
    CHECK_VK(chain.acquire(index, acquired));
    stage.gpu.clear(images[index], 0x667700 + frame, acquired, rendered);
    CHECK_VK(chain.present(index, rendered));
  }
  CHECK(becomes(stage.window(), 0x667705, kExtent.width, kExtent.height));
  vkDeviceWaitIdle(stage.gpu.device);
  for (VkImage image : images) vkDestroyImage(stage.gpu.device, image, nullptr);
  return 0;
}

int lost(Stage& stage) {
  Chain chain(stage.gpu, stage.surface(), kExtent);
  CHECK_VK(chain.draw(0x777777));
  if (!stage.window().destroy()) return kSkipped;
  VkResult result = VK_SUCCESS;
  for (int i = 0; i < 200 && result == VK_SUCCESS; ++i) {
    result = chain.draw(0x888888);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK_RESULT(result, VK_ERROR_SURFACE_LOST_KHR);
  VkSurfaceCapabilitiesKHR capabilities{};
  CHECK_RESULT(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(stage.gpu.physical, stage.surface(), &capabilities),
               VK_ERROR_SURFACE_LOST_KHR);
  return 0;
}

/// Leaves in the middle of everything, as programs do that were closed by their user.
int leave(Stage& stage) {
  auto* chain = new Chain(stage.gpu, stage.surface(), kExtent, VK_PRESENT_MODE_MAILBOX_KHR);
  for (std::uint32_t i = 0; i < 30; ++i) CHECK_VK(chain->draw(i));
  std::puts("leaving");
  std::exit(0);
}

/// Frames until something ends them; for tests that kill the worker or the display server.
int endless(Stage& stage) {
  Chain chain(stage.gpu, stage.surface(), kExtent, VK_PRESENT_MODE_MAILBOX_KHR);
  for (std::uint32_t i = 1;; ++i) {
    const VkResult result = chain.draw(i & 0xffffff);
    if (result != VK_SUCCESS) {
      std::printf("ended %d\n", result);
      return 0;
    }
    if (i == 10) {
      std::puts("running");
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace wsi_window

int main(int count, char** arguments) {
  using namespace wsi_window;
  const std::map<std::string, int (*)(Stage&)> scenarios{
      {"queries", queries},         {"colours", colours}, {"pacing", pacing},
      {"resize", resize},           {"two", two},         {"acquires", acquires},
      {"aliases", aliases},         {"lost", lost},       {"leave", leave},
      {"endless", endless},         {"ids", ids},         {"await", await},
      {"maintenance", maintenance}, {"scaling", scaling}, {"views", views},
      {"unoffered", unoffered}};
  const std::string name = count > 1 ? arguments[1] : "";
  std::string platform = "xcb";
  if (count > 3 && std::strcmp(arguments[2], "--platform") == 0) platform = arguments[3];
  lenient = std::strcmp(arguments[count - 1], "--lenient") == 0;
  const auto found = scenarios.find(name);
  if (found == scenarios.end()) {
    std::fputs(
        "usage: wsi_window SCENARIO --platform xcb|xlib|wayland|wayland-own|headless [--lenient]\nscenarios:",
        stderr);
    for (const auto& [each, function] : scenarios) std::fprintf(stderr, " %s", each.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  Stage stage(platform);
  const int status = found->second(stage);
  if (status == 0) std::printf("%s on %s: as specified\n", name.c_str(), platform.c_str());
  return status;
}
