// Entry points that copy between the application's memory and images on the host (Vulkan 1.4,
// VK_EXT_host_image_copy). The host cannot see the application's pointers, so the bytes travel: packed, in
// pieces, one region after the other. Copies to images are posted; whatever is submitted later comes after
// them in the session's order.
#include <vulkan/vulkan.h>

#ifdef VK_VERSION_1_4

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/session/session.hpp"
#include "protocol/wire/texel_copy.hpp"

namespace viaduct::guest {
namespace {

constexpr std::uint64_t kPieceBytes = 4u << 20;

// What the two region structs have in common.
struct Region {
  std::byte* memory;  // written only by copies out of an image
  std::uint32_t row_length;
  std::uint32_t image_height;
  VkImageSubresourceLayers subresource;
  VkOffset3D offset;
  VkExtent3D extent;
};

struct Transfer {
  Device& device;
  VkImage image;
  VkImageLayout layout;
  VkHostImageCopyFlags flags;
  bool to_image;

  // One piece whose bytes are packed at `memory`.
  VkResult piece(const Region& region, std::byte* memory, std::uint64_t bytes) const noexcept {
    const VkBufferImageCopy copy{0, 0, 0, region.subresource, region.offset, region.extent};
    const auto size = static_cast<std::size_t>(bytes);
    if (to_image) {
      post_viaductCopyMemoryToImage(*device.channel, device.handle(), image, layout, flags, &copy, size,
                                    memory);
      return VK_SUCCESS;
    }
    const VkResult result = call_viaductCopyImageToMemory(*device.channel, device.handle(), image, layout,
                                                          flags, &copy, size, memory);
    // Loss is no result of this call; the next submission tells.
    return result == VK_ERROR_DEVICE_LOST ? VK_ERROR_MEMORY_MAP_FAILED : result;
  }
};

VkResult copy_as_the_driver_has_it(const Transfer& transfer, const Region& region) noexcept {
  VkSubresourceHostMemcpySize size{VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE, nullptr, 0};
  VkSubresourceLayout2 layout{VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2, &size, {}};
  const VkImageSubresource2 subresource{
      VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2,
      nullptr,
      {region.subresource.aspectMask, region.subresource.mipLevel, region.subresource.baseArrayLayer}};
  entry::vkGetImageSubresourceLayout2EXT(transfer.device.handle(), transfer.image, &subresource, &layout);
  return transfer.piece(region, region.memory, size.size * region.subresource.layerCount);
}

// Rows of one slice, as many at a time as fit into a piece.
VkResult copy_slice(const Transfer& transfer, const Region& slice, const protocol::TexelBlock& block,
                    std::uint64_t pitch, std::byte* packed) noexcept {
  const std::uint64_t row = protocol::row_bytes(block, slice.extent.width);
  const std::uint32_t rows = protocol::block_rows(block, slice.extent.height);
  const auto step = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(kPieceBytes / std::max<std::uint64_t>(row, 1), 1, rows));
  for (std::uint32_t at = 0; at < rows; at += step) {
    const std::uint32_t count = std::min(step, rows - at);
    Region piece = slice;
    const std::uint32_t first_texel = at * block.height;
    piece.offset.y += static_cast<std::int32_t>(first_texel);
    piece.extent.height = std::min(count * block.height, slice.extent.height - first_texel);
    std::byte* memory = slice.memory + at * pitch;
    std::byte* bytes = pitch == row ? memory : packed;
    for (std::uint32_t i = 0; bytes == packed && transfer.to_image && i < count; ++i) {
      std::memcpy(packed + i * row, memory + i * pitch, row);
    }
    if (const VkResult result = transfer.piece(piece, bytes, count * row); result != VK_SUCCESS)
      return result;
    for (std::uint32_t i = 0; bytes == packed && !transfer.to_image && i < count; ++i) {
      std::memcpy(memory + i * pitch, packed + i * row, row);
    }
  }
  return VK_SUCCESS;
}

VkResult copy_region(const Transfer& transfer, const Resource& image, Region region) noexcept {
  if (region.subresource.layerCount == VK_REMAINING_ARRAY_LAYERS) {
    region.subresource.layerCount = image.layers - region.subresource.baseArrayLayer;
  }
  if ((transfer.flags & VK_HOST_IMAGE_COPY_MEMCPY) != 0) return copy_as_the_driver_has_it(transfer, region);
  const auto block = protocol::texel_block(image.format, region.subresource.aspectMask);
  if (!block) return VK_ERROR_INITIALIZATION_FAILED;
  const std::uint64_t pitch =
      protocol::row_bytes(*block, region.row_length != 0 ? region.row_length : region.extent.width);
  const std::uint64_t slice_pitch =
      pitch *
      protocol::block_rows(*block, region.image_height != 0 ? region.image_height : region.extent.height);
  const std::uint64_t row = protocol::row_bytes(*block, region.extent.width);
  std::unique_ptr<std::byte[]> packed;
  if (pitch != row) {
    packed.reset(new (std::nothrow) std::byte[std::max(kPieceBytes, row)]);
    if (packed == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  const bool deep = region.extent.depth > 1;
  const std::uint32_t slices = deep ? region.extent.depth : region.subresource.layerCount;
  for (std::uint32_t i = 0; i < slices; ++i) {
    Region slice = region;
    slice.memory += i * slice_pitch;
    slice.extent.depth = 1;
    slice.subresource.layerCount = 1;
    if (deep) {
      slice.offset.z += static_cast<std::int32_t>(i);
    } else {
      slice.subresource.baseArrayLayer += i;
    }
    if (const VkResult result = copy_slice(transfer, slice, *block, pitch, packed.get());
        result != VK_SUCCESS) {
      return result;
    }
  }
  return VK_SUCCESS;
}

template <class Info>
VkResult copy_regions(const Transfer& transfer, const Info& info) noexcept {
  const Resource* image = transfer.device.session->objects().images.find(protocol::id_of(transfer.image));
  if (image == nullptr) return VK_ERROR_INITIALIZATION_FAILED;
  for (std::uint32_t i = 0; i < info.regionCount; ++i) {
    const auto& r = info.pRegions[i];
    const Region region{static_cast<std::byte*>(const_cast<void*>(r.pHostPointer)),
                        r.memoryRowLength,
                        r.memoryImageHeight,
                        r.imageSubresource,
                        r.imageOffset,
                        r.imageExtent};
    if (const VkResult result = copy_region(transfer, *image, region); result != VK_SUCCESS) return result;
  }
  return VK_SUCCESS;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL
vkCopyMemoryToImage(VkDevice device, const VkCopyMemoryToImageInfo* pCopyMemoryToImageInfo) noexcept {
  const VkCopyMemoryToImageInfo& info = *pCopyMemoryToImageInfo;
  return copy_regions({*Device::from(device), info.dstImage, info.dstImageLayout, info.flags, true}, info);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkCopyImageToMemory(VkDevice device, const VkCopyImageToMemoryInfo* pCopyImageToMemoryInfo) noexcept {
  const VkCopyImageToMemoryInfo& info = *pCopyImageToMemoryInfo;
  return copy_regions({*Device::from(device), info.srcImage, info.srcImageLayout, info.flags, false}, info);
}

}  // namespace entry
}  // namespace viaduct::guest

#endif
