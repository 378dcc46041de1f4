#include "guest-icd/queue/queue.hpp"

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/session/session.hpp"
#include "transport/ring/completion.hpp"

namespace viaduct::guest {

Queue::Queue(Device& owner, std::uint64_t object_id, std::uint32_t completion_slot) noexcept
    : Dispatchable(*owner.session, *owner.channel, object_id), device(&owner), slot(completion_slot) {}

std::uint64_t Queue::completed() const noexcept {
  return transport::load_completion(session->region(), slot).value;
}

VkResult Queue::status(std::uint64_t value) const noexcept {
  const auto completion = transport::load_completion(session->region(), slot);
  if (completion.result != VK_SUCCESS) {
    device->latch_lost();
    return VK_ERROR_DEVICE_LOST;
  }
  if (completion.value >= value) return VK_SUCCESS;
  return device->is_lost() ? VK_ERROR_DEVICE_LOST : VK_NOT_READY;
}

VkResult Queue::wait(std::uint64_t value, const Deadline& deadline) noexcept {
  const transport::CompletionSlot& words = session->region().completion(slot);
  const auto ready = [&] {
    const auto completion = transport::load_completion(words);
    return completion.value >= value || completion.result != VK_SUCCESS;
  };
  switch (channel->wait(ready, deadline)) {
    case transport::WaitResult::ready:
      return status(value);
    case transport::WaitResult::timeout:
      return VK_TIMEOUT;
    case transport::WaitResult::lost:
      break;
  }
  device->latch_lost();
  return VK_ERROR_DEVICE_LOST;
}

namespace entry {

VKAPI_ATTR void VKAPI_CALL vkGetDeviceQueue2(VkDevice device, const VkDeviceQueueInfo2* pQueueInfo,
                                             VkQueue* pQueue) noexcept {
  *pQueue = VK_NULL_HANDLE;
  for (const auto& queue : Device::from(device)->queues) {
    if (queue->family == pQueueInfo->queueFamilyIndex && queue->index == pQueueInfo->queueIndex &&
        queue->flags == pQueueInfo->flags) {
      *pQueue = queue->handle();
    }
  }
}

VKAPI_ATTR void VKAPI_CALL vkGetDeviceQueue(VkDevice device, uint32_t queueFamilyIndex, uint32_t queueIndex,
                                            VkQueue* pQueue) noexcept {
  const VkDeviceQueueInfo2 info{VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, nullptr, 0, queueFamilyIndex,
                                queueIndex};
  entry::vkGetDeviceQueue2(device, &info, pQueue);
}

VKAPI_ATTR VkResult VKAPI_CALL vkQueueWaitIdle(VkQueue queue) noexcept {
  const HearsHost hears(queue, HearWhen::kNow);
  Queue* self = Queue::from(queue);
  if (self->device->is_lost()) return VK_ERROR_DEVICE_LOST;
  return self->wait(self->last_value.load(std::memory_order_acquire), Deadline::never());
}

VKAPI_ATTR VkResult VKAPI_CALL vkDeviceWaitIdle(VkDevice device) noexcept {
  const HearsHost hears(device, HearWhen::kNow);
  Device* self = Device::from(device);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  for (const auto& queue : self->queues) {
    const VkResult result = queue->wait(queue->last_value.load(std::memory_order_acquire), Deadline::never());
    if (result != VK_SUCCESS) return result;
  }
  return VK_SUCCESS;
}

}  // namespace entry
}  // namespace viaduct::guest
