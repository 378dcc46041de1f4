// Fences and waits: answered in the guest from what the host publishes. The fake driver holds submissions, so
// that "not yet" is a state and not a race.
#include <atomic>
#include <chrono>
#include <thread>

#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

constexpr uint64_t kShort = 2'000'000;         // for what must not happen
constexpr uint64_t kLong = 20'000'000'000ull;  // for what must

VkFence make_fence(const Guest& guest, VkFenceCreateFlags flags) {
  const VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, flags};
  VkFence fence = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateFence>("vkCreateFence")(guest.device, &info, nullptr, &fence),
          "vkCreateFence");
  return fence;
}

VkResult submit_nothing(const Guest& guest, VkFence fence) {
  const VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  return guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(guest.queue, 1, &info, fence);
}

void fences(Guest& guest, Check& check) {
  const auto status = guest.get<PFN_vkGetFenceStatus>("vkGetFenceStatus");
  const auto wait = guest.get<PFN_vkWaitForFences>("vkWaitForFences");
  const auto reset = guest.get<PFN_vkResetFences>("vkResetFences");
  VkFence both[] = {make_fence(guest, 0), make_fence(guest, VK_FENCE_CREATE_SIGNALED_BIT)};
  check.that(status(guest.device, both[0]) == VK_NOT_READY, "a new fence");
  check.that(status(guest.device, both[1]) == VK_SUCCESS, "a fence made signalled");
  check.that(wait(guest.device, 2, both, VK_FALSE, kLong) == VK_SUCCESS, "any of two, one signalled");
  check.that(wait(guest.device, 2, both, VK_TRUE, 0) == VK_TIMEOUT, "all of two, one signalled");
  check.nothing_logged("a fence");

  guest.instruct("hold");
  check.that(submit_nothing(guest, both[0]) == VK_SUCCESS, "a submission that is held");
  check.that(wait(guest.device, 1, both, VK_TRUE, kShort) == VK_TIMEOUT, "a wait for held work");
  check.that(status(guest.device, both[0]) == VK_NOT_READY, "the status of held work");
  check.that(find_last(check.log(), "vkQueueSubmit") != nullptr, "held work did not reach the driver");
  guest.instruct("release");
  check.that(wait(guest.device, 2, both, VK_TRUE, kLong) == VK_SUCCESS, "a wait for released work");
  check.that(status(guest.device, both[0]) == VK_SUCCESS, "the status of released work");
  check.that(reset(guest.device, 2, both) == VK_SUCCESS, "vkResetFences");
  check.that(status(guest.device, both[0]) == VK_NOT_READY && status(guest.device, both[1]) == VK_NOT_READY,
             "fences after a reset");
  const auto end = guest.get<PFN_vkDestroyFence>("vkDestroyFence");
  for (VkFence fence : both) end(guest.device, fence, nullptr);
}

// Whether `wait` blocks until the held work is released, and then succeeds.
template <class Wait>
bool waits_for_release(Guest& guest, const Wait& wait) {
  guest.instruct("hold");
  if (submit_nothing(guest, VK_NULL_HANDLE) != VK_SUCCESS) return false;
  std::atomic<int> result{VK_NOT_READY};
  std::thread waiter([&] { result = wait(); });
  std::this_thread::sleep_for(std::chrono::nanoseconds(10 * kShort));
  const bool blocked = result == VK_NOT_READY;
  guest.instruct("release");
  waiter.join();
  return blocked && result == VK_SUCCESS;
}

void idle(Guest& guest, Check& check) {
  const auto queue = guest.get<PFN_vkQueueWaitIdle>("vkQueueWaitIdle");
  const auto device = guest.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle");
  check.that(queue(guest.queue) == VK_SUCCESS && device(guest.device) == VK_SUCCESS, "an idle device");
  check.that(waits_for_release(guest, [&] { return queue(guest.queue); }), "vkQueueWaitIdle of held work");
  check.that(waits_for_release(guest, [&] { return device(guest.device); }), "vkDeviceWaitIdle of held work");
  const std::vector<LoggedCall> calls = check.log();
  check.that(
      find_last(calls, "vkQueueWaitIdle") == nullptr && find_last(calls, "vkDeviceWaitIdle") == nullptr,
      "the driver was made to wait");
}

VkSemaphore make_timeline(const Guest& guest, uint64_t value) {
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  type.initialValue = value;
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  require(guest.get<PFN_vkCreateSemaphore>("vkCreateSemaphore")(guest.device, &info, nullptr, &semaphore),
          "vkCreateSemaphore");
  return semaphore;
}

VkResult wait_for(const Guest& guest, VkSemaphore semaphore, uint64_t value, uint64_t timeout) {
  VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore;
  info.pValues = &value;
  return guest.get<PFN_vkWaitSemaphores>("vkWaitSemaphores")(guest.device, &info, timeout);
}

// The walk compares arguments and answers; this is what the answers mean.
void timelines(Guest& guest, Check& check) {
  const auto counter = guest.get<PFN_vkGetSemaphoreCounterValue>("vkGetSemaphoreCounterValue");
  VkSemaphore semaphore = make_timeline(guest, 5);
  uint64_t value = 0;
  check.that(counter(guest.device, semaphore, &value) == VK_SUCCESS && value == 5, "the initial value");
  check.that(wait_for(guest, semaphore, 5, 0) == VK_SUCCESS, "a wait for what is reached");
  check.that(wait_for(guest, semaphore, 9, kShort) == VK_TIMEOUT, "a wait for what is not reached");

  const uint64_t nine = 9;
  VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  values.signalSemaphoreValueCount = 1;
  values.pSignalSemaphoreValues = &nine;
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values};
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore;
  guest.instruct("hold");
  check.that(
      guest.get<PFN_vkQueueSubmit>("vkQueueSubmit")(guest.queue, 1, &info, VK_NULL_HANDLE) == VK_SUCCESS,
      "a submission that signals");
  check.that(wait_for(guest, semaphore, 9, kShort) == VK_TIMEOUT, "a signal of held work");
  guest.instruct("release");
  check.that(wait_for(guest, semaphore, 9, kLong) == VK_SUCCESS, "a signal of released work");
  check.that(counter(guest.device, semaphore, &value) == VK_SUCCESS && value == 9, "the submission's value");

  // One thread waits for what another signals later.
  std::atomic<int> result{VK_NOT_READY};
  std::thread waiter([&] { result = wait_for(guest, semaphore, 12, kLong); });
  std::this_thread::sleep_for(std::chrono::nanoseconds(10 * kShort));
  check.that(result == VK_NOT_READY, "a wait that ended early");
  VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
  signal.semaphore = semaphore;
  signal.value = 12;
  check.that(guest.get<PFN_vkSignalSemaphore>("vkSignalSemaphore")(guest.device, &signal) == VK_SUCCESS,
             "vkSignalSemaphore");
  waiter.join();
  check.that(result == VK_SUCCESS, "a wait for another thread's signal");
  check.that(counter(guest.device, semaphore, &value) == VK_SUCCESS && value == 12, "the signalled value");
}

}  // namespace

std::vector<Case> synchronisation_cases() {
  return {
      {{"vkCreateFence", "vkDestroyFence", "vkResetFences", "vkGetFenceStatus", "vkWaitForFences"}, fences},
      {{"vkQueueWaitIdle", "vkDeviceWaitIdle"}, idle},
      // Those that cross the wire are in the walk, too.
      {{}, timelines},
  };
}

}  // namespace viaduct::fake
