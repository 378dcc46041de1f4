// The least of Vulkan that a bad-day program needs: one instance, one device, one queue, buffers,
// submissions.
//
// Errors that are not the subject of a program end it with status 3 and a line that names the call. One Gpu
// belongs to one thread, unless a program says otherwise. Nothing is destroyed unless destroy() is called:
// leaving without clean-up is one of the things tested.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <vector>

namespace viaduct::bad_days {

// Ends the program with a line when a result is not VK_SUCCESS.
void require(VkResult result, const char* call);

struct GpuOptions {
  bool timeline = true;
};

class Gpu {
 public:
  explicit Gpu(const GpuOptions& options = {});
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  void destroy();

  // An index whose type has these properties, among the allowed types; ends the program if there is none.
  [[nodiscard]] uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const;

  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
};

// A buffer in coherent, mapped memory.
struct MappedBuffer {
  MappedBuffer(const Gpu& gpu, VkDeviceSize bytes);
  void destroy(const Gpu& gpu);

  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  uint32_t* words = nullptr;
  VkDeviceSize size = 0;
};

VkCommandPool make_pool(const Gpu& gpu);
VkCommandBuffer allocate_commands(const Gpu& gpu, VkCommandPool pool);
void begin(VkCommandBuffer commands);
void end(VkCommandBuffer commands);
// Fills the buffer with a word, visible to the host once the submission's fence is signalled.
void record_fill(VkCommandBuffer commands, const MappedBuffer& target, uint32_t word);
VkFence make_fence(const Gpu& gpu);
VkSemaphore make_timeline(const Gpu& gpu, uint64_t value);
VkResult submit(const Gpu& gpu, VkCommandBuffer commands, VkFence fence);
// Waits on the GPU for the timeline semaphore to reach the value first.
VkResult submit_after(const Gpu& gpu, VkCommandBuffer commands, VkFence fence, VkSemaphore timeline,
                      uint64_t value);

}  // namespace viaduct::bad_days
