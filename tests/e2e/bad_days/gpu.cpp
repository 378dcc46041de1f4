#include "tests/e2e/bad_days/gpu.hpp"

#include <cstdio>
#include <cstdlib>

namespace viaduct::bad_days {

void require(VkResult result, const char* call) {
  if (result == VK_SUCCESS) return;
  std::printf("unexpected %s: %d\n", call, static_cast<int>(result));
  std::fflush(stdout);
  std::_Exit(3);
}

Gpu::Gpu(const GpuOptions& options) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "bad days";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo instance_info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  instance_info.pApplicationInfo = &application;
  require(vkCreateInstance(&instance_info, nullptr, &instance), "vkCreateInstance");

  uint32_t count = 1;
  const VkResult enumerated = vkEnumeratePhysicalDevices(instance, &count, &physical);
  if (enumerated != VK_INCOMPLETE) require(enumerated, "vkEnumeratePhysicalDevices");
  if (count == 0) require(VK_ERROR_INITIALIZATION_FAILED, "vkEnumeratePhysicalDevices (no device)");

  const float priority = 1.0F;
  VkDeviceQueueCreateInfo queue_info{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  timeline.timelineSemaphore = VK_TRUE;
  VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  device_info.pNext = options.timeline ? &timeline : nullptr;
  device_info.queueCreateInfoCount = 1;
  device_info.pQueueCreateInfos = &queue_info;
  require(vkCreateDevice(physical, &device_info, nullptr, &device), "vkCreateDevice");
  vkGetDeviceQueue(device, 0, 0, &queue);
  pool = make_pool(*this);
}

void Gpu::destroy() {
  vkDestroyCommandPool(device, pool, nullptr);
  vkDestroyDevice(device, nullptr);
  vkDestroyInstance(instance, nullptr);
}

uint32_t Gpu::memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const {
  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    if ((allowed >> i & 1) != 0 && (memory.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  }
  require(VK_ERROR_FORMAT_NOT_SUPPORTED, "memory type");
  return 0;
}

MappedBuffer::MappedBuffer(const Gpu& gpu, VkDeviceSize bytes) : size(bytes) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
  require(vkCreateBuffer(gpu.device, &info, nullptr, &buffer), "vkCreateBuffer");
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(gpu.device, buffer, &needs);
  VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  allocate.allocationSize = needs.size;
  allocate.memoryTypeIndex = gpu.memory_type(
      needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  require(vkAllocateMemory(gpu.device, &allocate, nullptr, &memory), "vkAllocateMemory");
  require(vkBindBufferMemory(gpu.device, buffer, memory, 0), "vkBindBufferMemory");
  void* mapped = nullptr;
  require(vkMapMemory(gpu.device, memory, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
  words = static_cast<uint32_t*>(mapped);
}

void MappedBuffer::destroy(const Gpu& gpu) {
  vkDestroyBuffer(gpu.device, buffer, nullptr);
  vkFreeMemory(gpu.device, memory, nullptr);
}

VkCommandPool make_pool(const Gpu& gpu) {
  VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  VkCommandPool pool = VK_NULL_HANDLE;
  require(vkCreateCommandPool(gpu.device, &info, nullptr, &pool), "vkCreateCommandPool");
  return pool;
}

VkCommandBuffer allocate_commands(const Gpu& gpu, VkCommandPool pool) {
  VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  info.commandPool = pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  require(vkAllocateCommandBuffers(gpu.device, &info, &commands), "vkAllocateCommandBuffers");
  return commands;
}

void begin(VkCommandBuffer commands) {
  const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  require(vkBeginCommandBuffer(commands, &info), "vkBeginCommandBuffer");
}

void end(VkCommandBuffer commands) { require(vkEndCommandBuffer(commands), "vkEndCommandBuffer"); }

void record_fill(VkCommandBuffer commands, const MappedBuffer& target, uint32_t word) {
  vkCmdFillBuffer(commands, target.buffer, 0, VK_WHOLE_SIZE, word);
  VkBufferMemoryBarrier barrier{VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  barrier.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.buffer = target.buffer;
  barrier.size = VK_WHOLE_SIZE;
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 0, nullptr, 1,
                       &barrier, 0, nullptr);
}

VkFence make_fence(const Gpu& gpu) {
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence fence = VK_NULL_HANDLE;
  require(vkCreateFence(gpu.device, &info, nullptr, &fence), "vkCreateFence");
  return fence;
}

VkSemaphore make_timeline(const Gpu& gpu, uint64_t value) {
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  type.initialValue = value;
  VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  info.pNext = &type;
  VkSemaphore semaphore = VK_NULL_HANDLE;
  require(vkCreateSemaphore(gpu.device, &info, nullptr, &semaphore), "vkCreateSemaphore");
  return semaphore;
}

VkResult submit(const Gpu& gpu, VkCommandBuffer commands, VkFence fence) {
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  return vkQueueSubmit(gpu.queue, 1, &info, fence);
}

VkResult submit_after(const Gpu& gpu, VkCommandBuffer commands, VkFence fence, VkSemaphore timeline,
                      uint64_t value) {
  VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  values.waitSemaphoreValueCount = 1;
  values.pWaitSemaphoreValues = &value;
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.pNext = &values;
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &timeline;
  info.pWaitDstStageMask = &stage;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  return vkQueueSubmit(gpu.queue, 1, &info, fence);
}

}  // namespace viaduct::bad_days
