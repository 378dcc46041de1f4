// Entry points of VK_KHR_external_memory_fd. The host's driver exports, and the host keeps what it exported;
// an import is an allocation (memory.cpp).
#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/external_handles.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest::entry {

VKAPI_ATTR VkResult VKAPI_CALL vkGetMemoryFdKHR(VkDevice device, const VkMemoryGetFdInfoKHR* pGetFdInfo,
                                                int* pFd) noexcept {
  Device& self = *Device::from(device);
  if (self.is_lost()) return VK_ERROR_DEVICE_LOST;
  if (pGetFdInfo->handleType != VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT) {
    return VK_ERROR_TOO_MANY_OBJECTS;  // not valid: no other handle type was offered
  }
  ExternalHandles& handles = self.session->external_handles();
  handles.collect(*self.channel);
  const std::uint64_t number = handles.new_number();
  VkResult result = call_viaductExportMemory(*self.channel, device, pGetFdInfo->memory, number);
  if (result == VK_ERROR_DEVICE_LOST) self.latch_lost();
  if (result != VK_SUCCESS) return result;
  result = handles.hand_out({ExternalPayload::Kind::kMemory, number}, pFd);
  if (result != VK_SUCCESS) post_viaductReleasePayload(*self.channel, number);
  return result;
}

// Not to be asked about opaque descriptors, and there are no others.
VKAPI_ATTR VkResult VKAPI_CALL vkGetMemoryFdPropertiesKHR(VkDevice, VkExternalMemoryHandleTypeFlagBits, int,
                                                          VkMemoryFdPropertiesKHR*) noexcept {
  return VK_ERROR_INVALID_EXTERNAL_HANDLE;
}

}  // namespace viaduct::guest::entry
