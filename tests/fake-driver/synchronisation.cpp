#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

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
  bool held = false;
  std::vector<std::function<void()>> waiting;  // what submissions will signal once they are let go
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

using Signalled = std::vector<std::pair<VkSemaphore, uint64_t>>;

// A submission's end: now, or when submissions are no longer held. The lock is held.
void finish(VkFence fence, Signalled semaphores) {
  const auto end = [fence, semaphores = std::move(semaphores)] {
    for (const auto& [semaphore, value] : semaphores) signal(semaphore, value);
    if (fence != VK_NULL_HANDLE) signals().fences[fence] = true;
  };
  if (signals().held) {
    signals().waiting.push_back(end);
    return;
  }
  end();
  signals().changed.notify_all();
}

// What the timeline values in a submission's chain belong to.
void add_signals(Signalled& to, const void* chain, const VkSemaphore* semaphores, uint32_t count) {
  const auto* values =
      find_in_chain<VkTimelineSemaphoreSubmitInfo>(chain, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  if (values == nullptr || values->pSignalSemaphoreValues == nullptr || semaphores == nullptr) return;
  for (uint32_t i = 0; i < std::min(count, values->signalSemaphoreValueCount); ++i) {
    to.emplace_back(semaphores[i], values->pSignalSemaphoreValues[i]);
  }
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

void hold_submissions(bool held) {
  const std::lock_guard guard(signals().mutex);
  signals().held = held;
  if (held) return;
  for (const auto& end : signals().waiting) end();
  signals().waiting.clear();
  signals().changed.notify_all();
}

VkResult vkQueueSubmit(VkQueue, uint32_t count, const VkSubmitInfo* submits, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  Signalled semaphores;
  for (uint32_t i = 0; i < count; ++i) {
    add_signals(semaphores, submits[i].pNext, submits[i].pSignalSemaphores, submits[i].signalSemaphoreCount);
  }
  finish(fence, std::move(semaphores));
  return VK_SUCCESS;
}

VkResult vkQueueSubmit2(VkQueue, uint32_t count, const VkSubmitInfo2* submits, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  Signalled semaphores;
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t s = 0; s < submits[i].signalSemaphoreInfoCount; ++s) {
      const VkSemaphoreSubmitInfo& info = submits[i].pSignalSemaphoreInfos[s];
      semaphores.emplace_back(info.semaphore, info.value);
    }
  }
  finish(fence, std::move(semaphores));
  return VK_SUCCESS;
}

VkResult vkQueueBindSparse(VkQueue, uint32_t count, const VkBindSparseInfo* infos, VkFence fence) {
  const std::lock_guard guard(signals().mutex);
  Signalled semaphores;
  for (uint32_t i = 0; i < count; ++i) {
    add_signals(semaphores, infos[i].pNext, infos[i].pSignalSemaphores, infos[i].signalSemaphoreCount);
  }
  finish(fence, std::move(semaphores));
  return VK_SUCCESS;
}

}  // namespace viaduct::fake::hand
