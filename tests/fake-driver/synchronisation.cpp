#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "tests/fake-driver/objects.hpp"
#include "tests/fake-driver/semantics.hpp"

namespace viaduct::fake::hand {
namespace {

// One lock and one condition for everything that is waited for: this driver is not in a hurry.
struct Signals {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<VkSemaphore, uint64_t> timelines;
  std::map<VkFence, bool> fences;
};

Signals& signals() {
  static Signals* const kSignals = new Signals;
  return *kSignals;
}

template <class T>
const T* find_in_chain(const void* chain, VkStructureType type) {
  for (const auto* next = static_cast<const VkBaseInStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == type) return reinterpret_cast<const T*>(next);
  }
  return nullptr;
}

template <class Ready>
VkResult wait_for(uint64_t timeout, const Ready& ready) {
  std::unique_lock guard(signals().mutex);
  if (timeout > 1'000'000'000'000) {
    signals().changed.wait(guard, ready);
    return VK_SUCCESS;
  }
  return signals().changed.wait_for(guard, std::chrono::nanoseconds(timeout), ready) ? VK_SUCCESS
                                                                                     : VK_TIMEOUT;
}

// The lock is held.
void signal(VkSemaphore semaphore, uint64_t value) {
  const auto found = signals().timelines.find(semaphore);
  if (found != signals().timelines.end() && value > found->second) found->second = value;
}

void finish(VkFence fence) {
  if (fence != VK_NULL_HANDLE) signals().fences[fence] = true;
  signals().changed.notify_all();
}

}  // namespace

VkResult vkCreateSemaphore(VkDevice, const VkSemaphoreCreateInfo* info, const VkAllocationCallbacks*,
                           VkSemaphore* out) {
  *out = new_handle<VkSemaphore>();
  const auto* type =
      find_in_chain<VkSemaphoreTypeCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  if (type == nullptr || type->semaphoreType != VK_SEMAPHORE_TYPE_TIMELINE) return VK_SUCCESS;
  const std::lock_guard guard(signals().mutex);
  signals().timelines[*out] = type->initialValue;
  return VK_SUCCESS;
}

VkResult vkGetSemaphoreCounterValue(VkDevice, VkSemaphore semaphore, uint64_t* value) {
  const std::lock_guard guard(signals().mutex);
  const auto found = signals().timelines.find(semaphore);
  *value = found == signals().timelines.end() ? 0 : found->second;
  return VK_SUCCESS;
}

VkResult vkWaitSemaphores(VkDevice, const VkSemaphoreWaitInfo* info, uint64_t timeout) {
  return wait_for(timeout, [info] {
    bool any = false;
    bool all = true;
    for (uint32_t i = 0; i < info->semaphoreCount; ++i) {
      const auto found = signals().timelines.find(info->pSemaphores[i]);
      const bool reached = found != signals().timelines.end() && found->second >= info->pValues[i];
      any = any || reached;
      all = all && reached;
    }
    return (info->flags & VK_SEMAPHORE_WAIT_ANY_BIT) != 0 ? any : all;
  });
}

VkResult vkSignalSemaphore(VkDevice, const VkSemaphoreSignalInfo* info) {
  const std::lock_guard guard(signals().mutex);
  signal(info->semaphore, info->value);
  signals().changed.notify_all();
  return VK_SUCCESS;
}

VkResult vkCreateFence(VkDevice, const VkFenceCreateInfo* info, const VkAllocationCallbacks*, VkFence* out) {
  *out = new_handle<VkFence>();
  const std::lock_guard guard(signals().mutex);
  signals().fences[*out] = (info->flags & VK_FENCE_CREATE_SIGNALED_BIT) != 0;
  return VK_SUCCESS;
}

VkResult vkResetFences(VkDevice, uint32_t count, const VkFence* fences) {
  const std::lock_guard guard(signals().mutex);
  for (uint32_t i = 0; i < count; ++i) signals().fences[fences[i]] = false;
  return VK_SUCCESS;
}

VkResult vkGetFenceStatus(VkDevice, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  return signals().fences[fence] ? VK_SUCCESS : VK_NOT_READY;
}

VkResult vkWaitForFences(VkDevice, uint32_t count, const VkFence* fences, VkBool32 all, uint64_t timeout) {
  return wait_for(timeout, [=] {
    uint32_t done = 0;
    for (uint32_t i = 0; i < count; ++i) done += signals().fences[fences[i]] ? 1 : 0;
    return all == VK_TRUE ? done == count : done > 0;
  });
}

VkResult vkQueueSubmit(VkQueue, uint32_t count, const VkSubmitInfo* submits, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  for (uint32_t i = 0; i < count; ++i) {
    const auto* values = find_in_chain<VkTimelineSemaphoreSubmitInfo>(
        submits[i].pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    for (uint32_t s = 0; values != nullptr && s < values->signalSemaphoreValueCount; ++s) {
      signal(submits[i].pSignalSemaphores[s], values->pSignalSemaphoreValues[s]);
    }
  }
  finish(fence);
  return VK_SUCCESS;
}

VkResult vkQueueSubmit2(VkQueue, uint32_t count, const VkSubmitInfo2* submits, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t s = 0; s < submits[i].signalSemaphoreInfoCount; ++s) {
      signal(submits[i].pSignalSemaphoreInfos[s].semaphore, submits[i].pSignalSemaphoreInfos[s].value);
    }
  }
  finish(fence);
  return VK_SUCCESS;
}

VkResult vkQueueBindSparse(VkQueue, uint32_t count, const VkBindSparseInfo* infos, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  for (uint32_t i = 0; i < count; ++i) {
    const auto* values = find_in_chain<VkTimelineSemaphoreSubmitInfo>(
        infos[i].pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    for (uint32_t s = 0; values != nullptr && s < values->signalSemaphoreValueCount; ++s) {
      signal(infos[i].pSignalSemaphores[s], values->pSignalSemaphoreValues[s]);
    }
  }
  finish(fence);
  return VK_SUCCESS;
}

}  // namespace viaduct::fake::hand
