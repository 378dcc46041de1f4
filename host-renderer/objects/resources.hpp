// Buffers and images: whether they may live in the arena, and what the guest is told about the memory they
// need.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

// A resource's slot object: a note, not a pointer.
inline void* arena_note(bool allowed) noexcept {
  return reinterpret_cast<void*>(std::uintptr_t{allowed ? 2u : 1u});
}
inline bool arena_allowed(const void* note) noexcept { return note == arena_note(true); }

bool buffer_fits_arena(const Device& device, const VkBufferCreateInfo& info) noexcept;
bool image_fits_arena(const Device& device, const VkImageCreateInfo& info) noexcept;

}  // namespace viaduct::host
