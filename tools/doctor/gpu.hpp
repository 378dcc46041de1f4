// Viaduct's device through the loader, and what is done on it: the test picture, and how quick it is.
//
// One thread. What fails throws GpuError, whose words name the call; everything ends with the process or with
// close().
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/doctor/vulkan_api.hpp"

namespace viaduct::tools {

class GpuError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws what is no VK_SUCCESS, with the name of the command.
void check_vk(VkResult result, const char* what);

class Gpu {
 public:
  // The first device whose driver is Viaduct's. Throws where the loader shows none; `names` has all that it
  // shows then.
  Gpu(VulkanApi& api, std::vector<std::string>& names);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  ~Gpu();

  [[nodiscard]] const std::string& name() const { return name_; }
  // "Viaduct 0.1.0 on Mesa 22.3.6": the host's version of Viaduct, and its driver.
  [[nodiscard]] const std::string& driver_info() const { return driver_info_; }

  // expected_picture(), rendered and read back.
  std::vector<std::byte> render_picture();

  struct Speed {
    double round_trip_ms = 0;  // the median of empty submissions, each waited for
    double upload = 0;         // bytes a second: written to mapped memory and copied by the GPU
    double download = 0;
    std::size_t bytes = 0;  // that the last two moved, each
  };
  // Of rounds of growing size, the quicker of two; the last takes a tenth of a second, or moves 16 MiB or
  // an eighth of what may be mapped.
  Speed measure();

 private:
  struct Buffer {
    VkBuffer handle = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    std::byte* mapped = nullptr;
  };
  void find_device(std::vector<std::string>& names);
  void make_device();
  std::uint32_t memory_type(std::uint32_t bits, VkMemoryPropertyFlags wanted) const;
  VkDeviceMemory allocate(const VkMemoryRequirements& needs, VkMemoryPropertyFlags wanted);
  Buffer make_buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted);
  void free_buffer(const Buffer& buffer);
  VkShaderModule shader(std::span<const std::uint32_t> words);
  VkRenderPass render_pass();
  VkPipeline pipeline(VkRenderPass pass);
  void begin();
  void submit_and_wait();
  void submit_nothing();
  std::size_t most_mapped() const;
  void measure_copies(std::size_t bytes, Speed& speed);
  void copy(VkBuffer from, VkBuffer to, VkDeviceSize size);

  VulkanApi& vk_;
  VkInstance instance_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0;
  VkPhysicalDeviceMemoryProperties memory_{};
  std::string name_;
  std::string driver_info_;
};

}  // namespace viaduct::tools
