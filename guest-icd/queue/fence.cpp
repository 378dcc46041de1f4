// Entry points of VkFence: guest-side reads of completion slots, see objects/fence.hpp.
#include "guest-icd/objects/fence.hpp"

#include <algorithm>
#include <new>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/private_data.hpp"
#include "guest-icd/queue/queue.hpp"
#include "guest-icd/session/channel.hpp"
#include "guest-icd/session/session.hpp"
#include "guest-icd/wsi/chain.hpp"
#include "transport/ring/completion.hpp"

namespace viaduct::guest {

VkResult FencePayload::status(Device& device) const noexcept {
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  if (word == kUnsignaled) return VK_NOT_READY;
  if (word == kSignaled) return VK_SUCCESS;
  const auto slot = static_cast<std::uint32_t>(word >> kValueBits) - 1;
  const auto completion = transport::load_completion(device.session->region(), slot);
  if (completion.result != VK_SUCCESS) {
    // Of another device's loss this device only hears.
    const bool own = std::any_of(device.queues.begin(), device.queues.end(),
                                 [&](const auto& queue) { return queue->slot == slot; });
    if (own) device.latch_lost();
    return VK_ERROR_DEVICE_LOST;
  }
  if (completion.value >= (word & ((std::uint64_t{1} << kValueBits) - 1))) return VK_SUCCESS;
  return device.is_lost() ? VK_ERROR_DEVICE_LOST : VK_NOT_READY;
}

void Fence::assign(Queue& queue, std::uint64_t value) noexcept { payload().assign(queue.slot, value); }

namespace {

bool is_made_for_export(const VkFenceCreateInfo& info) noexcept {
  const auto* exported =
      wsi::find_in_chain<VkExportFenceCreateInfo>(info.pNext, VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO);
  return exported != nullptr && (exported->handleTypes & VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT) != 0;
}

// A payload that can be shared from the beginning: export need not be externally synchronised.
bool make_shared_payload(Fence& fence, bool signaled) noexcept {
  try {
    fence.import(std::make_shared<FencePayload>(signaled), false);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, std::uint32_t fenceCount,
                                               const VkFence* pFences, VkBool32 waitAll,
                                               std::uint64_t timeout) noexcept {
  Device* self = Device::from(device);
  VkResult result = VK_NOT_READY;
  // Pure reads, as Parker asks; the last evaluation's answer is in `result` only on the waiting thread.
  const auto look = [&]() -> VkResult {
    bool all = true;
    for (std::uint32_t i = 0; i < fenceCount; ++i) {
      const VkResult status = Fence::from(pFences[i])->status(*self);
      if (status == VK_ERROR_DEVICE_LOST) return status;
      if (status == VK_SUCCESS && !waitAll) return VK_SUCCESS;
      all &= status == VK_SUCCESS;
    }
    return all ? VK_SUCCESS : VK_NOT_READY;
  };
  result = look();
  if (result != VK_NOT_READY) return result;
  // Of a lost device nothing is waited for, not even a fence that no submission has.
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  if (timeout == 0) return self->channel->check_lost() ? VK_ERROR_DEVICE_LOST : VK_TIMEOUT;
  const auto over = [&] { return look() != VK_NOT_READY || self->is_lost(); };
  switch (self->channel->wait(over, Deadline::after_ns(timeout))) {
    case transport::WaitResult::ready:
      result = look();
      return result == VK_NOT_READY ? VK_ERROR_DEVICE_LOST : result;
    case transport::WaitResult::timeout:
      return VK_TIMEOUT;
    case transport::WaitResult::lost:
      break;
  }
  self->latch_lost();
  return VK_ERROR_DEVICE_LOST;
}

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateFence(VkDevice, const VkFenceCreateInfo* pCreateInfo,
                                             const VkAllocationCallbacks*, VkFence* pFence) noexcept {
  const bool signaled = (pCreateInfo->flags & VK_FENCE_CREATE_SIGNALED_BIT) != 0;
  auto* fence = new (std::nothrow) Fence(signaled);
  if (fence == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  if (is_made_for_export(*pCreateInfo) && !make_shared_payload(*fence, signaled)) {
    delete fence;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *pFence = fence->handle();
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyFence(VkDevice, VkFence fence, const VkAllocationCallbacks*) noexcept {
  if (fence == VK_NULL_HANDLE) return;
  forget_private_data(protocol::id_of(fence));
  delete Fence::from(fence);
}

VKAPI_ATTR VkResult VKAPI_CALL vkResetFences(VkDevice, uint32_t fenceCount, const VkFence* pFences) noexcept {
  for (std::uint32_t i = 0; i < fenceCount; ++i) Fence::from(pFences[i])->reset();
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetFenceStatus(VkDevice device, VkFence fence) noexcept {
  Device* self = Device::from(device);
  const HearsHost hears(*self);
  const VkResult result = Fence::from(fence)->status(*self);
  if (result != VK_NOT_READY) return result;
  // A program that only polls must learn of the worker's death too.
  if (self->channel->check_lost()) self->latch_lost();
  return self->is_lost() ? VK_ERROR_DEVICE_LOST : VK_NOT_READY;
}

VKAPI_ATTR VkResult VKAPI_CALL vkWaitForFences(VkDevice device, uint32_t fenceCount, const VkFence* pFences,
                                               VkBool32 waitAll, uint64_t timeout) noexcept {
  const HearsHost hears(device);
  return wait_for_fences(device, fenceCount, pFences, waitAll, timeout);
}

}  // namespace entry
}  // namespace viaduct::guest
