// Commands of Vulkan 1.4 and its extensions that read and write the caller's own memory, as the fake driver
// records and answers them. Their structs hold plain pointers and have no wire form, so no codec digests
// them: both ends of the test use these digests and answers.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/hash.hpp"

namespace viaduct::fake {

// The driver's entry points of host image copies and matrix conversions; null for every other name.
PFN_vkVoidFunction find_host_bytes_function(const char* name);

// What the driver writes wherever it is asked for bytes.
inline std::byte made_up_byte(std::size_t at) { return static_cast<std::byte>(at * 7 + 3); }

#ifdef VK_VERSION_1_4

// One region. `image`: the driver's number of it. `content`: what was read, or nothing for a copy to memory.
// Region is VkMemoryToImageCopy or VkImageToMemoryCopy.
template <class Region>
uint64_t image_copy_digest(uint64_t image, VkImageLayout layout, VkHostImageCopyFlags flags,
                           const Region& region, std::span<const std::byte> content) {
  const uint64_t words[] = {image,
                            static_cast<uint64_t>(layout),
                            flags,
                            region.memoryRowLength,
                            region.memoryImageHeight,
                            hash_bytes(std::as_bytes(std::span(&region.imageSubresource, 1))),
                            hash_bytes(std::as_bytes(std::span(&region.imageOffset, 1))),
                            hash_bytes(std::as_bytes(std::span(&region.imageExtent, 1))),
                            hash_bytes(content)};
  return hash_bytes(std::as_bytes(std::span(words)));
}

// Bytes of a region without gaps of an image with four bytes a texel, which the test's are.
template <class Region>
std::size_t packed_size(const Region& region) {
  return std::size_t{region.imageExtent.width} * region.imageExtent.height * region.imageExtent.depth *
         region.imageSubresource.layerCount * 4;
}

#endif

#ifdef VK_NV_cooperative_vector

// What every converted matrix takes.
inline constexpr std::size_t kConvertedSize = 96;

// `room`: what may be written; nothing where the size is asked for.
inline uint64_t conversion_digest(const VkConvertCooperativeVectorMatrixInfoNV& info,
                                  std::span<const std::byte> source, std::size_t room) {
  const uint64_t words[] = {static_cast<uint64_t>(info.srcComponentType),
                            static_cast<uint64_t>(info.dstComponentType),
                            info.numRows,
                            info.numColumns,
                            static_cast<uint64_t>(info.srcLayout),
                            info.srcStride,
                            static_cast<uint64_t>(info.dstLayout),
                            info.dstStride,
                            hash_bytes(source),
                            room};
  return hash_bytes(std::as_bytes(std::span(words)));
}

#endif

}  // namespace viaduct::fake
