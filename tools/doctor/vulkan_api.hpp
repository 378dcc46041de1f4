// The Vulkan loader as a program finds it: libvulkan.so.1, opened when it is wanted, so that its absence is a
// finding and not a program that does not start.
#pragma once

#include <vulkan/vulkan_core.h>

#include <string>

namespace viaduct::tools {

// Commands without a device's or instance's own table; the loader's own are good for all that is done here.
#define VIADUCT_DOCTOR_COMMANDS(X)          \
  X(AllocateCommandBuffers)                 \
  X(AllocateMemory)                         \
  X(BeginCommandBuffer)                     \
  X(BindBufferMemory)                       \
  X(BindImageMemory)                        \
  X(CmdBeginRenderPass)                     \
  X(CmdBindPipeline)                        \
  X(CmdCopyBuffer)                          \
  X(CmdCopyImageToBuffer)                   \
  X(CmdDraw)                                \
  X(CmdEndRenderPass)                       \
  X(CmdPipelineBarrier)                     \
  X(CreateBuffer)                           \
  X(CreateCommandPool)                      \
  X(CreateDevice)                           \
  X(CreateFence)                            \
  X(CreateFramebuffer)                      \
  X(CreateGraphicsPipelines)                \
  X(CreateImage)                            \
  X(CreateImageView)                        \
  X(CreatePipelineLayout)                   \
  X(CreateRenderPass)                       \
  X(CreateShaderModule)                     \
  X(DestroyBuffer)                          \
  X(DestroyDevice)                          \
  X(DestroyInstance)                        \
  X(DeviceWaitIdle)                         \
  X(EndCommandBuffer)                       \
  X(EnumeratePhysicalDevices)               \
  X(FreeMemory)                             \
  X(GetBufferMemoryRequirements)            \
  X(GetDeviceQueue)                         \
  X(GetImageMemoryRequirements)             \
  X(GetPhysicalDeviceMemoryProperties)      \
  X(GetPhysicalDeviceProperties)            \
  X(GetPhysicalDeviceProperties2)           \
  X(GetPhysicalDeviceQueueFamilyProperties) \
  X(MapMemory)                              \
  X(QueueSubmit)                            \
  X(ResetCommandPool)                       \
  X(ResetFences)                            \
  X(WaitForFences)

class VulkanApi {
 public:
  // Opens the loader. False if there is none: `why` is what the system says.
  bool open(std::string& why);
  // Finds the commands of an instance.
  bool load(VkInstance instance);

  std::string path;           // of the loader's file
  std::uint32_t version = 0;  // what the loader knows
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;
  PFN_vkCreateInstance CreateInstance = nullptr;
#define VIADUCT_DOCTOR_MEMBER(name) PFN_vk##name name = nullptr;
  VIADUCT_DOCTOR_COMMANDS(VIADUCT_DOCTOR_MEMBER)
#undef VIADUCT_DOCTOR_MEMBER
};

}  // namespace viaduct::tools
