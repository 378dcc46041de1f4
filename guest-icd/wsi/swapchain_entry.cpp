// Entry points of VkSwapchainKHR and of presentation. Swapchains live here: none of these reaches the host.
#include <algorithm>
#include <memory>
#include <new>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/private_data.hpp"
#include "guest-icd/wsi/guest_swapchain_device.hpp"
#include "guest-icd/wsi/swapchain.hpp"

namespace viaduct::guest::entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateSwapchainKHR(VkDevice device,
                                                    const VkSwapchainCreateInfoKHR* pCreateInfo,
                                                    const VkAllocationCallbacks*,
                                                    VkSwapchainKHR* pSwapchain) noexcept {
  std::unique_ptr<wsi::SwapchainDevice> below(new (std::nothrow)
                                                  wsi::GuestSwapchainDevice(*Device::from(device)));
  if (below == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  if (below->lost()) return VK_ERROR_DEVICE_LOST;
  std::unique_ptr<wsi::Swapchain> made;
  const VkResult result = wsi::Swapchain::create(std::move(below), *pCreateInfo, made);
  *pSwapchain = result == VK_SUCCESS ? made.release()->handle() : VK_NULL_HANDLE;
  return result;
}

VKAPI_ATTR void VKAPI_CALL vkDestroySwapchainKHR(VkDevice, VkSwapchainKHR swapchain,
                                                 const VkAllocationCallbacks*) noexcept {
  if (swapchain == VK_NULL_HANDLE) return;
  forget_private_data(protocol::id_of(swapchain));
  delete wsi::Swapchain::from(swapchain);
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetSwapchainImagesKHR(VkDevice, VkSwapchainKHR swapchain,
                                                       uint32_t* pSwapchainImageCount,
                                                       VkImage* pSwapchainImages) noexcept {
  const wsi::Swapchain& self = *wsi::Swapchain::from(swapchain);
  if (pSwapchainImages == nullptr) {
    *pSwapchainImageCount = self.image_count();
    return VK_SUCCESS;
  }
  const std::uint32_t room = *pSwapchainImageCount;
  *pSwapchainImageCount = std::min(room, self.image_count());
  for (std::uint32_t i = 0; i < *pSwapchainImageCount; ++i) pSwapchainImages[i] = self.image(i).image();
  return room < self.image_count() ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkAcquireNextImageKHR(VkDevice, VkSwapchainKHR swapchain, uint64_t timeout,
                                                     VkSemaphore semaphore, VkFence fence,
                                                     uint32_t* pImageIndex) noexcept {
  return wsi::Swapchain::from(swapchain)->acquire(timeout, semaphore, fence, *pImageIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL vkAcquireNextImage2KHR(VkDevice, const VkAcquireNextImageInfoKHR* pAcquireInfo,
                                                      uint32_t* pImageIndex) noexcept {
  return wsi::Swapchain::from(pAcquireInfo->swapchain)
      ->acquire(pAcquireInfo->timeout, pAcquireInfo->semaphore, pAcquireInfo->fence, *pImageIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL vkQueuePresentKHR(VkQueue queue,
                                                 const VkPresentInfoKHR* pPresentInfo) noexcept {
  return wsi::present(queue, *pPresentInfo);
}

VKAPI_ATTR VkResult VKAPI_CALL vkWaitForPresentKHR(VkDevice, VkSwapchainKHR swapchain, uint64_t presentId,
                                                   uint64_t timeout) noexcept {
  return wsi::Swapchain::from(swapchain)->wait_for_present(presentId, timeout);
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetSwapchainStatusKHR(VkDevice, VkSwapchainKHR swapchain) noexcept {
  return wsi::Swapchain::from(swapchain)->status();
}

VKAPI_ATTR VkResult VKAPI_CALL
vkReleaseSwapchainImagesEXT(VkDevice, const VkReleaseSwapchainImagesInfoEXT* pReleaseInfo) noexcept {
  wsi::Swapchain& self = *wsi::Swapchain::from(pReleaseInfo->swapchain);
  for (std::uint32_t i = 0; i < pReleaseInfo->imageIndexCount; ++i)
    self.release(pReleaseInfo->pImageIndices[i]);
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetDeviceGroupPresentCapabilitiesKHR(
    VkDevice, VkDeviceGroupPresentCapabilitiesKHR* pCapabilities) noexcept {
  // A swapchain's pixels leave through one device's memory: the first's.
  std::fill(std::begin(pCapabilities->presentMask), std::end(pCapabilities->presentMask), 0u);
  pCapabilities->presentMask[0] = 1;
  pCapabilities->modes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetDeviceGroupSurfacePresentModesKHR(
    VkDevice, VkSurfaceKHR, VkDeviceGroupPresentModeFlagsKHR* pModes) noexcept {
  *pModes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
  return VK_SUCCESS;
}

}  // namespace viaduct::guest::entry
