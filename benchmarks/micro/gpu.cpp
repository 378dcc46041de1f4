#include "micro/gpu.hpp"

#include <stdexcept>
#include <string>

namespace viaduct::bench {

void check_result(VkResult result, const char* what) {
  if (result != VK_SUCCESS)
    throw std::runtime_error(std::string(what) + " gave VkResult " + std::to_string(result));
}

Gpu::Gpu() {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo instance_info{};
  instance_info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  instance_info.pApplicationInfo = &application;
  VIADUCT_MICRO_VK(vkCreateInstance(&instance_info, nullptr, &instance));
  defer([this] { vkDestroyInstance(instance, nullptr); });
  uint32_t count = 1;
  VkResult found = vkEnumeratePhysicalDevices(instance, &count, &physical);
  if ((found != VK_SUCCESS && found != VK_INCOMPLETE) || count == 0)
    throw std::runtime_error("no physical device");
  float priority = 1.0f;
  VkDeviceQueueCreateInfo queue_info{};
  queue_info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  VkDeviceCreateInfo device_info{};
  device_info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  device_info.queueCreateInfoCount = 1;
  device_info.pQueueCreateInfos = &queue_info;
  VIADUCT_MICRO_VK(vkCreateDevice(physical, &device_info, nullptr, &device));
  defer([this] { vkDestroyDevice(device, nullptr); });
  vkGetDeviceQueue(device, family, 0, &queue);
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  VIADUCT_MICRO_VK(vkCreateCommandPool(device, &pool_info, nullptr, &pool));
  defer([this] { vkDestroyCommandPool(device, pool, nullptr); });
  VkCommandBufferAllocateInfo commands_info{};
  commands_info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  commands_info.commandPool = pool;
  commands_info.commandBufferCount = 1;
  VIADUCT_MICRO_VK(vkAllocateCommandBuffers(device, &commands_info, &commands));
  VkFenceCreateInfo fence_info{};
  fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  VIADUCT_MICRO_VK(vkCreateFence(device, &fence_info, nullptr, &fence));
  defer([this] { vkDestroyFence(device, fence, nullptr); });
}

Gpu::~Gpu() {
  if (device) vkDeviceWaitIdle(device);
  while (!cleanup_.empty()) {
    cleanup_.back()();
    cleanup_.pop_back();
  }
}

uint32_t Gpu::memory_type(uint32_t bits, VkMemoryPropertyFlags wanted) const {
  VkPhysicalDeviceMemoryProperties properties;
  vkGetPhysicalDeviceMemoryProperties(physical, &properties);
  for (uint32_t i = 0; i < properties.memoryTypeCount; ++i)
    if ((bits >> i & 1) && (properties.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  throw std::runtime_error("no fitting memory type");
}

Gpu::Buffer Gpu::buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted) {
  Buffer result;
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = size;
  info.usage = usage;
  VIADUCT_MICRO_VK(vkCreateBuffer(device, &info, nullptr, &result.handle));
  defer([this, handle = result.handle] { vkDestroyBuffer(device, handle, nullptr); });
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, result.handle, &needs);
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.allocationSize = needs.size;
  allocate.memoryTypeIndex = memory_type(needs.memoryTypeBits, wanted);
  VIADUCT_MICRO_VK(vkAllocateMemory(device, &allocate, nullptr, &result.memory));
  defer([this, memory = result.memory] { vkFreeMemory(device, memory, nullptr); });
  VIADUCT_MICRO_VK(vkBindBufferMemory(device, result.handle, result.memory, 0));
  if (wanted & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)
    VIADUCT_MICRO_VK(vkMapMemory(device, result.memory, 0, VK_WHOLE_SIZE, 0, &result.mapped));
  return result;
}

VkCommandBuffer Gpu::begin() {
  VIADUCT_MICRO_VK(vkResetCommandPool(device, pool, 0));
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  VIADUCT_MICRO_VK(vkBeginCommandBuffer(commands, &info));
  return commands;
}

void Gpu::submit_and_wait(VkCommandBuffer buffer) {
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = buffer ? 1 : 0;
  submit.pCommandBuffers = &buffer;
  VIADUCT_MICRO_VK(vkQueueSubmit(queue, 1, &submit, fence));
  VIADUCT_MICRO_VK(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
  VIADUCT_MICRO_VK(vkResetFences(device, 1, &fence));
}

}  // namespace viaduct::bench
