#include "guest-icd/objects/descriptor.hpp"

#include <algorithm>

namespace viaduct::guest {

std::uint32_t descriptor_kind(VkDescriptorType type) noexcept {
  switch (type) {
    case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
      return 11;
    case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
      return 12;
    case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV:
      return 13;
    case VK_DESCRIPTOR_TYPE_SAMPLE_WEIGHT_IMAGE_QCOM:
      return 14;
    case VK_DESCRIPTOR_TYPE_BLOCK_MATCH_IMAGE_QCOM:
      return 15;
    case VK_DESCRIPTOR_TYPE_MUTABLE_EXT:
      return 16;
    default:
      break;
  }
  const auto core = static_cast<std::uint32_t>(type);
  return core <= VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT ? core : kDescriptorKinds;
}

std::shared_ptr<const DescriptorLayoutInfo> DescriptorLayoutInfo::make(
    const VkDescriptorSetLayoutCreateInfo& info) {
  auto layout = std::make_shared<DescriptorLayoutInfo>();
  const VkDescriptorSetLayoutBindingFlagsCreateInfo* flags = nullptr;
  for (auto* next = static_cast<const VkBaseInStructure*>(info.pNext); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO) {
      flags = reinterpret_cast<const VkDescriptorSetLayoutBindingFlagsCreateInfo*>(next);
    }
  }
  layout->bindings.reserve(info.bindingCount);
  for (std::uint32_t i = 0; i < info.bindingCount; ++i) {
    const VkDescriptorSetLayoutBinding& from = info.pBindings[i];
    const bool samples = from.descriptorType == VK_DESCRIPTOR_TYPE_SAMPLER ||
                         from.descriptorType == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    const bool immutable = samples && from.descriptorCount > 0 && from.pImmutableSamplers != nullptr;
    layout->bindings.push_back({from.binding, from.descriptorType, from.descriptorCount, immutable});
    layout->any_immutable |= immutable;
    if (from.descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK && from.descriptorCount > 0) {
      ++layout->inline_bindings;
    }
    const std::uint32_t kind = descriptor_kind(from.descriptorType);
    if (kind < kDescriptorKinds) layout->counts[kind] += from.descriptorCount;
    if (flags != nullptr && i < flags->bindingCount &&
        (flags->pBindingFlags[i] & VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT) != 0) {
      layout->variable = true;
    }
  }
  std::sort(layout->bindings.begin(), layout->bindings.end(),
            [](const auto& a, const auto& b) { return a.binding < b.binding; });
  return layout;
}

bool DescriptorLayoutInfo::immutable_at(std::uint32_t binding, std::uint32_t element) const noexcept {
  if (!any_immutable) return false;
  auto at = std::lower_bound(bindings.begin(), bindings.end(), binding,
                             [](const auto& entry, std::uint32_t number) { return entry.binding < number; });
  // Elements past the end of a binding continue in the next one (vkUpdateDescriptorSets, "consecutive
  // bindings").
  for (; at != bindings.end(); ++at) {
    if (element < at->count) return at->immutable_samplers;
    element -= at->count;
  }
  return false;
}

DescriptorDemand demand_of(const DescriptorLayoutInfo& layout, std::uint32_t variable_count) noexcept {
  DescriptorDemand demand{layout.counts, layout.inline_bindings};
  if (layout.variable && !layout.bindings.empty()) {
    // The variable binding is the one with the highest number; its layout count is only an upper bound.
    const DescriptorBinding& last = layout.bindings.back();
    const std::uint32_t kind = descriptor_kind(last.type);
    if (kind < kDescriptorKinds) {
      demand.counts[kind] -= last.count;
      demand.counts[kind] += std::min(variable_count, last.count);
    }
  }
  return demand;
}

DescriptorPoolBudget::DescriptorPoolBudget(const VkDescriptorPoolCreateInfo& info) noexcept
    : max_sets_(info.maxSets), sets_left_(info.maxSets) {
  for (std::uint32_t i = 0; i < info.poolSizeCount; ++i) {
    const std::uint32_t kind = descriptor_kind(info.pPoolSizes[i].type);
    if (kind < kDescriptorKinds) capacity_[kind] += info.pPoolSizes[i].descriptorCount;
  }
  for (auto* next = static_cast<const VkBaseInStructure*>(info.pNext); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO) {
      inline_capacity_ = reinterpret_cast<const VkDescriptorPoolInlineUniformBlockCreateInfo*>(next)
                             ->maxInlineUniformBlockBindings;
    }
  }
  reset();
}

bool DescriptorPoolBudget::take(const DescriptorDemand& demand) noexcept {
  if (sets_left_ == 0 || demand.inline_bindings > inline_left_) return false;
  for (std::uint32_t kind = 0; kind < kDescriptorKinds; ++kind) {
    if (demand.counts[kind] > left_[kind]) return false;
  }
  for (std::uint32_t kind = 0; kind < kDescriptorKinds; ++kind) left_[kind] -= demand.counts[kind];
  inline_left_ -= demand.inline_bindings;
  --sets_left_;
  return true;
}

void DescriptorPoolBudget::give_back(const DescriptorDemand& demand) noexcept {
  for (std::uint32_t kind = 0; kind < kDescriptorKinds; ++kind) left_[kind] += demand.counts[kind];
  inline_left_ += demand.inline_bindings;
  ++sets_left_;
}

void DescriptorPoolBudget::reset() noexcept {
  left_ = capacity_;
  inline_left_ = inline_capacity_;
  sets_left_ = max_sets_;
}

}  // namespace viaduct::guest
