#include "guest-icd/queue/submit.hpp"

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/objects/scratch.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

// Whether this wait is on a semaphore that the window system marked; clears the mark.
bool take_wsi_mark(Device& device, VkSemaphore handle) noexcept {
  Semaphore* semaphore = Semaphore::from(device, handle);
  return semaphore != nullptr && semaphore->wsi_signaled.load(std::memory_order_acquire) &&
         semaphore->wsi_signaled.exchange(false, std::memory_order_acq_rel);
}

bool has_wsi_mark(Device& device, VkSemaphore handle) noexcept {
  const Semaphore* semaphore = Semaphore::from(device, handle);
  return semaphore != nullptr && semaphore->wsi_signaled.load(std::memory_order_acquire);
}

// Copies a chain of which one struct is replaced: the structs in front of it are copied too. Only those that
// may stand in a VkSubmitInfo's chain are known; an unknown one in front ends the search (nothing is
// replaced).
struct TimelineChain {
  const void* head;
  VkTimelineSemaphoreSubmitInfo* timeline;
  VkDeviceGroupSubmitInfo* group;
};

template <class T>
T* clone(Scratch& scratch, const VkBaseInStructure* from) noexcept {
  return scratch.copy(reinterpret_cast<const T*>(from), 1);
}

TimelineChain copy_chain(Scratch& scratch, const void* chain) noexcept {
  TimelineChain copied{chain, nullptr, nullptr};
  const void** link = &copied.head;
  for (auto* at = static_cast<const VkBaseInStructure*>(chain); at != nullptr; at = at->pNext) {
    VkBaseInStructure* twin = nullptr;
    switch (at->sType) {
      case VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO:
        copied.timeline = clone<VkTimelineSemaphoreSubmitInfo>(scratch, at);
        twin = reinterpret_cast<VkBaseInStructure*>(copied.timeline);
        break;
      case VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO:
        copied.group = clone<VkDeviceGroupSubmitInfo>(scratch, at);
        twin = reinterpret_cast<VkBaseInStructure*>(copied.group);
        break;
      case VK_STRUCTURE_TYPE_PROTECTED_SUBMIT_INFO:
        twin = reinterpret_cast<VkBaseInStructure*>(clone<VkProtectedSubmitInfo>(scratch, at));
        break;
      case VK_STRUCTURE_TYPE_PERFORMANCE_QUERY_SUBMIT_INFO_KHR:
        twin = reinterpret_cast<VkBaseInStructure*>(clone<VkPerformanceQuerySubmitInfoKHR>(scratch, at));
        break;
      default:
        break;  // not known to travel with a submission: left out of the copy
    }
    if (twin == nullptr) continue;
    *link = twin;
    twin->pNext = nullptr;
    link = reinterpret_cast<const void**>(&twin->pNext);
  }
  if (copied.head == chain) copied.head = nullptr;
  return copied;
}

void strip_waits(Scratch& scratch, Device& device, VkSubmitInfo& info) noexcept {
  bool any = false;
  for (std::uint32_t i = 0; i < info.waitSemaphoreCount; ++i)
    any |= has_wsi_mark(device, info.pWaitSemaphores[i]);
  if (!any) return;
  const TimelineChain chain = copy_chain(scratch, info.pNext);
  info.pNext = chain.head;
  auto* semaphores = scratch.copy(info.pWaitSemaphores, info.waitSemaphoreCount);
  auto* stages = scratch.copy(info.pWaitDstStageMask, info.waitSemaphoreCount);
  const bool valued =
      chain.timeline != nullptr && chain.timeline->waitSemaphoreValueCount == info.waitSemaphoreCount;
  auto* values =
      valued ? scratch.copy(chain.timeline->pWaitSemaphoreValues, info.waitSemaphoreCount) : nullptr;
  const bool indexed = chain.group != nullptr && chain.group->waitSemaphoreCount == info.waitSemaphoreCount;
  auto* indices =
      indexed ? scratch.copy(chain.group->pWaitSemaphoreDeviceIndices, info.waitSemaphoreCount) : nullptr;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < info.waitSemaphoreCount; ++i) {
    if (take_wsi_mark(device, semaphores[i])) continue;
    semaphores[kept] = semaphores[i];
    stages[kept] = stages[i];
    if (values != nullptr) values[kept] = values[i];
    if (indices != nullptr) indices[kept] = indices[i];
    ++kept;
  }
  info.waitSemaphoreCount = kept;
  info.pWaitSemaphores = semaphores;
  info.pWaitDstStageMask = stages;
  if (values != nullptr) {
    chain.timeline->waitSemaphoreValueCount = kept;
    chain.timeline->pWaitSemaphoreValues = values;
  }
  if (indices != nullptr) {
    chain.group->waitSemaphoreCount = kept;
    chain.group->pWaitSemaphoreDeviceIndices = indices;
  }
}

void strip_waits(Scratch& scratch, Device& device, VkSubmitInfo2& info) noexcept {
  bool any = false;
  for (std::uint32_t i = 0; i < info.waitSemaphoreInfoCount; ++i) {
    any |= has_wsi_mark(device, info.pWaitSemaphoreInfos[i].semaphore);
  }
  if (!any) return;
  auto* waits = scratch.copy(info.pWaitSemaphoreInfos, info.waitSemaphoreInfoCount);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < info.waitSemaphoreInfoCount; ++i) {
    if (!take_wsi_mark(device, waits[i].semaphore)) waits[kept++] = waits[i];
  }
  info.waitSemaphoreInfoCount = kept;
  info.pWaitSemaphoreInfos = waits;
}

void strip_waits(Scratch& scratch, Device& device, VkBindSparseInfo& info) noexcept {
  bool any = false;
  for (std::uint32_t i = 0; i < info.waitSemaphoreCount; ++i)
    any |= has_wsi_mark(device, info.pWaitSemaphores[i]);
  if (!any) return;
  const TimelineChain chain = copy_chain(scratch, info.pNext);
  if (chain.timeline != nullptr) info.pNext = chain.head;
  auto* semaphores = scratch.copy(info.pWaitSemaphores, info.waitSemaphoreCount);
  const bool valued =
      chain.timeline != nullptr && chain.timeline->waitSemaphoreValueCount == info.waitSemaphoreCount;
  auto* values =
      valued ? scratch.copy(chain.timeline->pWaitSemaphoreValues, info.waitSemaphoreCount) : nullptr;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < info.waitSemaphoreCount; ++i) {
    if (take_wsi_mark(device, semaphores[i])) continue;
    semaphores[kept] = semaphores[i];
    if (values != nullptr) values[kept] = values[i];
    ++kept;
  }
  info.waitSemaphoreCount = kept;
  info.pWaitSemaphores = semaphores;
  if (values != nullptr) {
    chain.timeline->waitSemaphoreValueCount = kept;
    chain.timeline->pWaitSemaphoreValues = values;
  }
}

// What every kind of submission does: strip, take a value, post in one piece, publish, assign the fence.
template <class Info, class Post>
VkResult submit_any(Queue& queue, std::uint32_t count, const Info* infos, Fence* fence, std::uint64_t* value,
                    const Post& post) noexcept {
  Device& device = *queue.device;
  if (device.is_lost()) return VK_ERROR_DEVICE_LOST;
  if (count == 0 && fence == nullptr && value == nullptr) return VK_SUCCESS;
  Scratch scratch;
  Info* clean = scratch.copy(infos, count);
  if (clean == nullptr && count > 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (std::uint32_t i = 0; i < count; ++i) strip_waits(scratch, device, clean[i]);
  Channel& channel = *queue.channel;
  std::uint64_t mine;
  {
    // Values rise in publication order because both happen under the publish lock.
    const auto order = channel.order();
    mine = queue.last_value.load(std::memory_order_relaxed) + 1;
    // Before the host can see the work: a thread that waits for the fence already is woken by the completion,
    // and must then find what it completes.
    if (fence != nullptr) fence->assign(queue, mine);
    channel.publish_memory();
    post(channel, clean, mine);
    queue.last_value.store(mine, std::memory_order_release);
  }
  channel.flush();
  if (channel.check_lost()) {
    device.latch_lost();
    return VK_ERROR_DEVICE_LOST;
  }
  if (value != nullptr) *value = mine;
  return VK_SUCCESS;
}

}  // namespace

VkResult submit(Queue& queue, std::uint32_t count, const VkSubmitInfo* infos, Fence* fence,
                std::uint64_t* value) noexcept {
  return submit_any(queue, count, infos, fence, value,
                    [&](Channel& channel, const VkSubmitInfo* clean, std::uint64_t mine) {
                      post_viaductQueueSubmit(channel, queue.handle(), count, clean, mine);
                    });
}

VkResult submit(Queue& queue, std::uint32_t count, const VkSubmitInfo2* infos, Fence* fence,
                std::uint64_t* value) noexcept {
  return submit_any(queue, count, infos, fence, value,
                    [&](Channel& channel, const VkSubmitInfo2* clean, std::uint64_t mine) {
                      post_viaductQueueSubmit2(channel, queue.handle(), count, clean, mine);
                    });
}

void post_present_marker(Queue& queue) noexcept { post_viaductPresent(*queue.channel, queue.handle()); }

VkResult signal_on_host(Device& device, VkSemaphore semaphore, std::uint64_t* value) noexcept {
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore;
  // What a submission writes of the queue it writes under the publish lock.
  return submit(*device.queues.front(), 1, &info, nullptr, value);
}

void signal_from_wsi(Device& device, VkSemaphore semaphore, VkFence fence) noexcept {
  if (Semaphore* marked = Semaphore::from(device, semaphore)) {
    if (marked->external.load(std::memory_order_acquire)) {
      (void)signal_on_host(device, semaphore);  // fails with the device only, which whoever waits hears
    } else {
      marked->wsi_signaled.store(true, std::memory_order_release);
    }
  }
  if (fence == VK_NULL_HANDLE) return;
  Fence::from(fence)->signal_from_wsi();
  device.channel->reconsider();  // another thread may wait for it already
}

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkQueueSubmit(VkQueue queue, uint32_t submitCount,
                                             const VkSubmitInfo* pSubmits, VkFence fence) noexcept {
  const HearsHost hears(queue);
  return submit(*Queue::from(queue), submitCount, pSubmits, Fence::from(fence));
}

VKAPI_ATTR VkResult VKAPI_CALL vkQueueSubmit2(VkQueue queue, uint32_t submitCount,
                                              const VkSubmitInfo2* pSubmits, VkFence fence) noexcept {
  const HearsHost hears(queue);
  return submit(*Queue::from(queue), submitCount, pSubmits, Fence::from(fence));
}

VKAPI_ATTR VkResult VKAPI_CALL vkQueueBindSparse(VkQueue queue, uint32_t bindInfoCount,
                                                 const VkBindSparseInfo* pBindInfo, VkFence fence) noexcept {
  const HearsHost hears(queue);
  return submit_any(*Queue::from(queue), bindInfoCount, pBindInfo, Fence::from(fence), nullptr,
                    [&](Channel& channel, const VkBindSparseInfo* clean, std::uint64_t mine) {
                      post_viaductQueueBindSparse(channel, queue, bindInfoCount, clean, mine);
                    });
}

}  // namespace entry
}  // namespace viaduct::guest
