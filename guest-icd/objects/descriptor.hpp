// Descriptor set layouts, pools and sets as the guest must know them: exact accounting, so that
// vkAllocateDescriptorSets answers VK_ERROR_OUT_OF_POOL_MEMORY without asking the host, and which bindings
// have immutable samplers, so that samplers an application leaves undefined in a write are never encoded.
//
// Pools and their sets are externally synchronised by the specification; layouts are immutable and shared.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace viaduct::guest {

/// Descriptor types numbered densely for accounting.
inline constexpr std::uint32_t kDescriptorKinds = 17;
/// kDescriptorKinds for a type this build does not know (it is then not accounted for).
std::uint32_t descriptor_kind(VkDescriptorType type) noexcept;

struct DescriptorBinding {
  std::uint32_t binding = 0;
  VkDescriptorType type = VK_DESCRIPTOR_TYPE_SAMPLER;
  std::uint32_t count = 0;
  bool immutable_samplers = false;
};

struct DescriptorLayoutInfo {
  std::vector<DescriptorBinding> bindings;  ///< ascending binding numbers
  std::array<std::uint32_t, kDescriptorKinds> counts{};
  std::uint32_t inline_bindings = 0;  ///< bindings of inline uniform blocks
  bool variable = false;              ///< the last binding's count is set at allocation
  bool any_immutable = false;

  static std::shared_ptr<const DescriptorLayoutInfo> make(const VkDescriptorSetLayoutCreateInfo& info);
  /// Whether descriptor `element` of `binding` (counted on into following bindings) has an immutable sampler.
  bool immutable_at(std::uint32_t binding, std::uint32_t element) const noexcept;
};

struct DescriptorSetLayout {
  std::shared_ptr<const DescriptorLayoutInfo> info;
};

struct PipelineLayout {
  std::vector<std::shared_ptr<const DescriptorLayoutInfo>> sets;
};

/// What sets take from a pool.
struct DescriptorDemand {
  std::array<std::uint32_t, kDescriptorKinds> counts{};
  std::uint32_t inline_bindings = 0;
};

class DescriptorPoolBudget {
 public:
  explicit DescriptorPoolBudget(const VkDescriptorPoolCreateInfo& info) noexcept;
  /// False (and nothing taken) when the pool has not got it.
  bool take(const DescriptorDemand& demand) noexcept;
  void give_back(const DescriptorDemand& demand) noexcept;
  void reset() noexcept;

 private:
  std::array<std::uint64_t, kDescriptorKinds> capacity_{};
  std::array<std::uint64_t, kDescriptorKinds> left_{};
  std::uint32_t max_sets_, sets_left_;
  std::uint64_t inline_capacity_ = 0, inline_left_ = 0;
};

DescriptorDemand demand_of(const DescriptorLayoutInfo& layout, std::uint32_t variable_count) noexcept;

struct DescriptorPool {
  std::unique_ptr<DescriptorPoolBudget> budget;
  std::vector<std::uint64_t> sets;  ///< ids of live sets; a set knows its position
};

struct DescriptorSet {
  std::shared_ptr<const DescriptorLayoutInfo> layout;
  DescriptorPool* pool = nullptr;
  std::uint32_t variable_count = 0;
  std::uint32_t position = 0;
};

/// A template is expanded in the guest; its handle is this object's address.
struct DescriptorUpdateTemplate {
  VkDescriptorUpdateTemplateType type;
  VkPipelineLayout pipeline_layout;
  VkPipelineBindPoint bind_point;
  std::uint32_t set;
  std::vector<VkDescriptorUpdateTemplateEntry> entries;
  static DescriptorUpdateTemplate* from(VkDescriptorUpdateTemplate handle) noexcept {
    return reinterpret_cast<DescriptorUpdateTemplate*>(handle);
  }
};

}  // namespace viaduct::guest
