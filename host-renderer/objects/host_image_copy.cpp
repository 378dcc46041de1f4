// Copies between the guest's memory and images without a queue. The driver reads and writes as many bytes as
// the image's own format says, so that is what the record must hold; no number of the guest's is trusted.
#include "generated/host/overrides.hpp"
#include "host-renderer/objects/resources.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"
#include "protocol/wire/texel_copy.hpp"

#include "base/log.hpp"

namespace viaduct::host {

#ifdef VK_VERSION_1_4

namespace {

// What the driver will touch; nullopt when that cannot be told.
template <class Args>
std::optional<std::uint64_t> needed_bytes(CommandContext& ctx, const Args& a) noexcept {
  const VkBufferImageCopy& region = *a.pRegion;
  if (region.bufferOffset != 0 || region.bufferRowLength != 0 || region.bufferImageHeight != 0)
    return std::nullopt;
  if ((a.flags & VK_HOST_IMAGE_COPY_MEMCPY) == 0) {
    const protocol::HandleSlot* slot = ctx.objects().find(protocol::ObjectType::kImage, a.image_id);
    const auto block = protocol::texel_block(noted_format(slot != nullptr ? slot->object : nullptr),
                                             region.imageSubresource.aspectMask);
    if (!block) return std::nullopt;
    return protocol::packed_bytes(*block, region.imageExtent, region.imageSubresource.layerCount);
  }
  VkSubresourceHostMemcpySize size{VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE, nullptr, 0};
  VkSubresourceLayout2 layout{VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2, &size, {}};
  const VkImageSubresource2 subresource{VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2,
                                        nullptr,
                                        {region.imageSubresource.aspectMask, region.imageSubresource.mipLevel,
                                         region.imageSubresource.baseArrayLayer}};
  if (ctx.device->table.vkGetImageSubresourceLayout2EXT == nullptr) return std::nullopt;
  ctx.device->table.vkGetImageSubresourceLayout2EXT(a.device, a.image, &subresource, &layout);
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(size.size, std::uint64_t{region.imageSubresource.layerCount}, &bytes))
    return std::nullopt;
  return bytes;
}

template <class Args>
bool may_copy(CommandContext& ctx, const Args& a, bool driver_can) noexcept {
  ctx.device = ctx.device_of(a.device_id);
  if (ctx.device == nullptr || !driver_can) {
    ctx.decoder.fail("the driver lacks host image copies");
    return false;
  }
  const auto needed = needed_bytes(ctx, a);
  if (!needed || *needed > a.dataSize) ctx.decoder.fail("a host image copy without its bytes");
  return needed && *needed <= a.dataSize;
}

template <class Region, VkStructureType kType, class Args, class Pointer>
Region region_of(const Args& a, Pointer memory) noexcept {
  Region region{};
  region.sType = kType;
  region.pHostPointer = memory;
  region.imageSubresource = a.pRegion->imageSubresource;
  region.imageOffset = a.pRegion->imageOffset;
  region.imageExtent = a.pRegion->imageExtent;
  return region;
}

}  // namespace

void on_viaductCopyMemoryToImage(CommandContext& ctx, protocol::viaductCopyMemoryToImage_args& a) {
  const Device* device = ctx.device_of(a.device_id);
  const auto copy = device != nullptr ? device->table.vkCopyMemoryToImage : nullptr;
  if (!may_copy(ctx, a, copy != nullptr)) return;
  const auto region = region_of<VkMemoryToImageCopy, VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY>(a, a.pData);
  const VkCopyMemoryToImageInfo info{VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO,
                                     nullptr,
                                     a.flags & VK_HOST_IMAGE_COPY_MEMCPY,
                                     a.image,
                                     a.layout,
                                     1,
                                     &region};
  if (const VkResult result = copy(a.device, &info); result != VK_SUCCESS) {
    VIADUCT_LOG_ERROR("object", "vkCopyMemoryToImage on the host: VkResult %d", result);
    for (const auto& queue : ctx.device->queues) ctx.session.lose(*queue, "a host image copy failed");
  }
}

void on_viaductCopyImageToMemory(CommandContext& ctx, protocol::viaductCopyImageToMemory_args& a) {
  const Device* device = ctx.device_of(a.device_id);
  const auto copy = device != nullptr ? device->table.vkCopyImageToMemory : nullptr;
  if (!may_copy(ctx, a, copy != nullptr)) return;
  const auto region = region_of<VkImageToMemoryCopy, VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY>(a, a.pData);
  const VkCopyImageToMemoryInfo info{VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO,
                                     nullptr,
                                     a.flags & VK_HOST_IMAGE_COPY_MEMCPY,
                                     a.image,
                                     a.layout,
                                     1,
                                     &region};
  a.result = copy(a.device, &info);
}

#else

void on_viaductCopyMemoryToImage(CommandContext& ctx, protocol::viaductCopyMemoryToImage_args&) {
  ctx.decoder.fail("the driver lacks host image copies");
}
void on_viaductCopyImageToMemory(CommandContext& ctx, protocol::viaductCopyImageToMemory_args&) {
  ctx.decoder.fail("the driver lacks host image copies");
}

#endif

}  // namespace viaduct::host
