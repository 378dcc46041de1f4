// The Vulkan side that the micro-benchmarks share: an instance, a device, one queue, a pool, a fence.
// Everything made through it lives as long as it does. Failures are exceptions of type std::runtime_error.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace viaduct::bench {

void check_result(VkResult result, const char* what);
#define VIADUCT_MICRO_VK(call) ::viaduct::bench::check_result((call), #call)

class Gpu {
 public:
  Gpu();
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  struct Buffer {
    VkBuffer handle = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    void* mapped = nullptr;
  };

  uint32_t memory_type(uint32_t bits, VkMemoryPropertyFlags wanted) const;
  Buffer buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted);
  VkCommandBuffer begin();  // the one command buffer, reset
  void submit_and_wait(VkCommandBuffer commands);
  void defer(std::function<void()> action) { cleanup_.push_back(std::move(action)); }

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  uint32_t family = 0;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;

 private:
  std::vector<std::function<void()>> cleanup_;
};

}  // namespace viaduct::bench
