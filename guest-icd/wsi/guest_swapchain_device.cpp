#include "guest-icd/wsi/guest_swapchain_device.hpp"

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/fence.hpp"
#include "guest-icd/queue/queue.hpp"
#include "guest-icd/queue/submit.hpp"
#include "guest-icd/session/channel.hpp"

namespace viaduct::guest::wsi {

GuestSwapchainDevice::GuestSwapchainDevice(Device& device) noexcept : device_(device) {
  handle = device.handle();
  entry::vkGetPhysicalDeviceMemoryProperties(device.physical->handle(), &memory);
#define VIADUCT_SET(name) name = &entry::name;
  VIADUCT_SWAPCHAIN_FUNCTIONS(VIADUCT_SET)
#undef VIADUCT_SET
  // A swapchain's own thread waits: the application's callbacks are not for it.
  vkWaitForFences = &wait_for_fences;
}

bool GuestSwapchainDevice::lost() const noexcept {
  if (device_.is_lost()) return true;
  if (!device_.channel->check_lost()) return false;
  device_.latch_lost();
  return true;
}

VkResult GuestSwapchainDevice::signal_acquired(VkSemaphore semaphore, VkFence fence) noexcept {
  signal_from_wsi(device_, semaphore, fence);
  return VK_SUCCESS;
}

VkResult GuestSwapchainDevice::submit(VkQueue queue, const VkSubmitInfo* batch,
                                      std::span<const VkFence> fences) noexcept {
  // One submission to the host whatever the number of fences: all of them are its completion value.
  Queue& self = *Queue::from(queue);
  std::uint64_t value = 0;
  const VkResult result = guest::submit(self, batch != nullptr ? 1 : 0, batch,
                                        fences.empty() ? nullptr : Fence::from(fences.front()), &value);
  if (result != VK_SUCCESS || fences.size() < 2) return result;
  for (const VkFence fence : fences.subspan(1)) Fence::from(fence)->assign(self, value);
  device_.channel->reconsider();  // another thread may wait for one of them already, and the work be done
  return VK_SUCCESS;
}

std::uint32_t GuestSwapchainDevice::family_of(VkQueue queue) const noexcept {
  return Queue::from(queue)->family;
}

void GuestSwapchainDevice::count_frame(VkQueue queue) noexcept { post_present_marker(*Queue::from(queue)); }

}  // namespace viaduct::guest::wsi
