// Rows `memory` and `transfer`: memory that the application maps, and bytes on their way through it.
#include <cstring>
#include <vector>

#include "api/rows.hpp"
#include "vulkan/gpu.hpp"

namespace viaduct::bench {
namespace {

constexpr VkMemoryPropertyFlags kVisible =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

void allocation(Gpu& gpu, const char* key, VkDeviceSize size, int count) {
  auto info = info_of<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  info.allocationSize = size;
  info.memoryTypeIndex = gpu.memory_type(UINT32_MAX, kVisible);
  put(key, median_of(20, count, [&] {
             VkDeviceMemory memory;
             VIADUCT_BENCH_VK(vkAllocateMemory(gpu.device, &info, nullptr, &memory));
             void* mapped;
             VIADUCT_BENCH_VK(vkMapMemory(gpu.device, memory, 0, VK_WHOLE_SIZE, 0, &mapped));
             *static_cast<volatile int*>(mapped) = 1;
             vkFreeMemory(gpu.device, memory, nullptr);
           }) / 1000);
}

// Clears an image to another colour each time, copies it to mapped memory and reads that. ns.
double clear_and_read(Gpu& gpu, VkExtent2D extent, int rounds) {
  const Gpu::Image image =
      gpu.image(VK_FORMAT_R8G8B8A8_UNORM, extent,
                VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
  const VkDeviceSize size = VkDeviceSize{extent.width} * extent.height * 4;
  const Gpu::Buffer target =
      gpu.buffer(size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, kVisible, VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  std::vector<std::byte> sink(size);
  float shade = 0;
  return median_of(rounds, 1, [&] {
    constexpr VkPipelineStageFlags kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkCommandBuffer commands = gpu.begin();
    auto change = info_of<VkImageMemoryBarrier>(VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER);
    change.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    change.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    change.image = image.handle;
    change.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdPipelineBarrier(commands, kTransfer, kTransfer, 0, 0, nullptr, 0, nullptr, 1, &change);
    const VkClearColorValue color{{shade += 0.01f, 0.5f, 0.25f, 1.0f}};
    vkCmdClearColorImage(commands, image.handle, VK_IMAGE_LAYOUT_GENERAL, &color, 1,
                         &change.subresourceRange);
    change.oldLayout = VK_IMAGE_LAYOUT_GENERAL;
    change.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    change.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
    vkCmdPipelineBarrier(commands, kTransfer, kTransfer, 0, 0, nullptr, 0, nullptr, 1, &change);
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = {extent.width, extent.height, 1};
    vkCmdCopyImageToBuffer(commands, image.handle, VK_IMAGE_LAYOUT_GENERAL, target.handle, 1, &region);
    auto to_host = info_of<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    vkCmdPipelineBarrier(commands, kTransfer, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, nullptr, 0,
                         nullptr);
    VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
    gpu.submit_and_wait(commands);
    std::memcpy(sink.data(), target.memory.mapped, size);
  });
}

}  // namespace

void measure_memory() {
  Gpu gpu;
  allocation(gpu, "allocate_4k_us", 4096, 300);
  allocation(gpu, "allocate_64k_us", 64 << 10, 300);
  allocation(gpu, "allocate_1m_us", 1 << 20, 100);
  allocation(gpu, "allocate_64m_us", 64 << 20, 1);
}

void measure_transfers() {
  Gpu gpu;
  put("clear_720p_ms", clear_and_read(gpu, {1280, 720}, 60) / 1e6);
  put("clear_4k_ms", clear_and_read(gpu, {3840, 2160}, 12) / 1e6);
  constexpr VkDeviceSize kSize = 64 << 20;
  const Gpu::Buffer buffer =
      gpu.buffer(kSize, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, kVisible, VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  std::vector<std::byte> mine(kSize, std::byte{1});
  std::memcpy(buffer.memory.mapped, mine.data(), kSize);  // the pages exist before the measurement
  constexpr double kBytes = static_cast<double>(kSize);
  put("upload_gb_s",
      kBytes / median_of(10, 1, [&] { std::memcpy(buffer.memory.mapped, mine.data(), kSize); }));
  put("readback_gb_s",
      kBytes / median_of(10, 1, [&] { std::memcpy(mine.data(), buffer.memory.mapped, kSize); }));
}

}  // namespace viaduct::bench
