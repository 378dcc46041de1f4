// The Vulkan side that all benchmarks share: an instance, a device, one graphics queue, a command pool with
// one command buffer, a fence, and the few objects that every one of them makes. One thread uses a Gpu.
// Everything made through it lives as long as it does. Failures are exceptions of type std::runtime_error.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace viaduct::bench {

void check_result(VkResult result, const char* what);
#define VIADUCT_BENCH_VK(call) ::viaduct::bench::check_result((call), #call)

// A Vulkan struct with its sType and zeros.
template <class Info>
Info info_of(VkStructureType type) {
  Info info{};
  info.sType = type;
  return info;
}

struct GpuWishes {
  std::vector<const char*> instance_extensions;
  std::vector<const char*> device_extensions;  // those that the device lacks are left out
};

class Gpu {
 public:
  explicit Gpu(const GpuWishes& wishes = {});
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  struct Memory {
    VkDeviceMemory handle = VK_NULL_HANDLE;
    std::byte* mapped = nullptr;  // null if it was not asked to be host visible
    bool coherent = true;
  };
  struct Buffer {
    VkBuffer handle = VK_NULL_HANDLE;
    Memory memory;
  };
  struct Image {
    VkImage handle = VK_NULL_HANDLE;
    VkImageView view = VK_NULL_HANDLE;  // null if no usage needs one
  };

  bool has_extension(const char* name) const;  // of the device, and enabled
  template <class Function>
  Function entry(const char* name) const {
    return reinterpret_cast<Function>(vkGetDeviceProcAddr(device, name));
  }

  // The first type of `bits` with `wanted`, one with `preferred` too where there is one.
  uint32_t memory_type(uint32_t bits, VkMemoryPropertyFlags wanted,
                       VkMemoryPropertyFlags preferred = 0) const;
  Memory allocate(const VkMemoryRequirements& needs, VkMemoryPropertyFlags wanted,
                  VkMemoryPropertyFlags preferred = 0);
  Buffer buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted,
                VkMemoryPropertyFlags preferred = 0);
  Image image(VkFormat format, VkExtent2D extent, VkImageUsageFlags usage, VkImageAspectFlags aspect);
  VkShaderModule shader(std::span<const uint32_t> words);
  VkCommandPool command_pool();
  VkCommandBuffer command_buffer(VkCommandPool from, VkCommandBufferLevel level);

  VkCommandBuffer begin();  // the one command buffer, reset
  void submit_and_wait(VkCommandBuffer commands);
  void defer(std::function<void()> action) { cleanup_.push_back(std::move(action)); }

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkPhysicalDeviceProperties properties{};
  VkDevice device = VK_NULL_HANDLE;
  uint32_t family = 0;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;

 private:
  void create(const GpuWishes& wishes);
  void create_instance(const GpuWishes& wishes);
  void create_device(const GpuWishes& wishes);
  void clean() noexcept;

  VkPhysicalDeviceMemoryProperties memory_{};
  std::vector<std::string> extensions_;
  std::vector<std::function<void()>> cleanup_;
};

}  // namespace viaduct::bench
