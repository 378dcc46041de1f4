// Descriptor writes as they are safe to encode. VkWriteDescriptorSet has members that the specification
// ignores (by descriptor type, for push descriptors, for immutable samplers) and that applications leave
// undefined; nothing of that may be read or reach the wire. The results live in the caller's Scratch.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

#include "guest-icd/objects/descriptor.hpp"
#include "guest-icd/objects/scratch.hpp"

namespace viaduct::guest {

/// The layout behind a write: of its dstSet, or of the push's pipeline layout; null where nothing is known.
using LayoutLookup = const DescriptorLayoutInfo* (*)(void* context, VkDescriptorSet set);

/// Copies of `writes` with every ignored member zero. `push`: dstSet is ignored too. nullptr on exhaustion.
const VkWriteDescriptorSet* sanitize_writes(Scratch& scratch, std::uint32_t count,
                                            const VkWriteDescriptorSet* writes, bool push,
                                            LayoutLookup layout_of, void* context) noexcept;

/// The writes a template and its data stand for (not yet sanitised). nullptr on exhaustion or no entries.
VkWriteDescriptorSet* expand_template(Scratch& scratch, const DescriptorUpdateTemplate& update,
                                      VkDescriptorSet set, const void* data) noexcept;

}  // namespace viaduct::guest
