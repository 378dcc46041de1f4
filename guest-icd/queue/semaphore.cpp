// Entry points of VkSemaphore and VkEvent. Signals from the guest are posted, published and the host woken at
// once; a timeline wait that the guest's knowledge does not answer is a call that the host serves from a
// waiter thread.
#include "guest-icd/objects/semaphore.hpp"

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/queue/blocking.hpp"

namespace viaduct::guest {

Semaphore* Semaphore::from(Device& device, VkSemaphore handle) noexcept {
  return device.session->objects().semaphores.find(protocol::id_of(handle));
}

namespace {

VkResult lost_or_success(Device& device) noexcept {
  if (device.channel->check_lost()) device.latch_lost();
  return device.is_lost() ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}

VkResult wait_on_host(Device& device, const VkSemaphoreWaitInfo& info, std::uint64_t timeout) noexcept {
  const Deadline deadline = Deadline::after_ns(timeout);
  return ask_until(*device.session, deadline, VK_TIMEOUT, [&](bool may_wait) {
    return call_vkWaitSemaphores(*device.channel, device.handle(), &info,
                                 may_wait ? deadline.remaining_ns() : 0);
  });
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateSemaphore(VkDevice device, const VkSemaphoreCreateInfo* pCreateInfo,
                                                 const VkAllocationCallbacks* pAllocator,
                                                 VkSemaphore* pSemaphore) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  const std::uint64_t id = new_id(channel, protocol::ObjectType::kSemaphore);
  Semaphore* semaphore = id == 0 ? nullptr : self->session->objects().semaphores.make(id);
  if (semaphore == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  semaphore->type = VK_SEMAPHORE_TYPE_BINARY;
  semaphore->wsi_signaled.store(false, std::memory_order_relaxed);
  semaphore->external.store(false, std::memory_order_relaxed);
  semaphore->known_value.store(0, std::memory_order_relaxed);
  for (auto* next = static_cast<const VkBaseInStructure*>(pCreateInfo->pNext); next != nullptr;
       next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO) {
      const auto* type = reinterpret_cast<const VkSemaphoreTypeCreateInfo*>(next);
      semaphore->type = type->semaphoreType;
      semaphore->known_value.store(type->initialValue, std::memory_order_relaxed);
    }
  }
  *pSemaphore = handle_of<VkSemaphore>(id);
  post_vkCreateSemaphore(channel, device, pCreateInfo, pAllocator, pSemaphore);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroySemaphore(VkDevice device, VkSemaphore semaphore,
                                              const VkAllocationCallbacks* pAllocator) noexcept {
  if (semaphore == VK_NULL_HANDLE) return;
  Channel& channel = Channel::of(device);
  post_vkDestroySemaphore(channel, device, semaphore, pAllocator);
  release_id(channel, protocol::ObjectType::kSemaphore, protocol::id_of(semaphore));
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetSemaphoreCounterValue(VkDevice device, VkSemaphore semaphore,
                                                          uint64_t* pValue) noexcept {
  Device* self = Device::from(device);
  const HearsHost hears(*self);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  const VkResult result = call_vkGetSemaphoreCounterValue(*self->channel, device, semaphore, pValue);
  if (result == VK_SUCCESS) Semaphore::from(*self, semaphore)->observe(*pValue);
  if (result == VK_ERROR_DEVICE_LOST) self->latch_lost();
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vkWaitSemaphores(VkDevice device, const VkSemaphoreWaitInfo* pWaitInfo,
                                                uint64_t timeout) noexcept {
  Device* self = Device::from(device);
  const HearsHost hears(*self);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  const bool any = (pWaitInfo->flags & VK_SEMAPHORE_WAIT_ANY_BIT) != 0;
  std::uint32_t reached = 0;
  for (std::uint32_t i = 0; i < pWaitInfo->semaphoreCount; ++i) {
    const Semaphore* semaphore = Semaphore::from(*self, pWaitInfo->pSemaphores[i]);
    reached += semaphore->known_value.load(std::memory_order_acquire) >= pWaitInfo->pValues[i] ? 1 : 0;
  }
  if (any ? reached > 0 : reached == pWaitInfo->semaphoreCount) return VK_SUCCESS;
  const VkResult result = wait_on_host(*self, *pWaitInfo, timeout);
  if (result == VK_ERROR_DEVICE_LOST) self->latch_lost();
  if (result == VK_SUCCESS && (!any || pWaitInfo->semaphoreCount == 1)) {
    for (std::uint32_t i = 0; i < pWaitInfo->semaphoreCount; ++i) {
      Semaphore::from(*self, pWaitInfo->pSemaphores[i])->observe(pWaitInfo->pValues[i]);
    }
  }
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL vkSignalSemaphore(VkDevice device,
                                                 const VkSemaphoreSignalInfo* pSignalInfo) noexcept {
  Device* self = Device::from(device);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  self->channel->publish_memory();
  post_vkSignalSemaphore(*self->channel, device, pSignalInfo);
  self->channel->flush();
  // The ring's order makes everything that follows see the value.
  Semaphore::from(*self, pSignalInfo->semaphore)->observe(pSignalInfo->value);
  return lost_or_success(*self);
}

VKAPI_ATTR VkResult VKAPI_CALL vkSetEvent(VkDevice device, VkEvent event) noexcept {
  Device* self = Device::from(device);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  self->channel->publish_memory();
  post_vkSetEvent(*self->channel, device, event);
  self->channel->flush();
  return lost_or_success(*self);
}

VKAPI_ATTR VkResult VKAPI_CALL vkResetEvent(VkDevice device, VkEvent event) noexcept {
  Device* self = Device::from(device);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  post_vkResetEvent(*self->channel, device, event);
  self->channel->flush();
  return lost_or_success(*self);
}

}  // namespace entry
}  // namespace viaduct::guest
