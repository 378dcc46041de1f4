#include <gtest/gtest.h>

#include "guest-icd/objects/descriptor_write.hpp"

#include <cstddef>

namespace viaduct::guest {
namespace {

template <class T>
T garbage() {
  return reinterpret_cast<T>(std::uintptr_t{0xdead0});
}

VkWriteDescriptorSet write_of(VkDescriptorType type, std::uint32_t count) {
  return {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
          nullptr,
          garbage<VkDescriptorSet>(),
          1,
          0,
          count,
          type,
          garbage<const VkDescriptorImageInfo*>(),
          garbage<const VkDescriptorBufferInfo*>(),
          garbage<const VkBufferView*>()};
}

TEST(DescriptorWrite, OnlyTheArrayOfTheTypeSurvives) {
  const VkDescriptorBufferInfo buffer{garbage<VkBuffer>(), 0, 16};
  const VkBufferView view = garbage<VkBufferView>();
  VkWriteDescriptorSet writes[3] = {write_of(VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1),
                                    write_of(VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 1),
                                    write_of(VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 16)};
  writes[0].pBufferInfo = &buffer;
  writes[1].pTexelBufferView = &view;
  Scratch scratch;
  const auto* clean = sanitize_writes(scratch, 3, writes, false, nullptr, nullptr);
  ASSERT_NE(clean, nullptr);
  EXPECT_EQ(clean[0].pBufferInfo, &buffer);
  EXPECT_EQ(clean[0].pImageInfo, nullptr);
  EXPECT_EQ(clean[0].pTexelBufferView, nullptr);
  EXPECT_EQ(clean[1].pTexelBufferView, &view);
  EXPECT_EQ(clean[1].pBufferInfo, nullptr);
  EXPECT_EQ(clean[2].pImageInfo, nullptr);
  EXPECT_EQ(clean[2].pBufferInfo, nullptr);
  EXPECT_EQ(clean[2].dstSet, writes[2].dstSet);
}

TEST(DescriptorWrite, ImageInfosLoseWhatTheirTypeDoesNotUse) {
  const VkDescriptorImageInfo full{garbage<VkSampler>(), garbage<VkImageView>(), VK_IMAGE_LAYOUT_GENERAL};
  VkWriteDescriptorSet writes[3] = {write_of(VK_DESCRIPTOR_TYPE_SAMPLER, 1),
                                    write_of(VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1),
                                    write_of(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1)};
  for (auto& write : writes) write.pImageInfo = &full;
  Scratch scratch;
  const auto* clean = sanitize_writes(scratch, 3, writes, true, nullptr, nullptr);
  ASSERT_NE(clean, nullptr);
  EXPECT_EQ(clean[0].pImageInfo->sampler, full.sampler);
  EXPECT_EQ(clean[0].pImageInfo->imageView, VkImageView{});
  EXPECT_EQ(clean[1].pImageInfo->sampler, VkSampler{});
  EXPECT_EQ(clean[1].pImageInfo->imageView, full.imageView);
  EXPECT_EQ(clean[2].pImageInfo->sampler, full.sampler);
  EXPECT_EQ(clean[0].dstSet, VkDescriptorSet{});  // a push has none
}

TEST(DescriptorWrite, SamplersOfImmutableBindingsAreDropped) {
  const VkSampler fixed[1] = {};
  const VkDescriptorSetLayoutBinding bindings[2] = {
      {1, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_ALL, fixed},
      {2, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_ALL, nullptr}};
  const VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, nullptr, 0,
                                             2, bindings};
  auto layout = DescriptorLayoutInfo::make(info);
  const VkDescriptorImageInfo images[2] = {
      {garbage<VkSampler>(), garbage<VkImageView>(), VK_IMAGE_LAYOUT_GENERAL},
      {garbage<VkSampler>(), garbage<VkImageView>(), VK_IMAGE_LAYOUT_GENERAL}};
  VkWriteDescriptorSet write = write_of(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2);
  write.pImageInfo = images;
  Scratch scratch;
  const auto* clean = sanitize_writes(
      scratch, 1, &write, false,
      [](void* context, VkDescriptorSet) { return static_cast<const DescriptorLayoutInfo*>(context); },
      const_cast<DescriptorLayoutInfo*>(layout.get()));
  ASSERT_NE(clean, nullptr);
  EXPECT_EQ(clean->pImageInfo[0].sampler, VkSampler{});
  EXPECT_EQ(clean->pImageInfo[1].sampler, images[1].sampler);
}

TEST(DescriptorTemplate, GathersStridedElementsOfEveryKind) {
  struct Element {
    std::uint32_t other;
    VkDescriptorBufferInfo buffer;
  };
  struct Data {
    Element elements[3];
    std::uint8_t block[12];
    VkDescriptorImageInfo image;
    VkAccelerationStructureNV structure;
  } data{};
  for (std::uint32_t i = 0; i < 3; ++i) data.elements[i].buffer.range = 100 + i;
  data.block[11] = 7;
  data.image.imageView = garbage<VkImageView>();
  data.structure = garbage<VkAccelerationStructureNV>();
  const DescriptorUpdateTemplate update{
      VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET,
      VK_NULL_HANDLE,
      VK_PIPELINE_BIND_POINT_GRAPHICS,
      0,
      {{4, 1, 3, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, offsetof(Data, elements) + offsetof(Element, buffer),
        sizeof(Element)},
       {5, 4, 12, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, offsetof(Data, block), 0},
       {6, 0, 1, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, offsetof(Data, image), 0},
       {7, 0, 1, VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV, offsetof(Data, structure), 0}}};
  Scratch scratch;
  const auto* writes = expand_template(scratch, update, garbage<VkDescriptorSet>(), &data);
  ASSERT_NE(writes, nullptr);
  EXPECT_EQ(writes[0].dstBinding, 4u);
  EXPECT_EQ(writes[0].dstArrayElement, 1u);
  EXPECT_EQ(writes[0].descriptorCount, 3u);
  EXPECT_EQ(writes[0].pBufferInfo[2].range, 102u);
  const auto* block = static_cast<const VkWriteDescriptorSetInlineUniformBlock*>(writes[1].pNext);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->dataSize, 12u);
  EXPECT_EQ(static_cast<const std::uint8_t*>(block->pData)[11], 7);
  EXPECT_EQ(writes[2].pImageInfo->imageView, data.image.imageView);
  EXPECT_EQ(writes[2].dstSet, garbage<VkDescriptorSet>());
  const auto* structures = static_cast<const VkWriteDescriptorSetAccelerationStructureNV*>(writes[3].pNext);
  ASSERT_NE(structures, nullptr);
  EXPECT_EQ(structures->pAccelerationStructures[0], data.structure);
}

}  // namespace
}  // namespace viaduct::guest
