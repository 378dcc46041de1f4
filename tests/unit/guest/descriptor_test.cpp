#include <gtest/gtest.h>

#include "guest-icd/objects/descriptor.hpp"

namespace viaduct::guest {
namespace {

std::shared_ptr<const DescriptorLayoutInfo> layout(std::vector<VkDescriptorSetLayoutBinding> bindings,
                                                   std::vector<VkDescriptorBindingFlags> flags = {}) {
  VkDescriptorSetLayoutBindingFlagsCreateInfo binding_flags{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO, nullptr,
      static_cast<std::uint32_t>(flags.size()), flags.data()};
  VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                       flags.empty() ? nullptr : &binding_flags, 0,
                                       static_cast<std::uint32_t>(bindings.size()), bindings.data()};
  return DescriptorLayoutInfo::make(info);
}

VkDescriptorSetLayoutBinding binding(std::uint32_t number, VkDescriptorType type, std::uint32_t count) {
  return {number, type, count, VK_SHADER_STAGE_ALL, nullptr};
}

DescriptorPoolBudget pool(std::uint32_t sets, std::vector<VkDescriptorPoolSize> sizes,
                          std::uint32_t inline_bindings = 0) {
  VkDescriptorPoolInlineUniformBlockCreateInfo blocks{
      VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO, nullptr, inline_bindings};
  VkDescriptorPoolCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, &blocks,     0, sets,
                                  static_cast<std::uint32_t>(sizes.size()),      sizes.data()};
  return DescriptorPoolBudget(info);
}

TEST(DescriptorPool, GivesExactlyMaxSets) {
  auto budget = pool(2, {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 100}});
  const auto demand = demand_of(*layout({binding(0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1)}), 0);
  EXPECT_TRUE(budget.take(demand));
  EXPECT_TRUE(budget.take(demand));
  EXPECT_FALSE(budget.take(demand));
  budget.give_back(demand);
  EXPECT_TRUE(budget.take(demand));
}

TEST(DescriptorPool, CountsEachTypeAndAddsRepeatedSizes) {
  auto budget = pool(9, {{VK_DESCRIPTOR_TYPE_SAMPLER, 2},
                         {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1},
                         {VK_DESCRIPTOR_TYPE_SAMPLER, 1}});
  const auto samplers = demand_of(*layout({binding(0, VK_DESCRIPTOR_TYPE_SAMPLER, 3)}), 0);
  const auto both = demand_of(
      *layout({binding(0, VK_DESCRIPTOR_TYPE_SAMPLER, 1), binding(1, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 2)}),
      0);
  EXPECT_FALSE(budget.take(both));     // one image too many: nothing is taken
  EXPECT_TRUE(budget.take(samplers));  // so all three samplers are still there
  EXPECT_FALSE(budget.take(samplers));
}

TEST(DescriptorPool, CountsInlineUniformBlocksInBytesAndBindings) {
  auto budget = pool(9, {{VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 256}}, 1);
  const auto demand = demand_of(*layout({binding(0, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64)}), 0);
  EXPECT_TRUE(budget.take(demand));
  EXPECT_FALSE(budget.take(demand));  // bytes are left, bindings are not
  budget.reset();
  EXPECT_TRUE(budget.take(demand));
}

TEST(DescriptorPool, AVariableCountTakesWhatTheAllocationSays) {
  const auto info = layout(
      {binding(3, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1000), binding(0, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 2)},
      {VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT, 0});
  EXPECT_EQ(demand_of(*info, 8).counts[VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE], 10u);
  EXPECT_EQ(demand_of(*info, 0).counts[VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE], 2u);
  EXPECT_EQ(demand_of(*info, 5000).counts[VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE], 1002u);
}

TEST(DescriptorLayout, FindsImmutableSamplersAcrossConsecutiveBindings) {
  const VkSampler samplers[2] = {};
  auto fixed = binding(2, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2);
  fixed.pImmutableSamplers = samplers;
  // A storage buffer's pointer is not looked at, whatever it holds.
  auto garbage = binding(5, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1);
  garbage.pImmutableSamplers = reinterpret_cast<const VkSampler*>(8);
  const auto info = layout({binding(0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 3), fixed, garbage});
  EXPECT_FALSE(info->immutable_at(0, 2));
  EXPECT_TRUE(info->immutable_at(0, 3));  // runs over into binding 2
  EXPECT_TRUE(info->immutable_at(2, 1));
  EXPECT_FALSE(info->immutable_at(2, 2));
  EXPECT_FALSE(info->immutable_at(9, 0));
}

}  // namespace
}  // namespace viaduct::guest
