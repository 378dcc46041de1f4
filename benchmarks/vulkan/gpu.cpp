#include "vulkan/gpu.hpp"

#include <algorithm>
#include <stdexcept>

namespace viaduct::bench {

void check_result(VkResult result, const char* what) {
  if (result != VK_SUCCESS)
    throw std::runtime_error(std::string(what) + " gave VkResult " + std::to_string(result));
}

Gpu::Gpu(const GpuWishes& wishes) {
  try {
    create(wishes);
  } catch (...) {
    clean();
    throw;
  }
}

Gpu::~Gpu() {
  vkDeviceWaitIdle(device);
  clean();
}

void Gpu::clean() noexcept {
  while (!cleanup_.empty()) {
    cleanup_.back()();
    cleanup_.pop_back();
  }
}

void Gpu::create(const GpuWishes& wishes) {
  create_instance(wishes);
  create_device(wishes);
  pool = command_pool();
  commands = command_buffer(pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
  auto info = info_of<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  VIADUCT_BENCH_VK(vkCreateFence(device, &info, nullptr, &fence));
  defer([this] { vkDestroyFence(device, fence, nullptr); });
}

void Gpu::create_instance(const GpuWishes& wishes) {
  auto application = info_of<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = "viaduct-bench";
  application.apiVersion = VK_API_VERSION_1_1;
  auto info = info_of<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = static_cast<uint32_t>(wishes.instance_extensions.size());
  info.ppEnabledExtensionNames = wishes.instance_extensions.data();
  VIADUCT_BENCH_VK(vkCreateInstance(&info, nullptr, &instance));
  defer([this] { vkDestroyInstance(instance, nullptr); });
  uint32_t count = 1;
  const VkResult found = vkEnumeratePhysicalDevices(instance, &count, &physical);
  if ((found != VK_SUCCESS && found != VK_INCOMPLETE) || count == 0)
    throw std::runtime_error("no physical device");
  vkGetPhysicalDeviceProperties(physical, &properties);
  vkGetPhysicalDeviceMemoryProperties(physical, &memory_);
}

void Gpu::create_device(const GpuWishes& wishes) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  while (family < count && !(families[family].queueFlags & VK_QUEUE_GRAPHICS_BIT)) ++family;
  if (family == count) throw std::runtime_error("no graphics queue");
  std::vector<const char*> names;
  if (!wishes.device_extensions.empty()) {
    VIADUCT_BENCH_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr));
    std::vector<VkExtensionProperties> offered(count);
    VIADUCT_BENCH_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, offered.data()));
    for (const char* wish : wishes.device_extensions)
      if (std::any_of(offered.begin(), offered.end(),
                      [&](const auto& one) { return std::string_view(one.extensionName) == wish; }))
        names.push_back(wish), extensions_.emplace_back(wish);
  }
  const float priority = 1.0f;
  auto queue_info = info_of<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue_info.queueFamilyIndex = family;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  auto info = info_of<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue_info;
  info.enabledExtensionCount = static_cast<uint32_t>(names.size());
  info.ppEnabledExtensionNames = names.data();
  VIADUCT_BENCH_VK(vkCreateDevice(physical, &info, nullptr, &device));
  defer([this] { vkDestroyDevice(device, nullptr); });
  vkGetDeviceQueue(device, family, 0, &queue);
}

bool Gpu::has_extension(const char* name) const {
  return std::find(extensions_.begin(), extensions_.end(), name) != extensions_.end();
}

uint32_t Gpu::memory_type(uint32_t bits, VkMemoryPropertyFlags wanted,
                          VkMemoryPropertyFlags preferred) const {
  for (VkMemoryPropertyFlags flags : {wanted | preferred, wanted})
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
      if ((bits >> i & 1) && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  throw std::runtime_error("no fitting memory type");
}

Gpu::Memory Gpu::allocate(const VkMemoryRequirements& needs, VkMemoryPropertyFlags wanted,
                          VkMemoryPropertyFlags preferred) {
  auto info = info_of<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  info.allocationSize = needs.size;
  info.memoryTypeIndex = memory_type(needs.memoryTypeBits, wanted, preferred);
  Memory memory;
  VIADUCT_BENCH_VK(vkAllocateMemory(device, &info, nullptr, &memory.handle));
  defer([this, handle = memory.handle] { vkFreeMemory(device, handle, nullptr); });
  memory.coherent =
      memory_.memoryTypes[info.memoryTypeIndex].propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (wanted & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    void* pointer;
    VIADUCT_BENCH_VK(vkMapMemory(device, memory.handle, 0, VK_WHOLE_SIZE, 0, &pointer));
    memory.mapped = static_cast<std::byte*>(pointer);
  }
  return memory;
}

Gpu::Buffer Gpu::buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted,
                        VkMemoryPropertyFlags preferred) {
  auto info = info_of<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = size;
  info.usage = usage;
  Buffer result;
  VIADUCT_BENCH_VK(vkCreateBuffer(device, &info, nullptr, &result.handle));
  defer([this, handle = result.handle] { vkDestroyBuffer(device, handle, nullptr); });
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, result.handle, &needs);
  result.memory = allocate(needs, wanted, preferred);
  VIADUCT_BENCH_VK(vkBindBufferMemory(device, result.handle, result.memory.handle, 0));
  return result;
}

Gpu::Image Gpu::image(VkFormat format, VkExtent2D extent, VkImageUsageFlags usage,
                      VkImageAspectFlags aspect) {
  auto info = info_of<VkImageCreateInfo>(VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO);
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = format;
  info.extent = {extent.width, extent.height, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = usage;
  Image result;
  VIADUCT_BENCH_VK(vkCreateImage(device, &info, nullptr, &result.handle));
  defer([this, handle = result.handle] { vkDestroyImage(device, handle, nullptr); });
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(device, result.handle, &needs);
  VIADUCT_BENCH_VK(vkBindImageMemory(
      device, result.handle, allocate(needs, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT).handle, 0));
  constexpr VkImageUsageFlags kNoView = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  if ((usage & ~kNoView) == 0) return result;
  auto view_info = info_of<VkImageViewCreateInfo>(VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO);
  view_info.image = result.handle;
  view_info.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view_info.format = format;
  view_info.subresourceRange = {aspect, 0, 1, 0, 1};
  VIADUCT_BENCH_VK(vkCreateImageView(device, &view_info, nullptr, &result.view));
  defer([this, view = result.view] { vkDestroyImageView(device, view, nullptr); });
  return result;
}

VkShaderModule Gpu::shader(std::span<const uint32_t> words) {
  auto info = info_of<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule module;
  VIADUCT_BENCH_VK(vkCreateShaderModule(device, &info, nullptr, &module));
  defer([this, module] { vkDestroyShaderModule(device, module, nullptr); });
  return module;
}

VkCommandPool Gpu::command_pool() {
  auto info = info_of<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  info.queueFamilyIndex = family;
  VkCommandPool result;
  VIADUCT_BENCH_VK(vkCreateCommandPool(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyCommandPool(device, result, nullptr); });
  return result;
}

VkCommandBuffer Gpu::command_buffer(VkCommandPool from, VkCommandBufferLevel level) {
  auto info = info_of<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = from;
  info.level = level;
  info.commandBufferCount = 1;
  VkCommandBuffer result;
  VIADUCT_BENCH_VK(vkAllocateCommandBuffers(device, &info, &result));
  return result;
}

VkCommandBuffer Gpu::begin() {
  VIADUCT_BENCH_VK(vkResetCommandPool(device, pool, 0));
  auto info = info_of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  VIADUCT_BENCH_VK(vkBeginCommandBuffer(commands, &info));
  return commands;
}

void Gpu::submit_and_wait(VkCommandBuffer buffer) {
  auto submit = info_of<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  submit.commandBufferCount = buffer ? 1 : 0;
  submit.pCommandBuffers = &buffer;
  VIADUCT_BENCH_VK(vkQueueSubmit(queue, 1, &submit, fence));
  VIADUCT_BENCH_VK(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
  VIADUCT_BENCH_VK(vkResetFences(device, 1, &fence));
}

}  // namespace viaduct::bench
