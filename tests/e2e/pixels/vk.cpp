#include "vk.hpp"

#include <algorithm>
#include <cstdio>

namespace pixels {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

void check(VkResult result, const char* what) {
  if (result != VK_SUCCESS) throw Failure(std::string(what) + " returned " + std::to_string(result));
}

void expect(bool condition, const char* what) {
  if (!condition) throw Failure(std::string("expected that ") + what);
}

void require(bool feature, const char* what) {
  if (!feature) throw Skip(std::string("the driver lacks ") + what);
}

Bytes noise(std::size_t size, uint32_t seed) {
  Bytes bytes(size);
  uint32_t state = seed * 2654435761u + 1;
  for (auto& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<std::byte>(state >> 11);
  }
  return bytes;
}

Context::Context(const std::vector<const char*>& wished, VkBaseOutStructure* extra) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "pixels";
  application.apiVersion = VK_API_VERSION_1_3;
  VkInstanceCreateInfo instance_info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  instance_info.pApplicationInfo = &application;
  PIXELS_VK(vkCreateInstance(&instance_info, nullptr, &instance));
  defer([this] { vkDestroyInstance(instance, nullptr); });

  uint32_t count = 1;
  VkResult found = vkEnumeratePhysicalDevices(instance, &count, &physical);
  expect((found == VK_SUCCESS || found == VK_INCOMPLETE) && count == 1, "there is a physical device");
  vkGetPhysicalDeviceProperties(physical, &properties);
  vkGetPhysicalDeviceMemoryProperties(physical, &memory_properties);
  require(properties.apiVersion >= VK_API_VERSION_1_3, "Vulkan 1.3");

  features11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  features11.pNext = &features12;
  features12.pNext = &features13;
  VkPhysicalDeviceFeatures2 features2{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &features11, {}};
  vkGetPhysicalDeviceFeatures2(physical, &features2);
  features2.features.robustBufferAccess = VK_FALSE;  // the slow path of software drivers; no case needs it
  features11.protectedMemory = VK_FALSE;
  features = features2.features;

  uint32_t families = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &families, nullptr);
  std::vector<VkQueueFamilyProperties> family_properties(families);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &families, family_properties.data());
  constexpr VkQueueFlags kBoth = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  while (family < families && (family_properties[family].queueFlags & kBoth) != kBoth) ++family;
  require(family < families, "a queue family for graphics and compute");

  uint32_t extension_count = 0;
  PIXELS_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &extension_count, nullptr));
  std::vector<VkExtensionProperties> offered(extension_count);
  PIXELS_VK(vkEnumerateDeviceExtensionProperties(physical, nullptr, &extension_count, offered.data()));
  for (const char* name : wished)
    if (std::any_of(offered.begin(), offered.end(),
                    [&](auto& e) { return !std::strcmp(e.extensionName, name); }))
      enabled_.push_back(name);

  float priority = 1.0f;
  VkDeviceQueueCreateInfo queue_info{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue_info.queueFamilyIndex = family;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &features2};
  if (extra != nullptr && enabled_.size() == wished.size()) {
    VkBaseOutStructure* last = extra;
    while (last->pNext != nullptr) last = last->pNext;
    last->pNext = reinterpret_cast<VkBaseOutStructure*>(&features2);
    device_info.pNext = extra;
  }
  device_info.queueCreateInfoCount = 1;
  device_info.pQueueCreateInfos = &queue_info;
  device_info.enabledExtensionCount = static_cast<uint32_t>(enabled_.size());
  device_info.ppEnabledExtensionNames = enabled_.data();
  PIXELS_VK(vkCreateDevice(physical, &device_info, nullptr, &device));
  defer([this] { vkDestroyDevice(device, nullptr); });
  vkGetDeviceQueue(device, family, 0, &queue);
  pool = command_pool();
}

Context::~Context() {
  if (device) vkDeviceWaitIdle(device);
  while (!cleanup_.empty()) {
    cleanup_.back()();
    cleanup_.pop_back();
  }
}

bool Context::has(const char* extension) const {
  return std::any_of(enabled_.begin(), enabled_.end(),
                     [&](const char* e) { return !std::strcmp(e, extension); });
}

uint32_t Context::memory_type(uint32_t bits, VkMemoryPropertyFlags wanted,
                              VkMemoryPropertyFlags preferred) const {
  for (VkMemoryPropertyFlags flags : {wanted | preferred, wanted})
    for (uint32_t i = 0; i < memory_properties.memoryTypeCount; ++i)
      if ((bits >> i & 1) && (memory_properties.memoryTypes[i].propertyFlags & flags) == flags) return i;
  return UINT32_MAX;
}

Buffer Context::buffer(VkDeviceSize size, VkBufferUsageFlags usage, Residency residency) {
  Buffer result;
  result.size = size;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = size;
  info.usage = usage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  PIXELS_VK(vkCreateBuffer(device, &info, nullptr, &result.handle));
  defer([this, handle = result.handle] { vkDestroyBuffer(device, handle, nullptr); });
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, result.handle, &needs);

  VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, preferred = 0;
  if (residency != Residency::kDevice) wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
  if (residency == Residency::kHostCoherent) wanted |= VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (residency == Residency::kHostCached) preferred = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  uint32_t type = memory_type(needs.memoryTypeBits, wanted, preferred);
  if (type == UINT32_MAX && residency == Residency::kDevice) type = memory_type(needs.memoryTypeBits, 0);
  expect(type != UINT32_MAX, "a buffer has a memory type of the kind the specification promises");

  VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO};
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  if (usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) allocate.pNext = &flags;
  allocate.allocationSize = needs.size;
  allocate.memoryTypeIndex = type;
  PIXELS_VK(vkAllocateMemory(device, &allocate, nullptr, &result.memory));
  defer([this, memory = result.memory] { vkFreeMemory(device, memory, nullptr); });
  PIXELS_VK(vkBindBufferMemory(device, result.handle, result.memory, 0));
  result.coherent = memory_properties.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (residency != Residency::kDevice) {
    void* pointer = nullptr;
    PIXELS_VK(vkMapMemory(device, result.memory, 0, VK_WHOLE_SIZE, 0, &pointer));
    result.mapped = static_cast<std::byte*>(pointer);
  }
  return result;
}

Image Context::image(const ImageOptions& options) {
  Image result;
  result.options = options;
  switch (options.format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_D32_SFLOAT:
      result.aspect = VK_IMAGE_ASPECT_DEPTH_BIT;
      break;
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
      result.aspect = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
      break;
    default:
      result.aspect = VK_IMAGE_ASPECT_COLOR_BIT;
  }
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.flags = options.flags;
  info.imageType = options.extent.depth > 1 ? VK_IMAGE_TYPE_3D : VK_IMAGE_TYPE_2D;
  info.format = options.format;
  info.extent = options.extent;
  info.mipLevels = options.mips;
  info.arrayLayers = options.layers;
  info.samples = options.samples;
  info.usage = options.usage;
  PIXELS_VK(vkCreateImage(device, &info, nullptr, &result.handle));
  defer([this, handle = result.handle] { vkDestroyImage(device, handle, nullptr); });
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(device, result.handle, &needs);
  uint32_t type = memory_type(needs.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  expect(type != UINT32_MAX, "an image has a memory type");
  VkMemoryDedicatedAllocateInfo dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO};
  dedicated.image = result.handle;
  VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  if (needs.size > (1u << 20)) allocate.pNext = &dedicated;
  allocate.allocationSize = needs.size;
  allocate.memoryTypeIndex = type;
  PIXELS_VK(vkAllocateMemory(device, &allocate, nullptr, &result.memory));
  defer([this, memory = result.memory] { vkFreeMemory(device, memory, nullptr); });
  PIXELS_VK(vkBindImageMemory(device, result.handle, result.memory, 0));
  constexpr VkImageUsageFlags kViewed =
      VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
      VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
  if (options.usage & kViewed)
    result.view =
        view(result, options.view_type, {result.aspect, 0, options.mips, 0, options.layers}, options.format);
  return result;
}

VkImageView Context::view(const Image& image, VkImageViewType type, VkImageSubresourceRange range,
                          VkFormat format) {
  VkImageViewCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  info.image = image.handle;
  info.viewType = type;
  info.format = format;
  info.subresourceRange = range;
  VkImageView result;
  PIXELS_VK(vkCreateImageView(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyImageView(device, result, nullptr); });
  return result;
}

VkSampler Context::sampler(VkFilter filter, VkSamplerAddressMode mode) {
  VkSamplerCreateInfo info{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
  info.magFilter = info.minFilter = filter;
  info.mipmapMode =
      filter == VK_FILTER_LINEAR ? VK_SAMPLER_MIPMAP_MODE_LINEAR : VK_SAMPLER_MIPMAP_MODE_NEAREST;
  info.addressModeU = info.addressModeV = info.addressModeW = mode;
  info.maxLod = VK_LOD_CLAMP_NONE;
  info.borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE;
  VkSampler result;
  PIXELS_VK(vkCreateSampler(device, &info, nullptr, &result));
  defer([this, result] { vkDestroySampler(device, result, nullptr); });
  return result;
}

VkFence Context::fence(bool signaled) {
  VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  if (signaled) info.flags = VK_FENCE_CREATE_SIGNALED_BIT;
  VkFence result;
  PIXELS_VK(vkCreateFence(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyFence(device, result, nullptr); });
  return result;
}

VkSemaphore Context::semaphore() {
  VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore result;
  PIXELS_VK(vkCreateSemaphore(device, &info, nullptr, &result));
  defer([this, result] { vkDestroySemaphore(device, result, nullptr); });
  return result;
}

VkSemaphore Context::timeline(uint64_t value) {
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  type.initialValue = value;
  VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type};
  VkSemaphore result;
  PIXELS_VK(vkCreateSemaphore(device, &info, nullptr, &result));
  defer([this, result] { vkDestroySemaphore(device, result, nullptr); });
  return result;
}

VkEvent Context::event() {
  VkEventCreateInfo info{VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
  VkEvent result;
  PIXELS_VK(vkCreateEvent(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyEvent(device, result, nullptr); });
  return result;
}

VkCommandPool Context::command_pool() {
  VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  info.queueFamilyIndex = family;
  VkCommandPool result;
  PIXELS_VK(vkCreateCommandPool(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyCommandPool(device, result, nullptr); });
  return result;
}

VkCommandBuffer Context::command_buffer(VkCommandPool from, VkCommandBufferLevel level) {
  VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  info.commandPool = from;
  info.level = level;
  info.commandBufferCount = 1;
  VkCommandBuffer result;
  PIXELS_VK(vkAllocateCommandBuffers(device, &info, &result));
  return result;
}

void Context::flush(const Buffer& buffer) {
  if (buffer.coherent) return;
  VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, buffer.memory, 0, VK_WHOLE_SIZE};
  PIXELS_VK(vkFlushMappedMemoryRanges(device, 1, &range));
}

void Context::invalidate(const Buffer& buffer) {
  if (buffer.coherent) return;
  VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, buffer.memory, 0, VK_WHOLE_SIZE};
  PIXELS_VK(vkInvalidateMappedMemoryRanges(device, 1, &range));
}

void Context::upload(const Buffer& buffer, const void* data, std::size_t size) {
  expect(size <= buffer.size, "the data fits the buffer");
  if (buffer.mapped) {
    std::memcpy(buffer.mapped, data, size);
    flush(buffer);
    return;
  }
  Buffer staging = this->buffer(size, 0, Residency::kHost);
  upload(staging, data, size);
  submit([&](VkCommandBuffer cb) {
    VkBufferCopy region{0, 0, size};
    vkCmdCopyBuffer(cb, staging.handle, buffer.handle, 1, &region);
    barrier(cb);
  });
}

Bytes Context::read(const Buffer& buffer) {
  if (buffer.mapped) {
    invalidate(buffer);
    return Bytes(buffer.mapped, buffer.mapped + buffer.size);
  }
  Buffer staging = this->buffer(buffer.size, 0, Residency::kHostCached);
  submit([&](VkCommandBuffer cb) {
    barrier(cb);
    VkBufferCopy region{0, 0, buffer.size};
    vkCmdCopyBuffer(cb, buffer.handle, staging.handle, 1, &region);
    barrier(cb);
  });
  return read(staging);
}

void Context::upload_image(const Image& image, const void* data, std::size_t size, VkImageLayout layout,
                           uint32_t mip, uint32_t layer) {
  Buffer staging = buffer(size, 0, Residency::kHost);
  upload(staging, data, size);
  submit([&](VkCommandBuffer cb) {
    transition(cb, image, mip == 0 && layer == 0 ? VK_IMAGE_LAYOUT_UNDEFINED : layout,
               VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    VkBufferImageCopy region{};
    region.imageSubresource = {image.aspect, mip, layer, 1};
    auto& extent = image.options.extent;
    region.imageExtent = {std::max(1u, extent.width >> mip), std::max(1u, extent.height >> mip),
                          std::max(1u, extent.depth >> mip)};
    vkCmdCopyBufferToImage(cb, staging.handle, image.handle, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                           &region);
    transition(cb, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, layout);
  });
}

Bytes Context::read_image(const Image& image, VkImageLayout layout, uint32_t texel_size, uint32_t mip,
                          uint32_t layer, VkImageAspectFlags aspect) {
  auto& full = image.options.extent;
  VkExtent3D extent{std::max(1u, full.width >> mip), std::max(1u, full.height >> mip),
                    std::max(1u, full.depth >> mip)};
  VkDeviceSize size = VkDeviceSize{extent.width} * extent.height * extent.depth * texel_size;
  Buffer target = buffer(size, 0, Residency::kHostCached);
  submit([&](VkCommandBuffer cb) {
    if (layout != VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL)
      transition(cb, image, layout, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    VkBufferImageCopy region{};
    region.imageSubresource = {aspect ? aspect : image.aspect, mip, layer, 1};
    region.imageExtent = extent;
    vkCmdCopyImageToBuffer(cb, image.handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target.handle, 1, &region);
    if (layout != VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL)
      transition(cb, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, layout);
    barrier(cb);
  });
  return read(target);
}

void Context::submit(const std::function<void(VkCommandBuffer)>& record) {
  VkCommandBuffer cb = command_buffer(pool);
  begin(cb);
  record(cb);
  PIXELS_VK(vkEndCommandBuffer(cb));
  submit_and_wait(cb);
  vkFreeCommandBuffers(device, pool, 1, &cb);
}

void Context::submit_and_wait(VkCommandBuffer command_buffer) {
  VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence done;
  PIXELS_VK(vkCreateFence(device, &info, nullptr, &done));
  VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  batch.commandBufferCount = 1;
  batch.pCommandBuffers = &command_buffer;
  PIXELS_VK(vkQueueSubmit(queue, 1, &batch, done));
  PIXELS_VK(vkWaitForFences(device, 1, &done, VK_TRUE, 60'000'000'000ull));
  vkDestroyFence(device, done, nullptr);
}

}  // namespace pixels
