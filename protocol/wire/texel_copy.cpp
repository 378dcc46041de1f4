#include "protocol/wire/texel_copy.hpp"

#include "generated/protocol/formats.hpp"

namespace viaduct::protocol {
namespace {

std::uint32_t depth_bytes(VkFormat format) noexcept {
  switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_D16_UNORM_S8_UINT:
      return 2;
    case VK_FORMAT_X8_D24_UNORM_PACK32:
    case VK_FORMAT_D32_SFLOAT:
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
      return 4;
    default:
      return 0;
  }
}

}  // namespace

std::optional<TexelBlock> texel_block(VkFormat format, VkImageAspectFlags aspect) noexcept {
  if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT) return TexelBlock{1};
  if (aspect == VK_IMAGE_ASPECT_DEPTH_BIT) {
    const std::uint32_t bytes = depth_bytes(format);
    return bytes == 0 ? std::nullopt : std::optional(TexelBlock{bytes});
  }
  const FormatInfo* info = find_format(format);
  int plane = -1;
  if (aspect == VK_IMAGE_ASPECT_PLANE_0_BIT) plane = 0;
  if (aspect == VK_IMAGE_ASPECT_PLANE_1_BIT) plane = 1;
  if (aspect == VK_IMAGE_ASPECT_PLANE_2_BIT) plane = 2;
  if (info != nullptr && plane >= 0) info = find_format(info->planes[plane]);
  if (info == nullptr || (plane < 0 && aspect != VK_IMAGE_ASPECT_COLOR_BIT)) return std::nullopt;
  return TexelBlock{info->block_bytes, info->block_width, info->block_height};
}

std::uint64_t row_bytes(const TexelBlock& block, std::uint32_t width) noexcept {
  return (std::uint64_t{width} + block.width - 1) / block.width * block.bytes;
}

std::uint32_t block_rows(const TexelBlock& block, std::uint32_t height) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{height} + block.height - 1) / block.height);
}

std::optional<std::uint64_t> packed_bytes(const TexelBlock& block, const VkExtent3D& extent,
                                          std::uint32_t layers) noexcept {
  std::uint64_t bytes = row_bytes(block, extent.width);
  for (const std::uint32_t factor : {block_rows(block, extent.height), extent.depth, layers}) {
    if (__builtin_mul_overflow(bytes, std::uint64_t{factor}, &bytes)) return std::nullopt;
  }
  return bytes;
}

}  // namespace viaduct::protocol
