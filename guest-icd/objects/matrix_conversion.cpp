// The entry point that converts a cooperative vector's matrix in the application's own memory
// (VK_NV_cooperative_vector). The host cannot see that memory, so the bytes travel both ways. Applications
// also ask here how much memory a conversion on the device needs.
#include <vulkan/vulkan.h>

#ifdef VK_NV_cooperative_vector

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

// Without `data` a question for the size.
VkResult convert(Device& device, const VkConvertCooperativeVectorMatrixInfoNV& info, std::size_t& size,
                 void* data) noexcept {
  const void* source = data != nullptr ? info.srcData.hostAddress : nullptr;
  const VkResult result = call_viaductConvertCooperativeVectorMatrix(
      *device.channel, device.handle(), static_cast<std::uint32_t>(info.srcComponentType),
      static_cast<std::uint32_t>(info.dstComponentType), info.numRows, info.numColumns,
      static_cast<std::uint32_t>(info.srcLayout), static_cast<std::uint32_t>(info.dstLayout), info.srcStride,
      info.dstStride, source != nullptr ? info.srcSize : 0, source, &size, data);
  // Loss is no result of this call; the next submission tells.
  return result == VK_ERROR_DEVICE_LOST ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkConvertCooperativeVectorMatrixNV(
    VkDevice device, const VkConvertCooperativeVectorMatrixInfoNV* pInfo) noexcept {
  Device& self = *Device::from(device);
  std::size_t size = 0;
  VkResult result = convert(self, *pInfo, size, nullptr);
  if (result != VK_SUCCESS) return result;
  if (pInfo->dstData.hostAddress != nullptr) {
    // The application's room may be far more than what travels.
    if (*pInfo->pDstSize < size) {
      *pInfo->pDstSize = 0;
      return VK_INCOMPLETE;
    }
    result = convert(self, *pInfo, size, pInfo->dstData.hostAddress);
    if (result < 0) return result;
  }
  *pInfo->pDstSize = size;
  return result;
}

}  // namespace entry
}  // namespace viaduct::guest

#endif
