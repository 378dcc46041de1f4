// VkSwapchainKHR: lives in the guest only, the handle is the object's address and never crosses the wire.
//
// An image is handed out only when nothing uses it any more: its pixels were copied, the copy was waited for,
// and they were shown or dropped. So an acquire that finds a free image has nothing to wait for, and marks
// the semaphore and fence as signalled at once.
//
// A window whose size changed: the frame presented next is still shown and told VK_SUBOPTIMAL_KHR; acquires
// return VK_ERROR_OUT_OF_DATE_KHR, and after one did, so do presents. A swapchain with a scaling behaviour
// fits every window: presents are told VK_SUBOPTIMAL_KHR while the window has another size than it had when
// the swapchain was made, nothing is out of date. A retired swapchain is out of date for acquires; what was
// acquired before may be presented.
//
// acquire() and wait_for_present() may be called from any thread (the swapchain is externally synchronised,
// as the specification has it, except for the latter, but nothing breaks here); the present functions under
// the queue's external synchronisation.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "guest-icd/wsi/presenter.hpp"
#include "guest-icd/wsi/surface.hpp"

namespace viaduct::guest::wsi {

class Swapchain {
 public:
  /// VK_SUCCESS, out of memory, VK_ERROR_SURFACE_LOST_KHR, VK_ERROR_NATIVE_WINDOW_IN_USE_KHR,
  /// VK_ERROR_INITIALIZATION_FAILED (an extent of nothing), or what the device's functions return.
  /// info.oldSwapchain is retired whatever comes of it.
  static VkResult create(std::unique_ptr<SwapchainDevice> device, const VkSwapchainCreateInfoKHR& info,
                         std::unique_ptr<Swapchain>& out) noexcept;
  ~Swapchain();
  Swapchain(const Swapchain&) = delete;
  Swapchain& operator=(const Swapchain&) = delete;

  static Swapchain* from(VkSwapchainKHR handle) noexcept { return reinterpret_cast<Swapchain*>(handle); }
  VkSwapchainKHR handle() noexcept { return reinterpret_cast<VkSwapchainKHR>(this); }

  SwapchainDevice& device() noexcept { return *device_; }
  std::uint32_t image_count() const noexcept { return count_; }
  const SwapchainImage& image(std::uint32_t index) const noexcept { return images_[index]; }

  VkResult acquire(std::uint64_t timeout_ns, VkSemaphore semaphore, VkFence fence,
                   std::uint32_t& index) noexcept;

  /// An acquired image is given back without being shown.
  void release(std::uint32_t index) noexcept {
    if (index < count_) free_images_->give(index);
  }
  /// VK_SUCCESS, or the reason why an acquire would fail.
  VkResult status() noexcept { return acquirable(); }
  /// vkWaitForPresentKHR: VK_SUCCESS once a frame with this id or a greater one was shown, VK_TIMEOUT,
  /// VK_ERROR_DEVICE_LOST, VK_ERROR_SURFACE_LOST_KHR, or VK_ERROR_OUT_OF_DATE_KHR when no frame with such an
  /// id is on its way in a swapchain that is out of date.
  VkResult wait_for_present(std::uint64_t id, std::uint64_t timeout_ns) noexcept;

  /// How its images are made: what is to share their memory is made likewise.
  VkImageTiling tiling() const noexcept { return images_[0].tiling(); }

  struct Copy {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;  ///< reset; to be signalled by the submission of the commands
  };
  /// What is to be submitted so that the image's pixels reach the window.
  VkResult begin_present(std::uint32_t queue_family, std::uint32_t index, Copy& out) noexcept;
  struct PresentOptions {
    std::optional<VkPresentModeKHR> mode;  ///< from this frame on; the same as before when there is none
    std::uint64_t id = 0;                  ///< VkPresentIdKHR's; 0: none
  };
  /// The copy was submitted: the image is queued. VK_SUCCESS, VK_SUBOPTIMAL_KHR, VK_ERROR_OUT_OF_DATE_KHR,
  /// VK_ERROR_SURFACE_LOST_KHR or VK_ERROR_DEVICE_LOST.
  VkResult end_present(std::uint32_t index, const PresentOptions& options) noexcept;

 private:
  Swapchain(std::unique_ptr<SwapchainDevice> device, Surface& surface,
            const VkSwapchainCreateInfoKHR& info) noexcept;
  VkResult initialise(const VkSwapchainCreateInfoKHR& info) noexcept;
  VkResult make_target(const VkSwapchainCreateInfoKHR& info) noexcept;
  VkResult pool_for(std::uint32_t queue_family, VkCommandPool& out) noexcept;
  VkResult acquirable() noexcept;
  bool fits() const noexcept;
  void retire() noexcept;

  std::unique_ptr<SwapchainDevice> device_;
  Surface& surface_;
  Extent extent_;
  VkPresentModeKHR mode_;  ///< of the next present that names none
  bool scaled_ = false;    ///< VkSwapchainPresentScalingCreateInfoEXT with a behaviour
  Extent window_at_creation_;
  std::atomic<bool> retired_{false};
  std::atomic<bool> told_out_of_date_{false};
  std::map<std::uint32_t, VkCommandPool> pools_;  ///< by queue family

  // Destroyed from the bottom up: the presenter's thread ends first.
  WakeFd wake_;
  std::uint32_t count_ = 0;
  std::unique_ptr<SwapchainImage[]> images_;
  std::optional<FreeImages> free_images_;
  PresentIds present_ids_;
  std::unique_ptr<PresentTarget> target_;
  std::optional<Presenter> presenter_;
};

/// vkQueuePresentKHR: one submission that waits for the semaphores and copies every image.
VkResult present(VkQueue queue, const VkPresentInfoKHR& info) noexcept;

}  // namespace viaduct::guest::wsi
