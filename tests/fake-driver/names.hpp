// Names and tags of objects as the fake driver records them. Their structs hold a handle of any type and have
// no wire form, so no codec digests them: both ends of the test use this digest.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <span>

#include "base/hash.hpp"

namespace viaduct::fake {

// `object`: the driver's number of it. `tag`: its name, 0 for a name's text.
inline uint64_t name_digest(VkObjectType type, uint64_t object, uint64_t tag,
                            std::span<const std::byte> content) {
  const uint64_t words[] = {static_cast<uint64_t>(type), object, tag, hash_bytes(content)};
  return hash_bytes(std::as_bytes(std::span(words)));
}

// The driver's entry points of VK_EXT_debug_utils that are not generated; null for every other name.
PFN_vkVoidFunction find_naming_function(const char* name);

}  // namespace viaduct::fake
