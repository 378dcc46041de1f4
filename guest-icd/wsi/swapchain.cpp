#include "guest-icd/wsi/swapchain.hpp"

#include <algorithm>
#include <new>

#include "guest-icd/wsi/chain.hpp"

namespace viaduct::guest::wsi {

Swapchain::Swapchain(std::unique_ptr<SwapchainDevice> device, Surface& surface,
                     const VkSwapchainCreateInfoKHR& info) noexcept
    : device_(std::move(device)),
      surface_(surface),
      extent_{info.imageExtent.width, info.imageExtent.height},
      mode_(info.presentMode) {}

VkResult Swapchain::create(std::unique_ptr<SwapchainDevice> device, const VkSwapchainCreateInfoKHR& info,
                           std::unique_ptr<Swapchain>& out) noexcept {
  Surface& surface = *Surface::from(info.surface);
  if (Swapchain* old = from(info.oldSwapchain); old != nullptr) old->retire();
  if (info.imageExtent.width == 0 || info.imageExtent.height == 0) return VK_ERROR_INITIALIZATION_FAILED;
  std::unique_ptr<Swapchain> made(new (std::nothrow) Swapchain(std::move(device), surface, info));
  if (made == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  Swapchain* nobody = nullptr;
  if (!surface.swapchain.compare_exchange_strong(nobody, made.get()))
    return VK_ERROR_NATIVE_WINDOW_IN_USE_KHR;
  if (const VkResult result = made->initialise(info); result != VK_SUCCESS) return result;
  out = std::move(made);
  return VK_SUCCESS;
}

VkResult Swapchain::initialise(const VkSwapchainCreateInfoKHR& info) noexcept {
  if (!wake_) return VK_ERROR_OUT_OF_HOST_MEMORY;
  const std::uint32_t count = std::max(info.minImageCount, 2u);
  try {
    free_images_.emplace(count);
    images_ = std::make_unique<SwapchainImage[]>(count);
  } catch (const std::exception&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  if (const VkResult result = make_target(info); result != VK_SUCCESS) return result;
  while (count_ < count) {
    if (const VkResult result = images_[count_++].create(*device_, info, target_->wants_pixels());
        result != VK_SUCCESS)
      return result;
  }
  try {
    presenter_.emplace(*device_, *target_, wake_, std::span(images_.get(), count_), *free_images_,
                       present_ids_);
  } catch (const std::exception&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  return VK_SUCCESS;
}

VkResult Swapchain::make_target(const VkSwapchainCreateInfoKHR& info) noexcept {
  TargetOptions options;
  options.extent = extent_;
  options.opaque = info.compositeAlpha == VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  const auto* scaling = find_in_chain<VkSwapchainPresentScalingCreateInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_SWAPCHAIN_PRESENT_SCALING_CREATE_INFO_EXT);
  if (scaling != nullptr && scaling->scalingBehavior != 0) {
    scaled_ = true;
    options.gravity_x = scaling->presentGravityX;
    options.gravity_y = scaling->presentGravityY;
  }
  const VkResult result = surface_.make_target(options, wake_, target_);
  if (result == VK_SUCCESS) window_at_creation_ = target_->window_extent();
  return result;
}

Swapchain::~Swapchain() {
  presenter_.reset();
  target_.reset();
  for (std::uint32_t i = 0; i < count_; ++i) images_[i].destroy(*device_);
  for (const auto& [family, pool] : pools_) device_->vkDestroyCommandPool(device_->handle, pool, nullptr);
  Swapchain* self = this;
  surface_.swapchain.compare_exchange_strong(self, nullptr);
}

void Swapchain::retire() noexcept {
  retired_.store(true, std::memory_order_release);
  Swapchain* self = this;
  surface_.swapchain.compare_exchange_strong(self, nullptr);
  if (presenter_) presenter_->retire();
  if (free_images_) free_images_->notify();
  present_ids_.notify();
}

VkResult Swapchain::acquirable() noexcept {
  if (device_->lost()) return VK_ERROR_DEVICE_LOST;
  if (target_->lost()) return VK_ERROR_SURFACE_LOST_KHR;
  if (retired_.load(std::memory_order_acquire)) return VK_ERROR_OUT_OF_DATE_KHR;
  if (scaled_ || fits()) return VK_SUCCESS;
  told_out_of_date_.store(true, std::memory_order_release);
  return VK_ERROR_OUT_OF_DATE_KHR;
}

bool Swapchain::fits() const noexcept { return !target_->differs(scaled_ ? window_at_creation_ : extent_); }

VkResult Swapchain::acquire(std::uint64_t timeout_ns, VkSemaphore semaphore, VkFence fence,
                            std::uint32_t& index) noexcept {
  const VkResult result = free_images_->take(
      timeout_ns, [this] { return acquirable(); }, index);
  if (result != VK_SUCCESS) return result;
  const VkResult signaled = device_->signal_acquired(semaphore, fence);
  if (signaled != VK_SUCCESS) free_images_->give(index);
  return signaled;
}

VkResult Swapchain::pool_for(std::uint32_t queue_family, VkCommandPool& out) noexcept {
  if (const auto found = pools_.find(queue_family); found != pools_.end()) {
    out = found->second;
    return VK_SUCCESS;
  }
  const VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, queue_family};
  const VkResult result = device_->vkCreateCommandPool(device_->handle, &info, nullptr, &out);
  if (result != VK_SUCCESS) return result;
  try {
    pools_.emplace(queue_family, out);
  } catch (const std::bad_alloc&) {
    device_->vkDestroyCommandPool(device_->handle, out, nullptr);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  return VK_SUCCESS;
}

VkResult Swapchain::begin_present(std::uint32_t queue_family, std::uint32_t index, Copy& out) noexcept {
  if (index >= count_) return VK_ERROR_OUT_OF_DATE_KHR;  // invalid use; must not reach memory
  if (const VkResult result = presenter_->start(); result != VK_SUCCESS) return result;
  VkCommandPool pool = VK_NULL_HANDLE;
  if (const VkResult result = pool_for(queue_family, pool); result != VK_SUCCESS) return result;
  SwapchainImage& image = images_[index];
  if (const VkResult result = image.copy_commands(*device_, queue_family, pool, out.commands);
      result != VK_SUCCESS) {
    return result;
  }
  out.fence = image.copied();
  return device_->vkResetFences(device_->handle, 1, &out.fence);
}

VkResult Swapchain::end_present(std::uint32_t index, const PresentOptions& options) noexcept {
  if (options.mode) mode_ = *options.mode;
  presenter_->push({index, mode_, options.id});
  if (device_->lost()) return VK_ERROR_DEVICE_LOST;
  if (target_->lost()) return VK_ERROR_SURFACE_LOST_KHR;
  if (fits()) return VK_SUCCESS;
  return told_out_of_date_.load(std::memory_order_acquire) ? VK_ERROR_OUT_OF_DATE_KHR : VK_SUBOPTIMAL_KHR;
}

VkResult Swapchain::wait_for_present(std::uint64_t id, std::uint64_t timeout_ns) noexcept {
  return present_ids_.wait(id, timeout_ns, [this](bool queued) {
    if (device_->lost()) return VK_ERROR_DEVICE_LOST;
    if (target_->lost()) return VK_ERROR_SURFACE_LOST_KHR;
    const bool out_of_date =
        retired_.load(std::memory_order_acquire) || told_out_of_date_.load(std::memory_order_acquire);
    return !queued && out_of_date ? VK_ERROR_OUT_OF_DATE_KHR : VK_SUCCESS;
  });
}

}  // namespace viaduct::guest::wsi
