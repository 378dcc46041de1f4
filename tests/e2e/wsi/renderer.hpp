// The Vulkan half of wsi_window: an instance and device for one kind of window, and swapchains that are
// cleared to one colour a frame. Every failure of what must work ends the program with the line that failed.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/wsi/window.hpp"

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                  \
    }                                                                                \
  } while (false)
#define CHECK_RESULT(expression, expected)                                                            \
  do {                                                                                                \
    const VkResult result_seen = (expression);                                                        \
    if (result_seen != (expected)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s is %d, not %d\n", __FILE__, __LINE__, #expression, result_seen, \
                   (expected));                                                                       \
      std::exit(1);                                                                                   \
    }                                                                                                 \
  } while (false)
#define CHECK_VK(expression) CHECK_RESULT(expression, VK_SUCCESS)

namespace wsi_window {

inline constexpr int kSkipped = 77;

struct Gpu {
  explicit Gpu(const std::string& platform);
  ~Gpu();
  /// Whether this extension of the instance or device (with its feature) is offered; it is enabled then.
  bool has(const char* extension) const { return extensions_.contains(extension); }
  template <class Function>
  Function proc(const char* name) const {
    const auto found = reinterpret_cast<Function>(vkGetDeviceProcAddr(device, name));
    CHECK(found != nullptr);
    return found;
  }
  VkSemaphore semaphore();
  VkFence fence();
  /// Clears the image (PRESENT_SRC afterwards) to 0xRRGGBB; waits and signals what is not null.
  void clear(VkImage image, std::uint32_t colour, VkSemaphore acquired, VkSemaphore rendered);

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  std::uint32_t family = 0;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;

 private:
  void make_instance(const std::string& platform);
  void make_device();

  std::set<std::string> extensions_;
  std::vector<VkSemaphore> semaphores_;
  std::vector<VkFence> fences_;
};

struct ChainOptions {
  VkExtent2D extent{};
  VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR;
  VkSwapchainKHR old = VK_NULL_HANDLE;
  VkFormat format = VK_FORMAT_B8G8R8A8_UNORM;
  VkSwapchainCreateFlagsKHR flags = 0;
  VkImageUsageFlags usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  const void* next = nullptr;
};

class Chain {
 public:
  Chain(Gpu& gpu, VkSurfaceKHR surface, const ChainOptions& options);
  Chain(Gpu& gpu, VkSurfaceKHR surface, VkExtent2D extent, VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR,
        VkSwapchainKHR old = VK_NULL_HANDLE, VkFormat format = VK_FORMAT_B8G8R8A8_UNORM);
  ~Chain();
  VkSwapchainKHR handle() const { return swapchain_; }
  const std::vector<VkImage>& images() const { return images_; }
  VkExtent2D extent() const { return extent_; }
  VkFormat format() const { return format_; }
  VkResult acquire(std::uint32_t& index, VkSemaphore semaphore, std::uint64_t timeout_ns = 5'000'000'000);
  /// `next` is the present's chain.
  VkResult present(std::uint32_t index, VkSemaphore rendered, const void* next = nullptr);
  /// Acquire, clear, present: the first result that is no success.
  VkResult draw(std::uint32_t colour, const void* next = nullptr);

 private:
  Gpu& gpu_;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  VkExtent2D extent_;
  VkFormat format_;
  std::vector<VkImage> images_;
};

}  // namespace wsi_window
