// Buffers and images: whether they may live in the arena, and what the guest is told about the memory they
// need.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

// A resource's slot object: a note, not a pointer. Bits 0 and 1 whether it may live in the arena, above them
// an image's format.
inline void* arena_note(bool allowed, VkFormat format = VK_FORMAT_UNDEFINED) noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(format) << 2 | (allowed ? 2u : 1u));
}
inline bool arena_allowed(const void* note) noexcept {
  return (reinterpret_cast<std::uintptr_t>(note) & 3) == 2;
}
inline VkFormat noted_format(const void* note) noexcept {
  return static_cast<VkFormat>(reinterpret_cast<std::uintptr_t>(note) >> 2);
}

bool buffer_fits_arena(const Device& device, const VkBufferCreateInfo& info) noexcept;
bool image_fits_arena(const Device& device, const VkImageCreateInfo& info) noexcept;

}  // namespace viaduct::host
