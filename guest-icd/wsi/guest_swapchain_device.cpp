#include "guest-icd/wsi/guest_swapchain_device.hpp"

#include "base/switches.hpp"
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
  // A software driver renders in the processor's memory wherever an image lies; a GPU would render through
  // the bus.
  const PhysicalDevice& physical = *device.physical;
  if (physical.facts.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU && !physical.instance->as_cpu &&
      perf_enabled(PerfSwitch::direct_frames)) {
    direct_type_bits = physical.arena_type_bits & ~physical.shadowed_type_bits;
  }
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

bool GuestSwapchainDevice::can_be_direct(const VkImageCreateInfo& info) const noexcept {
  if (direct_type_bits == 0) return false;
  VkFormatProperties format{};
  entry::vkGetPhysicalDeviceFormatProperties(device_.physical->handle(), info.format, &format);
  if ((format.optimalTilingFeatures & ~format.linearTilingFeatures) != 0) return false;
  VkImageFormatProperties limits{};
  return entry::vkGetPhysicalDeviceImageFormatProperties(device_.physical->handle(), info.format,
                                                         info.imageType, VK_IMAGE_TILING_LINEAR, info.usage,
                                                         info.flags, &limits) == VK_SUCCESS &&
         limits.maxExtent.width >= info.extent.width && limits.maxExtent.height >= info.extent.height &&
         limits.maxArrayLayers >= info.arrayLayers;
}

void GuestSwapchainDevice::count_frame(VkQueue queue) noexcept { post_present_marker(*Queue::from(queue)); }

}  // namespace viaduct::guest::wsi
