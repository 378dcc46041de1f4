// api.buffer, api.buffer_memory_requirements, memory.*: requirements, allocations, mappings and their limits.
#include <algorithm>

#include "area.hpp"

using namespace conformance;

namespace {

bool same(const VkMemoryRequirements& a, const VkMemoryRequirements& b) {
  return a.size == b.size && a.alignment == b.alignment && a.memoryTypeBits == b.memoryTypeBits;
}

// A creation may fail only with a lack of memory, and what it makes has requirements that make sense.
void buffer_of_size(const Context& ctx, const char* what, VkDeviceSize size, VkBufferUsageFlags usage) {
  const VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, nullptr, 0, size, usage};
  VkBuffer buffer = VK_NULL_HANDLE;
  const VkResult result = vkCreateBuffer(ctx.device, &info, nullptr, &buffer);
  say("buffer of %s: %s", what, name(result));
  if (result != VK_SUCCESS) return;
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(ctx.device, buffer, &needs);
  must(needs.size >= size || size > ctx.properties.limits.maxStorageBufferRange,
       "its requirements are smaller");
  must(needs.memoryTypeBits != 0, "a buffer of %s fits no memory", what);
  must(needs.alignment != 0 && (needs.alignment & (needs.alignment - 1)) == 0,
       "its alignment is no power of two");
  vkDestroyBuffer(ctx.device, buffer, nullptr);
}

void buffers(const Context& ctx) {
  for (const VkDeviceSize size :
       {VkDeviceSize{1}, VkDeviceSize{1181}, VkDeviceSize{15991}, VkDeviceSize{16384}}) {
    buffer_of_size(ctx, std::to_string(size).c_str(), size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  }
  buffer_of_size(ctx, "2^31", VkDeviceSize{1} << 31, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  buffer_of_size(ctx, "2^40", VkDeviceSize{1} << 40, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  buffer_of_size(ctx, "2^62", VkDeviceSize{1} << 62, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  buffer_of_size(ctx, "2^64 - 1", ~VkDeviceSize{0}, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  // The same usage has the same types whatever the size (12.7, "Resource Memory Association").
  uint32_t bits = 0;
  for (VkDeviceSize size = 1; size < 1u << 24; size *= 7) {
    const VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, nullptr, 0, size,
                                  VK_BUFFER_USAGE_INDEX_BUFFER_BIT};
    const VkDeviceBufferMemoryRequirements asked{VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS, nullptr,
                                                 &info};
    VkBuffer buffer = VK_NULL_HANDLE;
    PIXELS_VK(vkCreateBuffer(ctx.device, &info, nullptr, &buffer));
    VkMemoryRequirements one{};
    VkMemoryDedicatedRequirements dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS, nullptr, 9, 9};
    VkMemoryRequirements2 two{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, &dedicated, {}};
    VkMemoryRequirements2 three{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
    VkBufferMemoryRequirementsInfo2 of{VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, nullptr, buffer};
    vkGetDeviceBufferMemoryRequirements(ctx.device, &asked, &three);
    vkGetBufferMemoryRequirements2(ctx.device, &of, &two);
    vkGetBufferMemoryRequirements(ctx.device, buffer, &one);
    must(same(one, two.memoryRequirements) && same(one, three.memoryRequirements),
         "three ways to ask, two answers");
    must(dedicated.prefersDedicatedAllocation <= 1 && dedicated.requiresDedicatedAllocation <= 1,
         "not a boolean");
    must(bits == 0 || bits == one.memoryTypeBits, "memoryTypeBits change with the size");
    must(ctx.memory_type(one.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                 VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != UINT32_MAX,
         "a buffer cannot be mapped");
    bits = one.memoryTypeBits;
    vkDestroyBuffer(ctx.device, buffer, nullptr);
  }
}

void image_of_size(const Context& ctx, const char* what, VkExtent3D extent, uint32_t layers,
                   VkImageTiling tiling) {
  const VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               nullptr,
                               0,
                               VK_IMAGE_TYPE_2D,
                               VK_FORMAT_R8G8B8A8_UNORM,
                               extent,
                               1,
                               layers,
                               VK_SAMPLE_COUNT_1_BIT,
                               tiling,
                               VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
  VkImageFormatProperties allowed{};
  const VkResult supported = vkGetPhysicalDeviceImageFormatProperties(
      ctx.physical, info.format, info.imageType, tiling, info.usage, 0, &allowed);
  if (supported != VK_SUCCESS || allowed.maxExtent.width < extent.width || allowed.maxArrayLayers < layers)
    return;
  VkImage image = VK_NULL_HANDLE;
  const VkResult result = vkCreateImage(ctx.device, &info, nullptr, &image);
  say("image of %s: %s", what, name(result));
  if (result != VK_SUCCESS) return;
  VkMemoryRequirements one{};
  vkGetImageMemoryRequirements(ctx.device, image, &one);
  const VkDeviceImageMemoryRequirements asked{VK_STRUCTURE_TYPE_DEVICE_IMAGE_MEMORY_REQUIREMENTS, nullptr,
                                              &info};
  VkMemoryRequirements2 two{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
  vkGetDeviceImageMemoryRequirements(ctx.device, &asked, &two);
  must(same(one, two.memoryRequirements), "image of %s: two ways to ask, two answers", what);
  must(one.memoryTypeBits != 0, "an image of %s fits no memory", what);
  must(one.size >= VkDeviceSize{extent.width} * extent.height * layers * 4, "an image of %s is too small",
       what);
  must(tiling == VK_IMAGE_TILING_OPTIMAL ||
           ctx.memory_type(one.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != UINT32_MAX,
       "a linear image cannot be mapped");
  vkDestroyImage(ctx.device, image, nullptr);
}

void images(const Context& ctx) {
  image_of_size(ctx, "1 x 1", {1, 1, 1}, 1, VK_IMAGE_TILING_OPTIMAL);
  image_of_size(ctx, "37 x 23, linear", {37, 23, 1}, 1, VK_IMAGE_TILING_LINEAR);
  image_of_size(ctx, "64 x 64 x 6", {64, 64, 1}, 6, VK_IMAGE_TILING_OPTIMAL);
  image_of_size(ctx, "16384 x 16384", {16384, 16384, 1}, 1, VK_IMAGE_TILING_OPTIMAL);
  image_of_size(ctx, "16384 x 16384 x 64", {16384, 16384, 1}, 64, VK_IMAGE_TILING_OPTIMAL);
  image_of_size(ctx, "16384 x 16384 x 2048", {16384, 16384, 1}, 2048, VK_IMAGE_TILING_OPTIMAL);
  image_of_size(ctx, "8192 x 8192 x 2048", {8192, 8192, 1}, 2048, VK_IMAGE_TILING_OPTIMAL);
}

void allocations(const Context& ctx) {
  VkPhysicalDeviceVulkan11Properties limits{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &limits, {}};
  vkGetPhysicalDeviceProperties2(ctx.physical, &properties);
  for (uint32_t type = 0; type < ctx.memory_properties.memoryTypeCount; ++type) {
    const VkMemoryType& of = ctx.memory_properties.memoryTypes[type];
    const VkDeviceSize heap = ctx.memory_properties.memoryHeaps[of.heapIndex].size;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    for (const VkDeviceSize size : {VkDeviceSize{1}, VkDeviceSize{4097}, VkDeviceSize{8} << 20,
                                    std::min(heap / 4, limits.maxMemoryAllocationSize / 2)}) {
      const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, size, type};
      const VkResult result = vkAllocateMemory(ctx.device, &info, nullptr, &memory);
      must(result == VK_SUCCESS, "%llu bytes of type %u: %s", static_cast<unsigned long long>(size), type,
           name(result));
      if (result == VK_SUCCESS) vkFreeMemory(ctx.device, memory, nullptr);
    }
    for (const VkDeviceSize size :
         {heap * 2, VkDeviceSize{1} << 48, VkDeviceSize{1} << 62, ~VkDeviceSize{0}}) {
      const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, size, type};
      const VkResult result = vkAllocateMemory(ctx.device, &info, nullptr, &memory);
      must(result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY,
           "more than the heap of type %u holds: %s", type, name(result));
      if (result == VK_SUCCESS) vkFreeMemory(ctx.device, memory, nullptr);
    }
  }
  say_result("idle after too much", vkDeviceWaitIdle(ctx.device));
}

void mappings(const Context& ctx) {
  const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, 70'001,
                                  ctx.memory_type(~0u, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)};
  VkDeviceMemory memory = VK_NULL_HANDLE;
  PIXELS_VK(vkAllocateMemory(ctx.device, &info, nullptr, &memory));
  unsigned char* bytes = nullptr;
  const auto map = [&](VkDeviceSize offset, VkDeviceSize size) {
    PIXELS_VK(vkMapMemory(ctx.device, memory, offset, size, 0, reinterpret_cast<void**>(&bytes)));
    return bytes;
  };
  const auto whole = [&](auto function, VkDeviceSize offset, VkDeviceSize size) {
    const VkMappedMemoryRange range{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, memory, offset, size};
    PIXELS_VK(function(ctx.device, 1, &range));
  };
  must(reinterpret_cast<uintptr_t>(map(0, VK_WHOLE_SIZE)) % ctx.properties.limits.minMemoryMapAlignment == 0,
       "a mapping is not aligned to minMemoryMapAlignment");
  for (uint32_t i = 0; i < 70'001; ++i) bytes[i] = static_cast<unsigned char>(i * 7);
  whole(vkFlushMappedMemoryRanges, 0, VK_WHOLE_SIZE);
  vkUnmapMemory(ctx.device, memory);
  map(4096, 1000);
  whole(vkInvalidateMappedMemoryRanges, 4096, VK_WHOLE_SIZE);
  bool kept = true;
  for (uint32_t i = 0; i < 1000; ++i) kept = kept && bytes[i] == static_cast<unsigned char>((i + 4096) * 7);
  must(kept, "a mapping at an offset shows other bytes");
  vkUnmapMemory(ctx.device, memory);
  map(69'120, VK_WHOLE_SIZE);
  must(bytes[880] == static_cast<unsigned char>(70'000 * 7), "the last byte is another");
  VkDeviceSize committed = 1;
  if (ctx.memory_type(~0u, VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT) != UINT32_MAX) {
    vkGetDeviceMemoryCommitment(ctx.device, memory, &committed);
  }
  vkFreeMemory(ctx.device, memory, nullptr);  // mapped still, which frees the mapping
  say("mappings done");
}

CONFORMANCE_AREA(memory) {
  Context ctx;
  buffers(ctx);
  images(ctx);
  allocations(ctx);
  mappings(ctx);
  say_result("idle", vkDeviceWaitIdle(ctx.device));
}

}  // namespace
