// Descriptors, and recorded commands with members that count only sometimes: what the specification ignores
// travels empty.
#include "generated/protocol/args.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

using protocol::Command;

// VkWriteDescriptorSet: samplers have no view, and what is no sampler has none.
void empty_ignored(uint32_t count, const VkWriteDescriptorSet* writes) {
  for (uint32_t i = 0; i < count; ++i) {
    const VkWriteDescriptorSet& write = writes[i];
    const bool only_sampler = write.descriptorType == VK_DESCRIPTOR_TYPE_SAMPLER;
    const bool samples = only_sampler || write.descriptorType == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    for (uint32_t e = 0; write.pImageInfo != nullptr && e < write.descriptorCount; ++e) {
      VkDescriptorImageInfo& image = mine(write.pImageInfo + e);
      if (only_sampler) {
        image.imageView = VK_NULL_HANDLE;
        image.imageLayout = VK_IMAGE_LAYOUT_UNDEFINED;
      }
      if (!samples) image.sampler = VK_NULL_HANDLE;
    }
  }
}

// Which payload counts depends on the type; chance made that one, or none.
void complete_writes(uint32_t count, const VkWriteDescriptorSet* writes) {
  for (uint32_t i = 0; i < count; ++i) {
    const VkWriteDescriptorSet& write = writes[i];
    if (write.pImageInfo == nullptr && write.pBufferInfo == nullptr && write.pTexelBufferView == nullptr) {
      mine(&write).descriptorCount = 0;
    }
  }
}

void prepare_updates(Guest&, protocol::vkUpdateDescriptorSets_args& a, Arena&) {
  complete_writes(a.descriptorWriteCount, a.pDescriptorWrites);
}
void change_updates(Guest&, protocol::vkUpdateDescriptorSets_args& a, Arena&) {
  empty_ignored(a.descriptorWriteCount, a.pDescriptorWrites);
}

void prepare_push(Guest& guest, protocol::vkCmdPushDescriptorSetKHR_args& a, Arena&) {
  a.layout = guest.layout;
  complete_writes(a.descriptorWriteCount, a.pDescriptorWrites);
}
void change_pushed(uint32_t count, const VkWriteDescriptorSet* writes) {
  empty_ignored(count, writes);
  for (uint32_t i = 0; i < count; ++i) mine(writes + i).dstSet = VK_NULL_HANDLE;
}
void change_push(Guest&, protocol::vkCmdPushDescriptorSetKHR_args& a, Arena&) {
  change_pushed(a.descriptorWriteCount, a.pDescriptorWrites);
}

#ifdef VK_VERSION_1_4
void prepare_push2(Guest& guest, protocol::vkCmdPushDescriptorSet2_args& a, Arena&) {
  VkPushDescriptorSetInfo& info = mine(a.pPushDescriptorSetInfo);
  info.layout = guest.layout;
  complete_writes(info.descriptorWriteCount, info.pDescriptorWrites);
}
void change_push2(Guest&, protocol::vkCmdPushDescriptorSet2_args& a, Arena&) {
  change_pushed(a.pPushDescriptorSetInfo->descriptorWriteCount, a.pPushDescriptorSetInfo->pDescriptorWrites);
}
#endif

// The same for a descriptor by itself.
void change_descriptor(Guest&, protocol::vkGetDescriptorEXT_args& a, Arena&) {
  const VkDescriptorGetInfoEXT& info = *a.pDescriptorInfo;
  const bool image_alone = info.type == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE ||
                           info.type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE ||
                           info.type == VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
  if (image_alone && info.data.pSampledImage != nullptr) {
    mine(info.data.pSampledImage).sampler = VK_NULL_HANDLE;
  }
}

// A pool with room for all, and layouts without samplers of their own.
void prepare_sets(Guest& guest, protocol::vkAllocateDescriptorSets_args& a, Arena&) {
  VkDescriptorSetAllocateInfo& info = mine(a.pAllocateInfo);
  info.descriptorPool = guest.set_pool;
  for (uint32_t i = 0; i < info.descriptorSetCount; ++i) {
    const_cast<VkDescriptorSetLayout*>(info.pSetLayouts)[i] = guest.set_layout;
  }
}

void empty_ignored(const VkRenderingAttachmentInfo* attachments, uint32_t count) {
  for (uint32_t i = 0; attachments != nullptr && i < count; ++i) {
    VkRenderingAttachmentInfo& attachment = mine(attachments + i);
    if (attachment.imageView == VK_NULL_HANDLE) attachment.resolveMode = VK_RESOLVE_MODE_NONE;
    if (attachment.resolveMode != VK_RESOLVE_MODE_NONE) continue;
    attachment.resolveImageView = VK_NULL_HANDLE;
    attachment.resolveImageLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  }
}

void change_rendering(Guest&, protocol::vkCmdBeginRendering_args& a, Arena&) {
  empty_ignored(a.pRenderingInfo->pColorAttachments, a.pRenderingInfo->colorAttachmentCount);
  empty_ignored(a.pRenderingInfo->pDepthAttachment, 1);
  empty_ignored(a.pRenderingInfo->pStencilAttachment, 1);
}

// A primary inherits nothing; a secondary inherits a render pass only when it continues one, and subpass and
// framebuffer only with that (VUID-VkCommandBufferBeginInfo-flags-06002, -00055).
void change_begin(Guest&, protocol::vkBeginCommandBuffer_args& a, Arena&) {
  VkCommandBufferBeginInfo& info = mine(a.pBeginInfo);
  if (info.pInheritanceInfo == nullptr) return;
  const bool continues = (info.flags & VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT) != 0;
  if (continues && info.pInheritanceInfo->renderPass != VK_NULL_HANDLE) return;
  VkCommandBufferInheritanceInfo& inheritance = mine(info.pInheritanceInfo);
  inheritance.renderPass = VK_NULL_HANDLE;
  inheritance.subpass = 0;
  inheritance.framebuffer = VK_NULL_HANDLE;
}

}  // namespace

Rules descriptor_rules() {
  return {
      {Command::vkUpdateDescriptorSets, {step(prepare_updates), step(change_updates), {}}},
      {Command::vkCmdPushDescriptorSetKHR, {step(prepare_push), step(change_push), {}}},
#ifdef VK_VERSION_1_4
      {Command::vkCmdPushDescriptorSet2, {step(prepare_push2), step(change_push2), {}}},
#endif
      {Command::vkGetDescriptorEXT, {{}, step(change_descriptor), {}}},
      {Command::vkAllocateDescriptorSets, {step(prepare_sets), {}, {}}},
      {Command::vkCmdBeginRendering, {{}, step(change_rendering), {}}},
      {Command::vkBeginCommandBuffer, {{}, step(change_begin), {}}},
  };
}

}  // namespace viaduct::fake
