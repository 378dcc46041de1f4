// synchronization.*: fences, binary and timeline semaphores, events, idle; seen from the host.
#include <atomic>
#include <thread>

#include "area.hpp"

using namespace conformance;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

void fences(Context& ctx) {
  VkFence signaled = ctx.fence(true), plain[3] = {ctx.fence(), ctx.fence(), ctx.fence()};
  say_result("born signalled", vkGetFenceStatus(ctx.device, signaled));
  say_result("born unsignalled", vkGetFenceStatus(ctx.device, plain[0]));
  say_result("wait, no time", vkWaitForFences(ctx.device, 1, plain, VK_TRUE, 0));
  say_result("wait, little time", vkWaitForFences(ctx.device, 1, plain, VK_TRUE, 1'000'000));
  PIXELS_VK(vkQueueSubmit(ctx.queue, 0, nullptr, plain[0]));
  say_result("an empty submission", vkWaitForFences(ctx.device, 1, plain, VK_TRUE, UINT64_MAX));
  const VkFence both[2] = {plain[0], plain[1]};
  say_result("any of two", vkWaitForFences(ctx.device, 2, both, VK_FALSE, UINT64_MAX));
  say_result("all of two", vkWaitForFences(ctx.device, 2, both, VK_TRUE, 1000));
  PIXELS_VK(vkResetFences(ctx.device, 2, both));
  say_result("reset", vkGetFenceStatus(ctx.device, plain[0]));
  PIXELS_VK(vkResetFences(ctx.device, 1, &signaled));
  say_result("reset what was born so", vkGetFenceStatus(ctx.device, signaled));
  say_result("no submission, no fence", vkQueueSubmit(ctx.queue, 0, nullptr, VK_NULL_HANDLE));
  const VkSubmitInfo empty{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  for (VkFence fence : plain) PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &empty, fence));
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  for (VkFence fence : plain)
    must(vkGetFenceStatus(ctx.device, fence) == VK_SUCCESS, "idle, and a fence is not");
  // Somebody waits before it is submitted.
  for (int round = 0; round < 200; ++round) {
    PIXELS_VK(vkResetFences(ctx.device, 1, plain));
    std::atomic<bool> waiting{false};
    std::thread waiter([&] {
      waiting = true;
      PIXELS_VK(vkWaitForFences(ctx.device, 1, plain, VK_TRUE, UINT64_MAX));
    });
    while (!waiting) std::this_thread::yield();
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    PIXELS_VK(vkQueueSubmit(ctx.queue, 0, nullptr, plain[0]));
    waiter.join();
  }
  say("waited for before the submission");
}

void binary_semaphores(Context& ctx) {
  // A chain, in one submission and over several, through both entry points.
  constexpr uint32_t kLinks = 30;
  std::vector<VkSemaphore> chain;
  for (uint32_t i = 0; i < kLinks; ++i) chain.push_back(ctx.semaphore());
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  for (int round = 0; round < 3; ++round) {
    std::vector<VkSubmitInfo> infos(kLinks + 1, {VK_STRUCTURE_TYPE_SUBMIT_INFO});
    for (uint32_t i = 0; i <= kLinks; ++i) {
      if (i > 0) {
        infos[i].waitSemaphoreCount = 1;
        infos[i].pWaitSemaphores = &chain[i - 1];
        infos[i].pWaitDstStageMask = &stage;
      }
      if (i < kLinks) {
        infos[i].signalSemaphoreCount = 1;
        infos[i].pSignalSemaphores = &chain[i];
      }
    }
    const VkFence fence = ctx.fence();
    if (round == 0) {
      PIXELS_VK(vkQueueSubmit(ctx.queue, kLinks + 1, infos.data(), fence));
    } else {
      for (uint32_t i = 0; i <= kLinks; ++i) {
        PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &infos[i], i == kLinks ? fence : VK_NULL_HANDLE));
      }
    }
    say_result("a chain of semaphores", vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, 10 * kSecond));
  }
}

uint64_t value_of(Context& ctx, VkSemaphore semaphore) {
  uint64_t value = 0;
  PIXELS_VK(vkGetSemaphoreCounterValue(ctx.device, semaphore, &value));
  return value;
}

VkResult wait(Context& ctx, std::vector<VkSemaphore> semaphores, std::vector<uint64_t> values,
              uint64_t timeout, VkSemaphoreWaitFlags flags = 0) {
  const VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,    nullptr,           flags,
                                 static_cast<uint32_t>(semaphores.size()), semaphores.data(), values.data()};
  return vkWaitSemaphores(ctx.device, &info, timeout);
}

void signal(Context& ctx, VkSemaphore semaphore, uint64_t value) {
  const VkSemaphoreSignalInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, semaphore, value};
  PIXELS_VK(vkSignalSemaphore(ctx.device, &info));
}

void submit2(Context& ctx, VkSemaphore waits, uint64_t wait_value, VkSemaphore signals,
             uint64_t signal_value) {
  VkSemaphoreSubmitInfo before{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, nullptr, waits, wait_value,
                               VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT};
  VkSemaphoreSubmitInfo after{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, nullptr, signals, signal_value,
                              VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT};
  VkSubmitInfo2 info{VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
  info.waitSemaphoreInfoCount = waits != VK_NULL_HANDLE;
  info.pWaitSemaphoreInfos = &before;
  info.signalSemaphoreInfoCount = signals != VK_NULL_HANDLE;
  info.pSignalSemaphoreInfos = &after;
  PIXELS_VK(vkQueueSubmit2(ctx.queue, 1, &info, VK_NULL_HANDLE));
}

void timelines(Context& ctx) {
  const VkSemaphore a = ctx.timeline(5), b = ctx.timeline(0);
  say("born with %llu", static_cast<unsigned long long>(value_of(ctx, a)));
  say_result("reached already", wait(ctx, {a}, {5}, 0));
  say_result("not reached", wait(ctx, {a}, {6}, 0));
  say_result("not reached in time", wait(ctx, {a}, {6}, 2'000'000));
  say_result("any", wait(ctx, {a, b}, {5, 1}, UINT64_MAX, VK_SEMAPHORE_WAIT_ANY_BIT));
  say_result("all", wait(ctx, {a, b}, {5, 1}, 1000));
  signal(ctx, b, 1);
  say_result("all, signalled by the host", wait(ctx, {a, b}, {5, 1}, UINT64_MAX));
  say("the host's value %llu", static_cast<unsigned long long>(value_of(ctx, b)));
  uint64_t step = 1ull << 30;
  signal(ctx, b, 1 + step);
  say("a large step %d", value_of(ctx, b) == 1 + step);
  // The wait comes before the signal, on the device and on the host, from other threads.
  const VkSemaphore gate = ctx.timeline(0), done = ctx.timeline(0);
  submit2(ctx, gate, 1, done, 3);
  std::atomic<uint32_t> reached{0};
  std::vector<std::thread> waiters;
  for (uint64_t value = 1; value <= 3; ++value) {
    waiters.emplace_back([&, value] { reached += wait(ctx, {done}, {value}, 10 * kSecond) == VK_SUCCESS; });
  }
  waiters.emplace_back([&] {
    reached += wait(ctx, {gate, done}, {9, 2}, 10 * kSecond, VK_SEMAPHORE_WAIT_ANY_BIT) == VK_SUCCESS;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  say("before the signal %u, value %llu", reached.load(),
      static_cast<unsigned long long>(value_of(ctx, done)));
  signal(ctx, gate, 1);
  for (std::thread& waiter : waiters) waiter.join();
  say("after the signal %u, value %llu", reached.load(),
      static_cast<unsigned long long>(value_of(ctx, done)));
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  // Host and device take turns.
  const VkSemaphore turn = ctx.timeline(0);
  for (uint64_t i = 0; i < 100; i += 2) {
    submit2(ctx, turn, i + 1, turn, i + 2);
    signal(ctx, turn, i + 1);
    must(wait(ctx, {turn}, {i + 2}, 10 * kSecond) == VK_SUCCESS, "turn %d", static_cast<int>(i));
  }
  say("turns: %llu", static_cast<unsigned long long>(value_of(ctx, turn)));
}

// More threads wait than there may be ways to ask at once; the one that signals asks too.
void many_waiters(Context& ctx) {
  const VkSemaphore gate = ctx.timeline(0);
  std::atomic<uint32_t> woken{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 100; ++i) {
    waiters.emplace_back([&] { woken += wait(ctx, {gate}, {2}, 30 * kSecond) == VK_SUCCESS; });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  must(value_of(ctx, gate) == 0, "the value before the signal");
  signal(ctx, gate, 2);
  for (std::thread& waiter : waiters) waiter.join();
  say("many waiters: %u", woken.load());
}

void events(Context& ctx) {
  const VkEvent event = ctx.event();
  say_result("a new event", vkGetEventStatus(ctx.device, event));
  say_result("set", vkSetEvent(ctx.device, event));
  say_result("is set", vkGetEventStatus(ctx.device, event));
  say_result("set twice", vkSetEvent(ctx.device, event));
  say_result("reset", vkResetEvent(ctx.device, event));
  say_result("is reset", vkGetEventStatus(ctx.device, event));
  const VkCommandBuffer sets = ctx.command_buffer(ctx.pool);
  const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  PIXELS_VK(vkBeginCommandBuffer(sets, &info));
  vkCmdSetEvent(sets, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  PIXELS_VK(vkEndCommandBuffer(sets));
  ctx.submit_and_wait(sets);
  say_result("set by the device", vkGetEventStatus(ctx.device, event));
  const VkCommandBuffer resets = ctx.command_buffer(ctx.pool);
  PIXELS_VK(vkBeginCommandBuffer(resets, &info));
  vkCmdWaitEvents(resets, 1, &event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                  0, nullptr, 0, nullptr, 0, nullptr);
  vkCmdResetEvent(resets, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  PIXELS_VK(vkEndCommandBuffer(resets));
  ctx.submit_and_wait(resets);
  say_result("reset by the device", vkGetEventStatus(ctx.device, event));
  // The device waits for the host.
  const VkFence fence = ctx.fence();
  VkSubmitInfo submission{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submission.commandBufferCount = 1;
  submission.pCommandBuffers = &resets;
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &submission, fence));
  say_result("the device waits", vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, 20'000'000));
  PIXELS_VK(vkSetEvent(ctx.device, event));
  say_result("the host lets it go on", vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, 10 * kSecond));
}

CONFORMANCE_AREA(synchronization) {
  Context ctx;
  fences(ctx);
  binary_semaphores(ctx);
  events(ctx);
  pixels::require(ctx.features13.synchronization2 && ctx.features12.timelineSemaphore, "timelines");
  timelines(ctx);
  many_waiters(ctx);
  say_result("idle", vkDeviceWaitIdle(ctx.device));
}

}  // namespace
