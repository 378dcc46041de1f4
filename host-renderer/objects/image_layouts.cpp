// An image that may be bound to imported pages must be made in layout UNDEFINED
// (VUID-VkImageCreateInfo-pNext-01443), so where the application says PREINITIALIZED the driver hears
// UNDEFINED: here in barriers, in resources.cpp when the image is made. Such images are linear, and no driver
// touches a linear image's texels in that transition; they stay as the application wrote them.
#include "generated/host/overrides.hpp"
#include "host-renderer/worker/command_context.hpp"

namespace viaduct::host {
namespace {

// The barriers lie in the decoder's arena, so they are ours to write. UNDEFINED is right for every image:
// only a linear one has texels before its first transition.
template <class Barrier>
void leave_preinitialized(const CommandContext& ctx, std::uint32_t count, const Barrier* barriers) noexcept {
  if (ctx.device->physical->mode == SharingMode::kShadow) {
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (barriers[i].oldLayout == VK_IMAGE_LAYOUT_PREINITIALIZED) {
      const_cast<Barrier&>(barriers[i]).oldLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    }
  }
}

void leave_preinitialized(const CommandContext& ctx, const VkDependencyInfo& info) noexcept {
  leave_preinitialized(ctx, info.imageMemoryBarrierCount, info.pImageMemoryBarriers);
}

}  // namespace

void on_vkCmdPipelineBarrier(CommandContext& ctx, protocol::vkCmdPipelineBarrier_args& a) {
  leave_preinitialized(ctx, a.imageMemoryBarrierCount, a.pImageMemoryBarriers);
  ctx.device->table.vkCmdPipelineBarrier(a.commandBuffer, a.srcStageMask, a.dstStageMask, a.dependencyFlags,
                                         a.memoryBarrierCount, a.pMemoryBarriers, a.bufferMemoryBarrierCount,
                                         a.pBufferMemoryBarriers, a.imageMemoryBarrierCount,
                                         a.pImageMemoryBarriers);
}

void on_vkCmdPipelineBarrier2(CommandContext& ctx, protocol::vkCmdPipelineBarrier2_args& a) {
  leave_preinitialized(ctx, *a.pDependencyInfo);
  ctx.device->table.vkCmdPipelineBarrier2(a.commandBuffer, a.pDependencyInfo);
}

void on_vkCmdSetEvent2(CommandContext& ctx, protocol::vkCmdSetEvent2_args& a) {
  leave_preinitialized(ctx, *a.pDependencyInfo);
  ctx.device->table.vkCmdSetEvent2(a.commandBuffer, a.event, a.pDependencyInfo);
}

void on_vkCmdWaitEvents(CommandContext& ctx, protocol::vkCmdWaitEvents_args& a) {
  leave_preinitialized(ctx, a.imageMemoryBarrierCount, a.pImageMemoryBarriers);
  ctx.device->table.vkCmdWaitEvents(a.commandBuffer, a.eventCount, a.pEvents, a.srcStageMask, a.dstStageMask,
                                    a.memoryBarrierCount, a.pMemoryBarriers, a.bufferMemoryBarrierCount,
                                    a.pBufferMemoryBarriers, a.imageMemoryBarrierCount,
                                    a.pImageMemoryBarriers);
}

void on_vkCmdWaitEvents2(CommandContext& ctx, protocol::vkCmdWaitEvents2_args& a) {
  for (std::uint32_t i = 0; i < a.eventCount; ++i) {
    leave_preinitialized(ctx, a.pDependencyInfos[i]);
  }
  ctx.device->table.vkCmdWaitEvents2(a.commandBuffer, a.eventCount, a.pEvents, a.pDependencyInfos);
}

}  // namespace viaduct::host
