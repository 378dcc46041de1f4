// How many bytes a copy between memory and an image moves, by the format's blocks: both ends must agree on
// it, and the host trusts no number of the guest's. Pure functions.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <optional>

namespace viaduct::protocol {

struct TexelBlock {
  std::uint32_t bytes = 0;
  std::uint32_t width = 1;
  std::uint32_t height = 1;
};

// The block of one aspect of a format (specification, "Buffer and image addressing"); nullopt when there is
// none.
std::optional<TexelBlock> texel_block(VkFormat format, VkImageAspectFlags aspect) noexcept;

// Bytes of one row of blocks, and of the rows of one slice, without gaps.
std::uint64_t row_bytes(const TexelBlock& block, std::uint32_t width) noexcept;
std::uint32_t block_rows(const TexelBlock& block, std::uint32_t height) noexcept;

// Slices are depth slices or array layers. nullopt when no memory could hold it.
std::optional<std::uint64_t> packed_bytes(const TexelBlock& block, const VkExtent3D& extent,
                                          std::uint32_t layers) noexcept;

}  // namespace viaduct::protocol
