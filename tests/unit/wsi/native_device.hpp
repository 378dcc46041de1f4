// A SwapchainDevice on a native driver (lavapipe): what the ICD's own implementation is to the host's driver,
// with the acquire's semaphore signalled by a real submission. Also draws: clears a swapchain image to a
// colour.
#pragma once

#include <vulkan/vulkan.h>

#include <memory>
#include <vector>

#include "guest-icd/wsi/swapchain.hpp"

namespace viaduct::guest::wsi::test {

/// A BGRA word; what a window shows for it.
constexpr std::uint32_t argb(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
  return 0xff000000u | red << 16 | green << 8 | blue;
}

class NativeDevice {
 public:
  /// Null when the driver is missing: the test is then skipped.
  static std::unique_ptr<NativeDevice> open();
  ~NativeDevice();

  std::unique_ptr<SwapchainDevice> swapchain_device();
  VkQueue queue() const { return queue_; }
  VkDevice handle() const { return device_; }
  VkSemaphore make_semaphore();
  VkFence make_fence();
  bool wait(VkFence fence, std::uint64_t timeout_ns);
  /// Submits a clear of the swapchain's image to the ARGB colour; waits for `acquired`, signals `rendered`.
  void clear(VkImage image, std::uint32_t colour, VkSemaphore acquired, VkSemaphore rendered);
  void idle() { vkDeviceWaitIdle(device_); }
  void lose() { lost_ = true; }

  std::uint32_t frames_counted = 0;
  bool direct = false;  ///< swapchain images lie in mapped memory
  bool copies = true;   ///< if not, calls that copy pixels crash

 private:
  class Adapter;
  NativeDevice() = default;

  VkInstance instance_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::vector<VkSemaphore> semaphores_;
  std::vector<VkFence> fences_;
  std::atomic<bool> lost_{false};
};

struct SwapchainOptions {
  VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR;
  std::uint32_t images = 3;
  VkFormat format = VK_FORMAT_B8G8R8A8_UNORM;
  VkCompositeAlphaFlagBitsKHR alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  VkSwapchainKHR old = VK_NULL_HANDLE;
  const void* chain = nullptr;
};

VkSwapchainCreateInfoKHR create_info(Surface& surface, VkExtent2D extent,
                                     const SwapchainOptions& options = {});

/// A swapchain and the loop around it: acquire, clear, present.
class Frames {
 public:
  Frames(NativeDevice& device, Surface& surface, VkExtent2D extent, const SwapchainOptions& options = {});
  ~Frames();
  VkResult created() const { return created_; }
  Swapchain& swapchain() { return *swapchain_; }
  /// One frame of this colour, presented with this chain. What acquire or, when that went well, present
  /// returned.
  VkResult draw(std::uint32_t colour, const void* chain = nullptr);
  void destroy();

 private:
  NativeDevice& device_;
  std::unique_ptr<Swapchain> swapchain_;
  VkResult created_;
};

}  // namespace viaduct::guest::wsi::test
