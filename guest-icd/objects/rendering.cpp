// vkCmdBeginRendering: members that the specification ignores may hold anything, so they are emptied before the names
// of objects in them are encoded (VkRenderingAttachmentInfo: a null imageView makes the attachment unused; without a
// resolve mode the resolve members are not read).
#include "generated/guest/command_encoders.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/objects/scratch.hpp"

namespace viaduct::guest {
namespace {

void empty_ignored(VkRenderingAttachmentInfo& attachment) noexcept {
  if (attachment.imageView == VK_NULL_HANDLE) attachment.resolveMode = VK_RESOLVE_MODE_NONE;
  if (attachment.resolveMode == VK_RESOLVE_MODE_NONE) {
    attachment.resolveImageView = VK_NULL_HANDLE;
    attachment.resolveImageLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  }
}

const VkRenderingAttachmentInfo* clean_copy(Scratch& scratch, const VkRenderingAttachmentInfo* from,
                                            std::uint32_t count) noexcept {
  VkRenderingAttachmentInfo* to = scratch.copy(from, count);
  if (to == nullptr) return from;  // none, or no memory: as the application gave them
  for (std::uint32_t i = 0; i < count; ++i) empty_ignored(to[i]);
  return to;
}

}  // namespace

namespace entry {

VKAPI_ATTR void VKAPI_CALL vkCmdBeginRendering(VkCommandBuffer commandBuffer,
                                               const VkRenderingInfo* pRenderingInfo) noexcept {
  Scratch scratch;
  VkRenderingInfo info = *pRenderingInfo;
  info.pColorAttachments = clean_copy(scratch, info.pColorAttachments, info.colorAttachmentCount);
  info.pDepthAttachment = clean_copy(scratch, info.pDepthAttachment, 1);
  info.pStencilAttachment = clean_copy(scratch, info.pStencilAttachment, 1);
  encode_vkCmdBeginRendering(CommandBuffer::from(commandBuffer).writer(), &info);
}

}  // namespace entry
}  // namespace viaduct::guest
