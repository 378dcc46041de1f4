// Entry points of VK_KHR_external_semaphore_fd and VK_KHR_external_fence_fd, between the devices and
// instances of one session. Semaphores are the host's: its driver exports and imports, and the host keeps
// what it exported. Fences live in the guest, and so do their payloads.
#include <unistd.h>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/external_handles.hpp"
#include "guest-icd/objects/fence.hpp"
#include "guest-icd/objects/semaphore.hpp"
#include "guest-icd/queue/submit.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

using Kind = ExternalPayload::Kind;

// The window system's mark is the guest's alone, and another semaphore with this payload waits on the host:
// the mark becomes a signal there.
void settle_wsi_mark(Device& device, Semaphore& semaphore, VkSemaphore handle, bool wait) noexcept {
  if (!semaphore.wsi_signaled.exchange(false, std::memory_order_acq_rel)) return;
  std::uint64_t value = 0;
  if (signal_on_host(device, handle, &value) == VK_SUCCESS && wait) {
    device.queues.front()->wait(value, Deadline::never());
  }
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkGetSemaphoreFdKHR(VkDevice device, const VkSemaphoreGetFdInfoKHR* pGetFdInfo,
                                                   int* pFd) noexcept {
  Device& self = *Device::from(device);
  if (self.is_lost()) return VK_ERROR_DEVICE_LOST;
  Semaphore* semaphore = Semaphore::from(self, pGetFdInfo->semaphore);
  if (semaphore == nullptr || pGetFdInfo->handleType != VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT) {
    return VK_ERROR_TOO_MANY_OBJECTS;  // not valid: no other handle type was offered
  }
  ExternalHandles& handles = self.session->external_handles();
  handles.collect(*self.channel);
  semaphore->external.store(true, std::memory_order_release);
  settle_wsi_mark(self, *semaphore, pGetFdInfo->semaphore, false);
  const std::uint64_t number = handles.new_number();
  VkResult result = call_viaductExportSemaphore(*self.channel, device, pGetFdInfo->semaphore, number);
  if (result == VK_ERROR_DEVICE_LOST) self.latch_lost();
  if (result != VK_SUCCESS) return result;
  result = handles.hand_out({Kind::kSemaphore, number, semaphore->type}, pFd);
  if (result != VK_SUCCESS) post_viaductReleasePayload(*self.channel, number);
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkImportSemaphoreFdKHR(VkDevice device, const VkImportSemaphoreFdInfoKHR* pImportSemaphoreFdInfo) noexcept {
  Device& self = *Device::from(device);
  const VkImportSemaphoreFdInfoKHR& info = *pImportSemaphoreFdInfo;
  if (self.is_lost()) return VK_ERROR_DEVICE_LOST;
  Semaphore* semaphore = Semaphore::from(self, info.semaphore);
  ExternalHandles& handles = self.session->external_handles();
  const auto payload = handles.find(info.fd, Kind::kSemaphore);
  if (semaphore == nullptr || !payload || payload->semaphore_type != semaphore->type ||
      info.handleType != VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT) {
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  }
  const bool temporary = (info.flags & VK_SEMAPHORE_IMPORT_TEMPORARY_BIT) != 0;
  // Of the payload that comes back later the mark must not be lost, nor be taken for the imported one's.
  settle_wsi_mark(self, *semaphore, info.semaphore, true);
  const VkResult result =
      call_viaductImportSemaphore(*self.channel, device, info.semaphore, info.flags, payload->number);
  if (result == VK_ERROR_DEVICE_LOST) self.latch_lost();
  if (result != VK_SUCCESS) return result;
  semaphore->external.store(true, std::memory_order_release);
  if (!temporary) semaphore->known_value.store(0, std::memory_order_release);
  ::close(info.fd);  // the driver's from now on
  handles.collect(*self.channel);
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetFenceFdKHR(VkDevice device, const VkFenceGetFdInfoKHR* pGetFdInfo,
                                               int* pFd) noexcept {
  Device& self = *Device::from(device);
  std::shared_ptr<FencePayload> payload = Fence::from(pGetFdInfo->fence)->shared();
  if (payload == nullptr || pGetFdInfo->handleType != VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT) {
    return VK_ERROR_TOO_MANY_OBJECTS;  // not valid: the fence was not made to be exported so
  }
  ExternalHandles& handles = self.session->external_handles();
  handles.collect(*self.channel);
  return handles.hand_out({Kind::kFence, 0, VK_SEMAPHORE_TYPE_BINARY, std::move(payload)}, pFd);
}

VKAPI_ATTR VkResult VKAPI_CALL vkImportFenceFdKHR(VkDevice device,
                                                  const VkImportFenceFdInfoKHR* pImportFenceFdInfo) noexcept {
  Device& self = *Device::from(device);
  const VkImportFenceFdInfoKHR& info = *pImportFenceFdInfo;
  ExternalHandles& handles = self.session->external_handles();
  auto payload = handles.find(info.fd, Kind::kFence);
  if (!payload || info.handleType != VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT) {
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  }
  Fence::from(info.fence)
      ->import(std::move(payload->fence), (info.flags & VK_FENCE_IMPORT_TEMPORARY_BIT) != 0);
  ::close(info.fd);  // the driver's from now on
  handles.collect(*self.channel);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceExternalFenceProperties(
    VkPhysicalDevice, const VkPhysicalDeviceExternalFenceInfo* pExternalFenceInfo,
    VkExternalFenceProperties* pExternalFenceProperties) noexcept {
  constexpr auto kOpaqueFd = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT;
  const bool ours = pExternalFenceInfo->handleType == kOpaqueFd;
  pExternalFenceProperties->exportFromImportedHandleTypes = ours ? kOpaqueFd : 0;
  pExternalFenceProperties->compatibleHandleTypes = ours ? kOpaqueFd : 0;
  pExternalFenceProperties->externalFenceFeatures =
      ours ? VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT : 0;
}

}  // namespace entry
}  // namespace viaduct::guest
