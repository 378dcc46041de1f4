#include "base/clock.hpp"
#include "base/trace.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/schedule/gpu_gate.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

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
  if (GpuGate* gate = ctx.session.gate()) {
    gate->pass([&] { ctx.session.completion_watch().stand_aside(); });
  }
  ctx.session.guest_to_driver(*queue->device);
  return queue;
}

// Calls submit(fence); the fence covers everything that was submitted before it (7.3, "Fences").
template <class Submit>
void submit_with_fence(CommandContext& ctx, Queue& queue, std::uint64_t value,
                       const Submit& submit) noexcept {
  const VkFence fence = queue.completion->take_fence();
  const std::uint64_t began = now_ns();
  const VkResult result = fence == VK_NULL_HANDLE ? VK_ERROR_OUT_OF_HOST_MEMORY : submit(fence);
  if (result == VK_SUCCESS) {
    queue.completion->submitted(value, fence, began);
    ctx.session.completion_watch().submitted(*queue.completion);
  } else {
    if (fence != VK_NULL_HANDLE) {
      queue.completion->unused(fence);
    }
    // A posted submission has no other way to fail: decision 6's table.
    ctx.session.lose(
        queue, result == VK_ERROR_DEVICE_LOST ? "the driver says so" : "the driver refused a submission");
  }
}

bool is_invalid(const CommandContext& ctx, VkCommandBuffer buffer) noexcept {
  return ctx.session.invalid_command_buffers().contains(buffer);
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
  submit_with_fence(ctx, *queue, a.value, [&](VkFence fence) {
    return queue->device->table.vkQueueSubmit(queue->handle, a.submitCount, a.pSubmits, fence);
  });
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
  submit_with_fence(ctx, *queue, a.value, [&](VkFence fence) {
    return queue->device->table.vkQueueSubmit2(queue->handle, a.submitCount, a.pSubmits, fence);
  });
}

void on_viaductQueueBindSparse(CommandContext& ctx, protocol::viaductQueueBindSparse_args& a) {
  Queue* queue = ready_queue(ctx, a.queue_id, a.value);
  if (queue == nullptr) {
    return;
  }
  if (queue->device->table.vkQueueBindSparse == nullptr) {
    return ctx.session.lose(*queue, "the driver lacks vkQueueBindSparse");
  }
  submit_with_fence(ctx, *queue, a.value, [&](VkFence fence) {
    return queue->device->table.vkQueueBindSparse(queue->handle, a.bindInfoCount, a.pBindInfo, fence);
  });
}

void on_viaductPresent(CommandContext& ctx, protocol::viaductPresent_args&) {
  ctx.session.count_present();
  if (GpuGate* gate = ctx.session.gate()) {
    gate->pace_frame([&] { ctx.session.completion_watch().stand_aside(); });
  }
}

}  // namespace viaduct::host
