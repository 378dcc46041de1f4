// Rows `present`: a swapchain's frames, each a clear and a present.
#include <xcb/xcb.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "api/rows.hpp"
#include "vulkan/gpu.hpp"

#include <vulkan/vulkan_xcb.h>

namespace viaduct::bench {
namespace {

constexpr uint32_t kInFlight = 2;

// A swapchain and what its frames need. Frames are paced by kInFlight fences and nothing else.
class Presenter {
 public:
  Presenter(Gpu& gpu, VkSurfaceKHR surface, VkExtent2D extent);
  void present();
  void finish() { vkDeviceWaitIdle(gpu_.device); }

 private:
  struct Frame {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    VkSemaphore acquired;
  };
  VkPresentModeKHR mode(VkSurfaceKHR surface) const;
  VkSemaphore semaphore();
  void record(VkCommandBuffer commands, VkImage image);

  Gpu& gpu_;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  std::vector<VkImage> images_;
  std::vector<VkSemaphore> drawn_;  // one an image
  Frame frames_[kInFlight];
  uint64_t number_ = 0;
};

Presenter::Presenter(Gpu& gpu, VkSurfaceKHR surface, VkExtent2D extent) : gpu_(gpu) {
  VkBool32 supported = VK_FALSE;
  VIADUCT_BENCH_VK(vkGetPhysicalDeviceSurfaceSupportKHR(gpu.physical, gpu.family, surface, &supported));
  if (!supported) throw std::runtime_error("the queue cannot present to this surface");
  VkSurfaceCapabilitiesKHR capabilities;
  VIADUCT_BENCH_VK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(gpu.physical, surface, &capabilities));
  uint32_t count = 1;
  VkSurfaceFormatKHR format;
  vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical, surface, &count, &format);
  auto info = info_of<VkSwapchainCreateInfoKHR>(VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR);
  info.surface = surface;
  info.minImageCount = std::max(capabilities.minImageCount, 3u);
  if (capabilities.maxImageCount != 0)
    info.minImageCount = std::min(info.minImageCount, capabilities.maxImageCount);
  info.imageFormat = format.format;
  info.imageColorSpace = format.colorSpace;
  info.imageExtent = extent;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  info.preTransform = capabilities.currentTransform;
  info.compositeAlpha = static_cast<VkCompositeAlphaFlagBitsKHR>(capabilities.supportedCompositeAlpha &
                                                                 (~capabilities.supportedCompositeAlpha + 1));
  info.presentMode = mode(surface);
  info.clipped = VK_TRUE;
  VIADUCT_BENCH_VK(vkCreateSwapchainKHR(gpu.device, &info, nullptr, &swapchain_));
  gpu.defer([&gpu, swapchain = swapchain_] { vkDestroySwapchainKHR(gpu.device, swapchain, nullptr); });
  VIADUCT_BENCH_VK(vkGetSwapchainImagesKHR(gpu.device, swapchain_, &count, nullptr));
  images_.resize(count);
  VIADUCT_BENCH_VK(vkGetSwapchainImagesKHR(gpu.device, swapchain_, &count, images_.data()));
  for (uint32_t i = 0; i < count; ++i) drawn_.push_back(semaphore());
  for (Frame& frame : frames_) {
    frame.pool = gpu.command_pool();
    frame.commands = gpu.command_buffer(frame.pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    auto fence = info_of<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    fence.flags = VK_FENCE_CREATE_SIGNALED_BIT;
    VIADUCT_BENCH_VK(vkCreateFence(gpu.device, &fence, nullptr, &frame.fence));
    gpu.defer([&gpu, handle = frame.fence] { vkDestroyFence(gpu.device, handle, nullptr); });
    frame.acquired = semaphore();
  }
}

// The one that waits for nothing, where the surface has it.
VkPresentModeKHR Presenter::mode(VkSurfaceKHR surface) const {
  uint32_t count = 0;
  vkGetPhysicalDeviceSurfacePresentModesKHR(gpu_.physical, surface, &count, nullptr);
  std::vector<VkPresentModeKHR> modes(count);
  vkGetPhysicalDeviceSurfacePresentModesKHR(gpu_.physical, surface, &count, modes.data());
  for (VkPresentModeKHR wanted : {VK_PRESENT_MODE_IMMEDIATE_KHR, VK_PRESENT_MODE_MAILBOX_KHR})
    if (std::find(modes.begin(), modes.end(), wanted) != modes.end()) return wanted;
  return VK_PRESENT_MODE_FIFO_KHR;
}

VkSemaphore Presenter::semaphore() {
  auto info = info_of<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  VkSemaphore result;
  VIADUCT_BENCH_VK(vkCreateSemaphore(gpu_.device, &info, nullptr, &result));
  gpu_.defer([&gpu = gpu_, result] { vkDestroySemaphore(gpu.device, result, nullptr); });
  return result;
}

void Presenter::record(VkCommandBuffer commands, VkImage image) {
  auto begin = info_of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  VIADUCT_BENCH_VK(vkBeginCommandBuffer(commands, &begin));
  constexpr VkPipelineStageFlags kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
  auto change = info_of<VkImageMemoryBarrier>(VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER);
  change.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  change.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  change.image = image;
  change.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdPipelineBarrier(commands, kTransfer, kTransfer, 0, 0, nullptr, 0, nullptr, 1, &change);
  const VkClearColorValue color{{static_cast<float>(number_ % 100) * 0.01f, 0.5f, 0.25f, 1.0f}};
  vkCmdClearColorImage(commands, image, change.newLayout, &color, 1, &change.subresourceRange);
  change.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  change.dstAccessMask = 0;
  change.oldLayout = change.newLayout;
  change.newLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
  vkCmdPipelineBarrier(commands, kTransfer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr, 0, nullptr,
                       1, &change);
  VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
}

void Presenter::present() {
  Frame& frame = frames_[number_++ % kInFlight];
  VIADUCT_BENCH_VK(vkWaitForFences(gpu_.device, 1, &frame.fence, VK_TRUE, UINT64_MAX));
  uint32_t index = 0;
  VIADUCT_BENCH_VK(
      vkAcquireNextImageKHR(gpu_.device, swapchain_, UINT64_MAX, frame.acquired, VK_NULL_HANDLE, &index));
  VIADUCT_BENCH_VK(vkResetFences(gpu_.device, 1, &frame.fence));
  VIADUCT_BENCH_VK(vkResetCommandPool(gpu_.device, frame.pool, 0));
  record(frame.commands, images_[index]);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  auto submit = info_of<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  submit.waitSemaphoreCount = submit.commandBufferCount = submit.signalSemaphoreCount = 1;
  submit.pWaitSemaphores = &frame.acquired;
  submit.pWaitDstStageMask = &stage;
  submit.pCommandBuffers = &frame.commands;
  submit.pSignalSemaphores = &drawn_[index];
  VIADUCT_BENCH_VK(vkQueueSubmit(gpu_.queue, 1, &submit, frame.fence));
  auto info = info_of<VkPresentInfoKHR>(VK_STRUCTURE_TYPE_PRESENT_INFO_KHR);
  info.waitSemaphoreCount = info.swapchainCount = 1;
  info.pWaitSemaphores = &drawn_[index];
  info.pSwapchains = &swapchain_;
  info.pImageIndices = &index;
  VIADUCT_BENCH_VK(vkQueuePresentKHR(gpu_.queue, &info));
}

double present_rate(Gpu& gpu, VkSurfaceKHR surface, VkExtent2D extent) {
  constexpr double kStretch = 7e8;  // ns
  Presenter presenter(gpu, surface, extent);
  for (int i = 0; i < 10; ++i) presenter.present();
  std::vector<double> rates;
  for (int stretch = 0; stretch < 2; ++stretch) {
    int frames = 0;
    const auto start = Clock::now();
    for (; nanoseconds_since(start) < kStretch; ++frames) presenter.present();
    rates.push_back(frames / nanoseconds_since(start) * 1e9);
  }
  presenter.finish();
  return *std::max_element(rates.begin(), rates.end());
}

struct Size {
  VkExtent2D extent;
  const char *headless, *x11;  // keys
};
constexpr Size kSizes[] = {{{1280, 720}, "present_headless_720p_fps", "present_x11_720p_fps"},
                           {{3840, 2160}, "present_headless_4k_fps", "present_x11_4k_fps"}};

GpuWishes wishes(const char* surface_extension) {
  return {{VK_KHR_SURFACE_EXTENSION_NAME, surface_extension}, {VK_KHR_SWAPCHAIN_EXTENSION_NAME}};
}

void require_extension(const char* name) {
  uint32_t count = 0;
  vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> offered(count);
  vkEnumerateInstanceExtensionProperties(nullptr, &count, offered.data());
  if (std::none_of(offered.begin(), offered.end(),
                   [&](const auto& one) { return std::string_view(one.extensionName) == name; }))
    throw std::runtime_error(std::string("the driver has no ") + name);
}

void headless(const Size& size) {
  require_extension(VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME);
  Gpu gpu(wishes(VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME));
  const auto create = reinterpret_cast<PFN_vkCreateHeadlessSurfaceEXT>(
      vkGetInstanceProcAddr(gpu.instance, "vkCreateHeadlessSurfaceEXT"));
  auto info = info_of<VkHeadlessSurfaceCreateInfoEXT>(VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT);
  VkSurfaceKHR surface;
  VIADUCT_BENCH_VK(create(gpu.instance, &info, nullptr, &surface));
  gpu.defer([&gpu, surface] { vkDestroySurfaceKHR(gpu.instance, surface, nullptr); });
  put(size.headless, present_rate(gpu, surface, size.extent));
}

struct Window {
  explicit Window(VkExtent2D extent) : connection(xcb_connect(nullptr, nullptr)) {
    if (xcb_connection_has_error(connection)) {
      xcb_disconnect(connection);
      const char* display = getenv("DISPLAY");
      throw std::runtime_error(
          display == nullptr ? std::string("no X server: DISPLAY is not set, and Xvfb is not installed or "
                                           "did not start within 10 s")
                             : std::string("the X server ") + display + " takes no connection");
    }
    const xcb_screen_t* screen = xcb_setup_roots_iterator(xcb_get_setup(connection)).data;
    id = xcb_generate_id(connection);
    xcb_create_window(connection, XCB_COPY_FROM_PARENT, id, screen->root, 0, 0,
                      static_cast<uint16_t>(extent.width), static_cast<uint16_t>(extent.height), 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, 0, nullptr);
    xcb_map_window(connection, id);
    xcb_flush(connection);
  }
  ~Window() { xcb_disconnect(connection); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  xcb_connection_t* connection;
  xcb_window_t id = 0;
};

void windowed(const Size& size) {
  require_extension(VK_KHR_XCB_SURFACE_EXTENSION_NAME);
  const Window window(size.extent);
  Gpu gpu(wishes(VK_KHR_XCB_SURFACE_EXTENSION_NAME));
  auto info = info_of<VkXcbSurfaceCreateInfoKHR>(VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR);
  info.connection = window.connection;
  info.window = window.id;
  VkSurfaceKHR surface;
  VIADUCT_BENCH_VK(vkCreateXcbSurfaceKHR(gpu.instance, &info, nullptr, &surface));
  gpu.defer([&gpu, surface] { vkDestroySurfaceKHR(gpu.instance, surface, nullptr); });
  put(size.x11, present_rate(gpu, surface, size.extent));
}

// A driver without such surfaces, or a machine without an X server, is no failure of the others.
void attempt(const char* key, const Size& size, void (*measure)(const Size&)) {
  try {
    measure(size);
  } catch (const std::exception& error) {
    skip(key, error.what());
  }
}

}  // namespace

void measure_presenting() {
  for (const Size& size : kSizes) {
    attempt(size.headless, size, headless);
    attempt(size.x11, size, windowed);
  }
}

}  // namespace viaduct::bench
