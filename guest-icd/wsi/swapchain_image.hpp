// One image of a swapchain: the host's image that the application renders to, a buffer in mapped memory that
// the finished pixels are copied to, and the copy recorded once for every queue family that presents. Where
// the device renders in mapped memory as well as elsewhere (software drivers), the image itself lies there:
// it is *direct*, and in the copy's place is a barrier. Of a swapchain whose pixels nobody sees (headless)
// none is copied.
//
// Made and destroyed by the swapchain; between, record_copy() is called under the queue's external
// synchronisation, and frame() after the copy's fence was waited for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "guest-icd/wsi/pixels.hpp"
#include "guest-icd/wsi/swapchain_device.hpp"

namespace viaduct::guest::wsi {

class SwapchainImage {
 public:
  SwapchainImage() = default;
  SwapchainImage(const SwapchainImage&) = delete;
  SwapchainImage& operator=(const SwapchainImage&) = delete;

  /// VK_SUCCESS or what failed; destroy() is needed either way.
  VkResult create(SwapchainDevice& device, const VkSwapchainCreateInfoKHR& info, bool seen) noexcept;
  /// Nothing of it may be executing any more.
  void destroy(SwapchainDevice& device) noexcept;

  VkImage image() const noexcept { return image_; }
  VkDeviceMemory memory() const noexcept { return image_memory_; }
  VkImageTiling tiling() const noexcept {
    return way_ == Way::direct ? VK_IMAGE_TILING_LINEAR : VK_IMAGE_TILING_OPTIMAL;
  }
  VkFence copied() const noexcept { return copied_; }
  /// The copy, for queues of this family; recorded at the first use into `pool`.
  VkResult copy_commands(SwapchainDevice& device, std::uint32_t family, VkCommandPool pool,
                         VkCommandBuffer& out) noexcept;
  /// The pixels of the copy that was made last; null if nobody sees them.
  FrameView frame(SwapchainDevice& device) noexcept;

 private:
  enum class Way { copied, direct, unseen };
  struct FamilyCopy {
    std::uint32_t family;
    VkCommandBuffer commands;
  };

  VkResult create_image(SwapchainDevice& device, const VkSwapchainCreateInfoKHR& info) noexcept;
  VkResult allocate_image(SwapchainDevice& device) noexcept;
  VkResult create_buffer(SwapchainDevice& device) noexcept;
  VkResult map(SwapchainDevice& device, VkDeviceMemory memory, std::uint32_t type) noexcept;
  VkResult record(SwapchainDevice& device, VkCommandBuffer commands) noexcept;

  VkExtent2D extent_{};
  PixelOrder order_ = PixelOrder::bgra;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory image_memory_ = VK_NULL_HANDLE;
  Way way_ = Way::copied;
  VkBuffer buffer_ = VK_NULL_HANDLE;  ///< null like its memory unless the pixels are copied
  VkDeviceMemory buffer_memory_ = VK_NULL_HANDLE;
  bool coherent_ = true;
  bool cached_ = true;
  std::unique_ptr<std::byte[]> staged_;  ///< the frame, where mapped memory is slow to read
  const std::byte* pixels_ = nullptr;
  std::size_t row_pitch_ = 0;
  VkFence copied_ = VK_NULL_HANDLE;
  std::vector<FamilyCopy> copies_;
};

}  // namespace viaduct::guest::wsi
