// What a swapchain needs of the driver below it: ordinary Vulkan functions and three things that only the
// driver can do. The ICD implements it with its own entry points; tests implement it on a native driver.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <span>

namespace viaduct::guest::wsi {

#define VIADUCT_SWAPCHAIN_FUNCTIONS(X) \
  X(vkAllocateCommandBuffers)          \
  X(vkAllocateMemory)                  \
  X(vkBeginCommandBuffer)              \
  X(vkBindBufferMemory)                \
  X(vkBindImageMemory)                 \
  X(vkCmdCopyImageToBuffer)            \
  X(vkCmdPipelineBarrier)              \
  X(vkCreateBuffer)                    \
  X(vkCreateCommandPool)               \
  X(vkCreateFence)                     \
  X(vkCreateImage)                     \
  X(vkDestroyBuffer)                   \
  X(vkDestroyCommandPool)              \
  X(vkDestroyFence)                    \
  X(vkDestroyImage)                    \
  X(vkEndCommandBuffer)                \
  X(vkFreeMemory)                      \
  X(vkGetBufferMemoryRequirements)     \
  X(vkGetImageMemoryRequirements)      \
  X(vkGetImageSubresourceLayout)       \
  X(vkInvalidateMappedMemoryRanges)    \
  X(vkMapMemory)                       \
  X(vkResetFences)                     \
  X(vkWaitForFences)

class SwapchainDevice {
 public:
  virtual ~SwapchainDevice() = default;

  /// Any thread. Latched.
  virtual bool lost() const noexcept = 0;
  /// Semaphore and fence (either may be null) are signalled from now on: the image acquired is free already.
  virtual VkResult signal_acquired(VkSemaphore semaphore, VkFence fence) noexcept = 0;
  /// At most one batch; every fence is signalled when it, or without one what came before, has executed.
  virtual VkResult submit(VkQueue queue, const VkSubmitInfo* batch,
                          std::span<const VkFence> fences) noexcept = 0;
  virtual std::uint32_t family_of(VkQueue queue) const noexcept = 0;
  /// A frame was presented from this queue (for the session's statistics).
  virtual void count_frame(VkQueue queue) noexcept = 0;

  /// Whether the same with linear tiling, in memory of direct_type_bits, is as good: what the device renders
  /// there is seen in mapped memory without a copy, and costs the device no more.
  virtual bool can_be_direct(const VkImageCreateInfo& info) const noexcept = 0;

  VkDevice handle = VK_NULL_HANDLE;
  std::uint32_t direct_type_bits = 0;
  VkPhysicalDeviceMemoryProperties memory{};
#define VIADUCT_MEMBER(name) PFN_##name name = nullptr;
  VIADUCT_SWAPCHAIN_FUNCTIONS(VIADUCT_MEMBER)
#undef VIADUCT_MEMBER
};

}  // namespace viaduct::guest::wsi
