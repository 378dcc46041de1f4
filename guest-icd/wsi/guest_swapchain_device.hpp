// A swapchain's view of this driver: its own entry points, called as an application would, and its knowledge
// of queues and of the worker's death.
#pragma once

#include "guest-icd/objects/device.hpp"
#include "guest-icd/wsi/swapchain_device.hpp"

namespace viaduct::guest::wsi {

class GuestSwapchainDevice final : public SwapchainDevice {
 public:
  /// The device outlives it.
  explicit GuestSwapchainDevice(Device& device) noexcept;

  bool lost() const noexcept override;
  VkResult signal_acquired(VkSemaphore semaphore, VkFence fence) noexcept override;
  VkResult submit(VkQueue queue, const VkSubmitInfo* batch,
                  std::span<const VkFence> fences) noexcept override;
  std::uint32_t family_of(VkQueue queue) const noexcept override;
  void count_frame(VkQueue queue) noexcept override;
  bool can_be_direct(const VkImageCreateInfo& info) const noexcept override;

 private:
  Device& device_;
};

}  // namespace viaduct::guest::wsi
