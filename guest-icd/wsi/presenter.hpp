// The present thread of one swapchain: takes images whose copies were submitted, waits for the copies, shows
// the pixels as the present mode wants it, and gives the images back.
//
// FIFO shows every frame, no two within one beat of the display. MAILBOX shows the newest finished frame at
// the next beat and gives older ones back at once. IMMEDIATE shows the newest finished frame without waiting
// for a beat. A retired or ending swapchain waits for no beat. The thread starts with the first frame.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "guest-icd/wsi/free_images.hpp"
#include "guest-icd/wsi/present_target.hpp"
#include "guest-icd/wsi/swapchain_device.hpp"
#include "guest-icd/wsi/swapchain_image.hpp"

namespace viaduct::guest::wsi {

class Presenter {
 public:
  /// What it is given outlives it. `images` and `free_images` belong to the same swapchain.
  Presenter(SwapchainDevice& device, PresentTarget& target, WakeFd& wake, std::span<SwapchainImage> images,
            FreeImages& free_images, VkPresentModeKHR mode) noexcept;
  ~Presenter();
  Presenter(const Presenter&) = delete;
  Presenter& operator=(const Presenter&) = delete;

  /// VK_SUCCESS or VK_ERROR_OUT_OF_HOST_MEMORY. Externally synchronised, as is push().
  VkResult start() noexcept;
  /// The image's copy was submitted with its fence. start() has succeeded.
  void push(std::uint32_t index) noexcept;
  /// From now on frames are shown as they finish. Any thread.
  void retire() noexcept;
  /// Waits for every copy, shows the newest frame, ends the thread.
  void finish() noexcept;

 private:
  void run() noexcept;
  void collect() noexcept;
  void sort_finished() noexcept;
  void wait_for_copy(std::uint64_t timeout_ns) noexcept;
  void give_back_front() noexcept;
  bool newest_only() const noexcept;
  bool paced() const noexcept;

  SwapchainDevice& device_;
  PresentTarget& target_;
  WakeFd& wake_;
  std::span<SwapchainImage> images_;
  FreeImages& free_images_;
  VkPresentModeKHR mode_;
  std::atomic<bool> retired_{false};

  std::mutex mutex_;
  std::deque<std::uint32_t> pushed_;  ///< guarded by mutex_; the two below belong to the thread
  std::deque<std::uint32_t> copying_;
  std::deque<std::uint32_t> ready_;
  bool device_failed_ = false;

  std::unique_ptr<std::thread> thread_;
  pid_t owner_ = 0;  ///< the thread does not exist in a forked child
};

}  // namespace viaduct::guest::wsi
