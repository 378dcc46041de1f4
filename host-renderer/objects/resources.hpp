// Buffers and images: how they can be mapped, and what the guest is told about the memory they need.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

// A resource's slot object: a note, not a pointer.
inline void* mappable_note(Mappable mappable) noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(mappable));
}
inline Mappable noted_mappable(const void* note) noexcept {
  return static_cast<Mappable>(reinterpret_cast<std::uintptr_t>(note));
}

Mappable buffer_mappable(const Device& device, const VkBufferCreateInfo& info) noexcept;
Mappable image_mappable(const Device& device, const VkImageCreateInfo& info) noexcept;

}  // namespace viaduct::host
