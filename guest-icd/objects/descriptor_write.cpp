#include "guest-icd/objects/descriptor_write.hpp"

#include <cstring>

namespace viaduct::guest {
namespace {

enum class Payload { kNone, kImage, kBuffer, kTexel };

Payload payload_of(VkDescriptorType type) noexcept {
  switch (type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER:
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
    case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
    case VK_DESCRIPTOR_TYPE_SAMPLE_WEIGHT_IMAGE_QCOM:
    case VK_DESCRIPTOR_TYPE_BLOCK_MATCH_IMAGE_QCOM:
      return Payload::kImage;
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
      return Payload::kBuffer;
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
      return Payload::kTexel;
    default:
      return Payload::kNone;  // inline uniform blocks and acceleration structures: in the pNext chain
  }
}

bool uses_sampler(VkDescriptorType type) noexcept {
  return type == VK_DESCRIPTOR_TYPE_SAMPLER || type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
}

}  // namespace

const VkWriteDescriptorSet* sanitize_writes(Scratch& scratch, std::uint32_t count,
                                            const VkWriteDescriptorSet* writes, bool push,
                                            LayoutLookup layout_of, void* context) noexcept {
  auto* clean = scratch.copy(writes, count);
  if (clean == nullptr) return nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    VkWriteDescriptorSet& write = clean[i];
    const Payload payload = payload_of(write.descriptorType);
    const DescriptorLayoutInfo* layout =
        payload == Payload::kImage && uses_sampler(write.descriptorType) && layout_of != nullptr
            ? layout_of(context, write.dstSet)
            : nullptr;
    if (push) write.dstSet = VK_NULL_HANDLE;
    if (payload != Payload::kBuffer) write.pBufferInfo = nullptr;
    if (payload != Payload::kTexel) write.pTexelBufferView = nullptr;
    if (payload != Payload::kImage) {
      write.pImageInfo = nullptr;
      continue;
    }
    auto* images = scratch.copy(write.pImageInfo, write.descriptorCount);
    if (images == nullptr && write.descriptorCount > 0) return nullptr;
    for (std::uint32_t element = 0; element < write.descriptorCount; ++element) {
      VkDescriptorImageInfo& image = images[element];
      if (write.descriptorType == VK_DESCRIPTOR_TYPE_SAMPLER) {
        image.imageView = VK_NULL_HANDLE;
        image.imageLayout = VK_IMAGE_LAYOUT_UNDEFINED;
      }
      if (!uses_sampler(write.descriptorType) ||
          (layout != nullptr && layout->immutable_at(write.dstBinding, write.dstArrayElement + element))) {
        image.sampler = VK_NULL_HANDLE;
      }
    }
    write.pImageInfo = images;
  }
  return clean;
}

VkWriteDescriptorSet* expand_template(Scratch& scratch, const DescriptorUpdateTemplate& update,
                                      VkDescriptorSet set, const void* data) noexcept {
  auto* writes = scratch.array<VkWriteDescriptorSet>(update.entries.size());
  if (writes == nullptr) return nullptr;
  const auto* bytes = static_cast<const std::byte*>(data);
  VkWriteDescriptorSet* write = writes;
  for (const VkDescriptorUpdateTemplateEntry& entry : update.entries) {
    *write = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
              nullptr,
              set,
              entry.dstBinding,
              entry.dstArrayElement,
              entry.descriptorCount,
              entry.descriptorType,
              nullptr,
              nullptr,
              nullptr};
    const std::byte* from = bytes + entry.offset;
    // Gathers strided elements into one array.
    const auto gather = [&]<class T>(T* to) -> const T* {
      for (std::uint32_t i = 0; to != nullptr && i < entry.descriptorCount; ++i) {
        std::memcpy(static_cast<void*>(to + i), from + i * entry.stride, sizeof(T));
      }
      return to;
    };
    bool gathered = true;
    switch (payload_of(entry.descriptorType)) {
      case Payload::kImage:
        write->pImageInfo = gather(scratch.array<VkDescriptorImageInfo>(entry.descriptorCount));
        gathered = write->pImageInfo != nullptr;
        break;
      case Payload::kBuffer:
        write->pBufferInfo = gather(scratch.array<VkDescriptorBufferInfo>(entry.descriptorCount));
        gathered = write->pBufferInfo != nullptr;
        break;
      case Payload::kTexel:
        write->pTexelBufferView = gather(scratch.array<VkBufferView>(entry.descriptorCount));
        gathered = write->pTexelBufferView != nullptr;
        break;
      case Payload::kNone:
        if (entry.descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
          auto* block = scratch.array<VkWriteDescriptorSetInlineUniformBlock>(1);
          if (block == nullptr) return nullptr;
          *block = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, nullptr,
                    entry.descriptorCount, from};
          write->pNext = block;
        } else if (entry.descriptorType == VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR) {
          auto* structures = scratch.array<VkWriteDescriptorSetAccelerationStructureKHR>(1);
          if (structures == nullptr) return nullptr;
          *structures = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR, nullptr,
                         entry.descriptorCount,
                         gather(scratch.array<VkAccelerationStructureKHR>(entry.descriptorCount))};
          write->pNext = structures;
        } else if (entry.descriptorType == VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV) {
          auto* structures = scratch.array<VkWriteDescriptorSetAccelerationStructureNV>(1);
          if (structures == nullptr) return nullptr;
          *structures = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_NV, nullptr,
                         entry.descriptorCount,
                         gather(scratch.array<VkAccelerationStructureNV>(entry.descriptorCount))};
          write->pNext = structures;
        }
        break;
    }
    if (!gathered && entry.descriptorCount > 0) return nullptr;
    ++write;
  }
  return writes;
}

}  // namespace viaduct::guest
