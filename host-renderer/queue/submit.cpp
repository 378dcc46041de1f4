#include "base/trace.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <cstring>

namespace viaduct::host {
namespace {

// What every submission needs before the driver sees it; null when it must not.
Queue* ready_queue(CommandContext& ctx, protocol::ObjectId id, std::uint64_t value) noexcept {
  Queue* queue = ctx.queue_of(id);
  CompletionThread& completion = *queue->completion;
  if (value <= completion.last_submitted()) {
    ctx.decoder.fail("a queue's completion values must rise");
    return nullptr;
  }
  stats_add(ctx.session.stats().submits, 1);
  if (queue->device->lost.load(std::memory_order_relaxed) || completion.status() != VK_SUCCESS) {
    ctx.session.lose(*queue, "work was submitted after the loss");
    return nullptr;
  }
  if (queue->device->shadow) {
    queue->device->shadow->guest_to_driver();
  }
  return queue;
}

void finish(CommandContext& ctx, Queue& queue, std::uint64_t value, VkResult result) noexcept {
  if (result == VK_SUCCESS) {
    queue.completion->submitted(value);
  } else {
    // A posted submission has no other way to fail: decision 6's table.
    ctx.session.lose(
        queue, result == VK_ERROR_DEVICE_LOST ? "the driver says so" : "the driver refused a submission");
  }
}

bool is_invalid(const CommandContext& ctx, VkCommandBuffer buffer) noexcept {
  const auto& invalid = ctx.session.invalid_command_buffers();
  return !invalid.empty() && invalid.contains(buffer);
}

constexpr const char* kInvalid = "a command buffer was submitted that could not be recorded";

}  // namespace

void on_viaductQueueSubmit(CommandContext& ctx, protocol::viaductQueueSubmit_args& a) {
  Queue* queue = ready_queue(ctx, a.queue_id, a.value);
  if (queue == nullptr) {
    return;
  }
  for (std::uint32_t i = 0; i < a.submitCount; ++i) {
    for (std::uint32_t j = 0; j < a.pSubmits[i].commandBufferCount; ++j) {
      if (is_invalid(ctx, a.pSubmits[i].pCommandBuffers[j])) {
        return ctx.session.lose(*queue, kInvalid);
      }
    }
  }
  // One batch more, whose signal covers everything that was submitted before it (7.4.1, "Semaphore
  // Signaling").
  VkSubmitInfo* batches = ctx.decoder.make<VkSubmitInfo>(std::size_t{a.submitCount} + 1);
  if (batches == nullptr) {
    return;
  }
  if (a.submitCount != 0) {
    std::memcpy(batches, a.pSubmits, a.submitCount * sizeof(VkSubmitInfo));
  }
  const VkSemaphore semaphore = queue->completion->semaphore();
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &a.value;
  VkSubmitInfo& last = batches[a.submitCount];
  last.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  last.pNext = &timeline;
  last.signalSemaphoreCount = 1;
  last.pSignalSemaphores = &semaphore;
  finish(ctx, *queue, a.value,
         queue->device->table.vkQueueSubmit(queue->handle, a.submitCount + 1, batches, VK_NULL_HANDLE));
}

void on_viaductQueueSubmit2(CommandContext& ctx, protocol::viaductQueueSubmit2_args& a) {
  Queue* queue = ready_queue(ctx, a.queue_id, a.value);
  if (queue == nullptr) {
    return;
  }
  for (std::uint32_t i = 0; i < a.submitCount; ++i) {
    for (std::uint32_t j = 0; j < a.pSubmits[i].commandBufferInfoCount; ++j) {
      if (is_invalid(ctx, a.pSubmits[i].pCommandBufferInfos[j].commandBuffer)) {
        return ctx.session.lose(*queue, kInvalid);
      }
    }
  }
  if (queue->device->table.vkQueueSubmit2 == nullptr) {
    return ctx.session.lose(*queue, "the driver lacks vkQueueSubmit2");
  }
  VkSubmitInfo2* batches = ctx.decoder.make<VkSubmitInfo2>(std::size_t{a.submitCount} + 1);
  if (batches == nullptr) {
    return;
  }
  if (a.submitCount != 0) {
    std::memcpy(batches, a.pSubmits, a.submitCount * sizeof(VkSubmitInfo2));
  }
  VkSemaphoreSubmitInfo signal{};
  signal.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO;
  signal.semaphore = queue->completion->semaphore();
  signal.value = a.value;
  signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
  VkSubmitInfo2& last = batches[a.submitCount];
  last.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2;
  last.signalSemaphoreInfoCount = 1;
  last.pSignalSemaphoreInfos = &signal;
  finish(ctx, *queue, a.value,
         queue->device->table.vkQueueSubmit2(queue->handle, a.submitCount + 1, batches, VK_NULL_HANDLE));
}

void on_viaductQueueBindSparse(CommandContext& ctx, protocol::viaductQueueBindSparse_args& a) {
  Queue* queue = ready_queue(ctx, a.queue_id, a.value);
  if (queue == nullptr) {
    return;
  }
  if (queue->device->table.vkQueueBindSparse == nullptr) {
    return ctx.session.lose(*queue, "the driver lacks vkQueueBindSparse");
  }
  VkBindSparseInfo* batches = ctx.decoder.make<VkBindSparseInfo>(std::size_t{a.bindInfoCount} + 1);
  if (batches == nullptr) {
    return;
  }
  if (a.bindInfoCount != 0) {
    std::memcpy(batches, a.pBindInfo, a.bindInfoCount * sizeof(VkBindSparseInfo));
  }
  const VkSemaphore semaphore = queue->completion->semaphore();
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &a.value;
  VkBindSparseInfo& last = batches[a.bindInfoCount];
  last.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO;
  last.pNext = &timeline;
  last.signalSemaphoreCount = 1;
  last.pSignalSemaphores = &semaphore;
  finish(ctx, *queue, a.value,
         queue->device->table.vkQueueBindSparse(queue->handle, a.bindInfoCount + 1, batches, VK_NULL_HANDLE));
}

void on_viaductPresent(CommandContext& ctx, protocol::viaductPresent_args&) {
  stats_add(ctx.session.stats().frames, 1);
}

}  // namespace viaduct::host
