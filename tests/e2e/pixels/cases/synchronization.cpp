#include <chrono>
#include <thread>

#include "canvas.hpp"

using namespace pixels;

namespace {

using std::chrono::milliseconds;

constexpr uint64_t kSecond = 1'000'000'000;

// A command buffer that writes `value` into word `word` of `buffer`; can be submitted again and again.
VkCommandBuffer filler(Context& ctx, const Buffer& buffer, uint32_t word, uint32_t value) {
  VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  PIXELS_VK(vkBeginCommandBuffer(cb, &info));
  barrier(cb);
  vkCmdFillBuffer(cb, buffer.handle, word * 4, 4, value);
  barrier(cb);
  PIXELS_VK(vkEndCommandBuffer(cb));
  return cb;
}

void submit_timeline(Context& ctx, VkCommandBuffer cb, VkSemaphore wait, uint64_t wait_value,
                     VkSemaphore signal, uint64_t signal_value, VkFence fence = VK_NULL_HANDLE) {
  VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  values.waitSemaphoreValueCount = wait ? 1 : 0;
  values.pWaitSemaphoreValues = &wait_value;
  values.signalSemaphoreValueCount = signal ? 1 : 0;
  values.pSignalSemaphoreValues = &signal_value;
  VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values};
  batch.waitSemaphoreCount = wait ? 1 : 0;
  batch.pWaitSemaphores = &wait;
  batch.pWaitDstStageMask = &stage;
  batch.commandBufferCount = cb ? 1 : 0;
  batch.pCommandBuffers = &cb;
  batch.signalSemaphoreCount = signal ? 1 : 0;
  batch.pSignalSemaphores = &signal;
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, fence));
}

VkResult wait_timeline(Context& ctx, VkSemaphore semaphore, uint64_t value, uint64_t timeout) {
  VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &semaphore, &value};
  return vkWaitSemaphores(ctx.device, &info, timeout);
}

void signal_timeline(Context& ctx, VkSemaphore semaphore, uint64_t value) {
  VkSemaphoreSignalInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, semaphore, value};
  PIXELS_VK(vkSignalSemaphore(ctx.device, &info));
}

uint64_t timeline_value(Context& ctx, VkSemaphore semaphore) {
  uint64_t value = 0;
  PIXELS_VK(vkGetSemaphoreCounterValue(ctx.device, semaphore, &value));
  return value;
}

}  // namespace

PIXELS_CASE(timeline,
            "thread A waits for a timeline value that thread B signals later, through the queue and back") {
  Context ctx;
  require(ctx.features12.timelineSemaphore, "timeline semaphores");
  VkSemaphore go = ctx.timeline(0), done = ctx.timeline(10);
  Buffer buffer = ctx.buffer(64, 0, Residency::kHostCoherent);
  std::memset(buffer.mapped, 0, 64);
  expect(timeline_value(ctx, done) == 10, "a timeline starts at its initial value");
  expect(wait_timeline(ctx, go, 1, 0) == VK_TIMEOUT, "a poll of an unsignalled value times out");
  auto start = std::chrono::steady_clock::now();
  expect(wait_timeline(ctx, go, 1, kSecond / 20) == VK_TIMEOUT, "a wait with a deadline times out");
  expect(std::chrono::steady_clock::now() - start >= milliseconds(45), "not before its deadline");

  submit_timeline(ctx, filler(ctx, buffer, 0, 0x1111), go, 5, done, 20);
  submit_timeline(ctx, filler(ctx, buffer, 1, 0x2222), VK_NULL_HANDLE, 0, done, 30);
  VkResult waited = VK_ERROR_UNKNOWN, host_waited = VK_ERROR_UNKNOWN;
  std::thread a([&] { waited = wait_timeline(ctx, done, 30, 30 * kSecond); });
  std::thread c([&] { host_waited = wait_timeline(ctx, go, 5, 30 * kSecond); });
  std::this_thread::sleep_for(milliseconds(30));
  expect(timeline_value(ctx, done) == 10, "the queue waits for the host's signal");
  std::thread b([&] {
    signal_timeline(ctx, go, 3);
    std::this_thread::sleep_for(milliseconds(20));
    signal_timeline(ctx, go, 5);
  });
  a.join();
  b.join();
  c.join();
  expect(waited == VK_SUCCESS && host_waited == VK_SUCCESS, "both waits end well");
  expect(timeline_value(ctx, done) == 30 && timeline_value(ctx, go) == 5,
         "the values are the last ones signalled");

  VkSemaphore both[] = {go, done};
  uint64_t values[] = {6, 30};
  VkSemaphoreWaitInfo any{
      VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, VK_SEMAPHORE_WAIT_ANY_BIT, 2, both, values};
  expect(vkWaitSemaphores(ctx.device, &any, 0) == VK_SUCCESS, "waiting for any is satisfied by one");
  any.flags = 0;
  expect(vkWaitSemaphores(ctx.device, &any, 0) == VK_TIMEOUT, "waiting for all is not");
  out.add(buffer.mapped, 64);
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
}

PIXELS_CASE(fences, "fence status, reset, wait for any and all, time-outs, empty submits") {
  Context ctx;
  require(ctx.features12.timelineSemaphore, "timeline semaphores");
  VkFence fences[] = {ctx.fence(true), ctx.fence(), ctx.fence()};
  Buffer buffer = ctx.buffer(64, 0, Residency::kHostCoherent);
  std::memset(buffer.mapped, 0, 64);
  expect(vkGetFenceStatus(ctx.device, fences[0]) == VK_SUCCESS, "a fence can be made signalled");
  expect(vkGetFenceStatus(ctx.device, fences[1]) == VK_NOT_READY, "or not");
  expect(vkWaitForFences(ctx.device, 2, fences, VK_FALSE, 0) == VK_SUCCESS, "any is satisfied by one");
  expect(vkWaitForFences(ctx.device, 2, fences, VK_TRUE, kSecond / 50) == VK_TIMEOUT, "all is not");
  PIXELS_VK(vkResetFences(ctx.device, 1, fences));
  expect(vkGetFenceStatus(ctx.device, fences[0]) == VK_NOT_READY, "a reset fence is not ready");

  VkSemaphore gate = ctx.timeline();
  submit_timeline(ctx, filler(ctx, buffer, 0, 0x5a5a5a5a), gate, 1, VK_NULL_HANDLE, 0, fences[0]);
  submit_timeline(ctx, filler(ctx, buffer, 1, 0x6b6b6b6b), VK_NULL_HANDLE, 0, VK_NULL_HANDLE, 0, fences[1]);
  expect(vkGetFenceStatus(ctx.device, fences[0]) == VK_NOT_READY, "a gated submission has not ended");
  expect(vkWaitForFences(ctx.device, 1, &fences[0], VK_TRUE, kSecond / 50) == VK_TIMEOUT, "nor within 20 ms");
  signal_timeline(ctx, gate, 1);
  expect(vkWaitForFences(ctx.device, 2, fences, VK_TRUE, 30 * kSecond) == VK_SUCCESS,
         "with the gate open both end");
  out.add(buffer.mapped, 64);
  PIXELS_VK(vkQueueSubmit(ctx.queue, 0, nullptr, fences[2]));
  expect(vkWaitForFences(ctx.device, 3, fences, VK_TRUE, 30 * kSecond) == VK_SUCCESS,
         "an empty submit signals");
  PIXELS_VK(vkResetFences(ctx.device, 3, fences));
  for (uint32_t i = 0; i < 200; ++i) {
    PIXELS_VK(vkQueueSubmit(ctx.queue, 0, nullptr, fences[i % 3]));
    PIXELS_VK(vkWaitForFences(ctx.device, 1, &fences[i % 3], VK_TRUE, 30 * kSecond));
    PIXELS_VK(vkResetFences(ctx.device, 1, &fences[i % 3]));
  }
}

PIXELS_CASE(semaphores, "binary semaphores chain submissions made with vkQueueSubmit and vkQueueSubmit2") {
  Context ctx;
  require(ctx.features13.synchronization2, "synchronization2");
  Buffer buffer = ctx.buffer(256, 0, Residency::kHostCoherent);
  std::memset(buffer.mapped, 0, 256);
  VkSemaphore chain[2] = {ctx.semaphore(), ctx.semaphore()};
  VkFence fence = ctx.fence();
  constexpr uint32_t kLinks = 40;
  for (uint32_t i = 0; i < kLinks; ++i) {
    VkCommandBuffer cb = filler(ctx, buffer, i % 3, 0x01010101u * (i + 1));
    VkSemaphore wait = chain[i % 2], signal = chain[(i + 1) % 2];
    if (i % 4 < 2) {
      VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
      VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
      batch.waitSemaphoreCount = i ? 1 : 0;
      batch.pWaitSemaphores = &wait;
      batch.pWaitDstStageMask = &stage;
      batch.commandBufferCount = 1;
      batch.pCommandBuffers = &cb;
      batch.signalSemaphoreCount = 1;
      batch.pSignalSemaphores = &signal;
      PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, VK_NULL_HANDLE));
    } else {
      VkSemaphoreSubmitInfo waits{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, nullptr, wait, 0,
                                  VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,    0};
      auto signals = waits;
      signals.semaphore = signal;
      VkCommandBufferSubmitInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO, nullptr, cb, 0};
      VkSubmitInfo2 batch{VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
      batch.waitSemaphoreInfoCount = batch.signalSemaphoreInfoCount = batch.commandBufferInfoCount = 1;
      batch.pWaitSemaphoreInfos = &waits;
      batch.pSignalSemaphoreInfos = &signals;
      batch.pCommandBufferInfos = &commands;
      PIXELS_VK(vkQueueSubmit2(ctx.queue, 1, &batch, i + 1 == kLinks ? fence : VK_NULL_HANDLE));
    }
  }
  PIXELS_VK(vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, 30 * kSecond));
  out.add(buffer.mapped, 256);
  PIXELS_VK(vkDeviceWaitIdle(ctx.device));
}

PIXELS_CASE(events, "events set and reset by the host and by the device, and waited for") {
  Context ctx;
  VkEvent host = ctx.event(), device = ctx.event();
  Buffer buffer = ctx.buffer(64, 0, Residency::kHostCoherent);
  std::memset(buffer.mapped, 0, 64);
  expect(vkGetEventStatus(ctx.device, host) == VK_EVENT_RESET, "an event starts reset");
  PIXELS_VK(vkSetEvent(ctx.device, host));
  expect(vkGetEventStatus(ctx.device, host) == VK_EVENT_SET, "the host sets it");
  PIXELS_VK(vkResetEvent(ctx.device, host));
  expect(vkGetEventStatus(ctx.device, host) == VK_EVENT_RESET, "and resets it");
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, buffer.handle, 0, 32, 0x11223344);
    vkCmdSetEvent(cb, device, VK_PIPELINE_STAGE_TRANSFER_BIT);
    VkMemoryBarrier all{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                        VK_ACCESS_TRANSFER_WRITE_BIT};
    vkCmdWaitEvents(cb, 1, &device, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 1, &all,
                    0, nullptr, 0, nullptr);
    vkCmdFillBuffer(cb, buffer.handle, 16, 16, 0x55667788);
    barrier(cb);
  });
  expect(vkGetEventStatus(ctx.device, device) == VK_EVENT_SET, "the device set it");
  ctx.submit([&](VkCommandBuffer cb) { vkCmdResetEvent(cb, device, VK_PIPELINE_STAGE_TRANSFER_BIT); });
  expect(vkGetEventStatus(ctx.device, device) == VK_EVENT_RESET, "and the device reset it");
  out.add(buffer.mapped, 64);
}
