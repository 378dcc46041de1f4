#include "tools/doctor/gpu.hpp"

#include <cstring>

namespace viaduct::tools {
namespace {

constexpr std::uint64_t kWaitNs = 30'000'000'000;

// Viaduct's device says so in its name (docs/identity.md).
bool is_viaducts(const char* device) { return std::strncmp(device, "Viaduct (", 9) == 0; }

}  // namespace

void check_vk(VkResult result, const char* what) {
  if (result != VK_SUCCESS) throw GpuError(std::string(what) + " gave VkResult " + std::to_string(result));
}

Gpu::Gpu(VulkanApi& api, std::vector<std::string>& names) : vk_(api) {
  find_device(names);
  make_device();
}

// Objects of the device go with it: the host's worker ends with the session.
Gpu::~Gpu() {
  if (device_ != VK_NULL_HANDLE) {
    vk_.DeviceWaitIdle(device_);
    vk_.DestroyDevice(device_, nullptr);
  }
  if (instance_ != VK_NULL_HANDLE && vk_.DestroyInstance != nullptr) vk_.DestroyInstance(instance_, nullptr);
}

void Gpu::find_device(std::vector<std::string>& names) {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "viaduct-doctor";
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  check_vk(vk_.CreateInstance(&info, nullptr, &instance_), "vkCreateInstance");
  if (!vk_.load(instance_)) throw GpuError("the loader lacks commands of Vulkan 1.1");
  std::uint32_t count = 0;
  vk_.EnumeratePhysicalDevices(instance_, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  vk_.EnumeratePhysicalDevices(instance_, &count, devices.data());
  for (const VkPhysicalDevice device : std::span(devices).first(count)) {
    VkPhysicalDeviceProperties properties;
    vk_.GetPhysicalDeviceProperties(device, &properties);
    names.emplace_back(properties.deviceName);
    if (physical_ == VK_NULL_HANDLE && is_viaducts(properties.deviceName)) physical_ = device;
  }
  if (physical_ == VK_NULL_HANDLE) throw GpuError("the loader shows no device of Viaduct's");
}

void Gpu::make_device() {
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &driver;
  vk_.GetPhysicalDeviceProperties2(physical_, &properties);
  name_ = properties.properties.deviceName;
  driver_info_ = driver.driverInfo;
  vk_.GetPhysicalDeviceMemoryProperties(physical_, &memory_);

  std::uint32_t count = 0;
  vk_.GetPhysicalDeviceQueueFamilyProperties(physical_, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk_.GetPhysicalDeviceQueueFamilyProperties(physical_, &count, families.data());
  while (family_ < count && (families[family_].queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0) ++family_;
  if (family_ == count) throw GpuError("the device has no queue that draws");
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  check_vk(vk_.CreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice");
  vk_.GetDeviceQueue(device_, family_, 0, &queue_);

  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.queueFamilyIndex = family_;
  check_vk(vk_.CreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
  VkCommandBufferAllocateInfo commands{};
  commands.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  commands.commandPool = pool_;
  commands.commandBufferCount = 1;
  check_vk(vk_.AllocateCommandBuffers(device_, &commands, &commands_), "vkAllocateCommandBuffers");
  VkFenceCreateInfo fence{};
  fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  check_vk(vk_.CreateFence(device_, &fence, nullptr, &fence_), "vkCreateFence");
}

std::uint32_t Gpu::memory_type(std::uint32_t bits, VkMemoryPropertyFlags wanted) const {
  for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
    if ((bits >> i & 1) != 0 && (memory_.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  }
  throw GpuError("the device has no fitting type of memory");
}

VkDeviceMemory Gpu::allocate(const VkMemoryRequirements& needs, VkMemoryPropertyFlags wanted) {
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = memory_type(needs.memoryTypeBits, wanted);
  VkDeviceMemory made = VK_NULL_HANDLE;
  check_vk(vk_.AllocateMemory(device_, &info, nullptr, &made), "vkAllocateMemory");
  return made;
}

Gpu::Buffer Gpu::make_buffer(VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags wanted) {
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = size;
  info.usage = usage;
  Buffer made;
  check_vk(vk_.CreateBuffer(device_, &info, nullptr, &made.handle), "vkCreateBuffer");
  VkMemoryRequirements needs;
  vk_.GetBufferMemoryRequirements(device_, made.handle, &needs);
  made.memory = allocate(needs, wanted);
  check_vk(vk_.BindBufferMemory(device_, made.handle, made.memory, 0), "vkBindBufferMemory");
  if ((wanted & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) {
    void* mapped = nullptr;
    check_vk(vk_.MapMemory(device_, made.memory, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
    made.mapped = static_cast<std::byte*>(mapped);
  }
  return made;
}

void Gpu::free_buffer(const Buffer& buffer) {
  vk_.DestroyBuffer(device_, buffer.handle, nullptr);
  vk_.FreeMemory(device_, buffer.memory, nullptr);
}

void Gpu::begin() {
  check_vk(vk_.ResetCommandPool(device_, pool_, 0), "vkResetCommandPool");
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check_vk(vk_.BeginCommandBuffer(commands_, &info), "vkBeginCommandBuffer");
}

void Gpu::submit_and_wait() {
  check_vk(vk_.EndCommandBuffer(commands_), "vkEndCommandBuffer");
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands_;
  check_vk(vk_.QueueSubmit(queue_, 1, &info, fence_), "vkQueueSubmit");
  check_vk(vk_.WaitForFences(device_, 1, &fence_, VK_TRUE, kWaitNs), "vkWaitForFences");
  check_vk(vk_.ResetFences(device_, 1, &fence_), "vkResetFences");
}

void Gpu::submit_nothing() {
  check_vk(vk_.QueueSubmit(queue_, 0, nullptr, fence_), "vkQueueSubmit");
  check_vk(vk_.WaitForFences(device_, 1, &fence_, VK_TRUE, kWaitNs), "vkWaitForFences");
  check_vk(vk_.ResetFences(device_, 1, &fence_), "vkResetFences");
}

}  // namespace viaduct::tools
