// Buffers and images: how they can be mapped, and what the guest is told about the memory they need.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

// A resource's slot object: a note, not a pointer. Bits 0 and 1 what it can be bound to, above them an
// image's format.
inline void* mappable_note(Mappable mappable, VkFormat format = VK_FORMAT_UNDEFINED) noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(format) << 2 |
                                 static_cast<std::uintptr_t>(mappable));
}
inline Mappable noted_mappable(const void* note) noexcept {
  return static_cast<Mappable>(reinterpret_cast<std::uintptr_t>(note) & 3);
}
inline VkFormat noted_format(const void* note) noexcept {
  return static_cast<VkFormat>(reinterpret_cast<std::uintptr_t>(note) >> 2);
}

Mappable buffer_mappable(const Device& device, const VkBufferCreateInfo& info) noexcept;
Mappable image_mappable(const Device& device, const VkImageCreateInfo& info) noexcept;

}  // namespace viaduct::host
