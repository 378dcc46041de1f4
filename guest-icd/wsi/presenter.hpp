// The present thread of one swapchain: takes images whose copies were submitted, waits for the copies, shows
// the pixels as each frame's present mode wants it, and gives the images back.
//
// FIFO shows every frame, no two within one beat of the display. MAILBOX shows the newest finished frame at
// the next beat and gives older ones back at once. IMMEDIATE shows the newest finished frame without waiting
// for a beat. The mode is the frame's: a frame in FIFO is shown at its beat whatever the frames after it
// want, one in MAILBOX that still waits is replaced by any (VkSwapchainPresentModeInfoEXT's rules). A retired
// or ending swapchain waits for no beat. The thread starts with the first frame; no frame allocates.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "guest-icd/wsi/frame_queue.hpp"
#include "guest-icd/wsi/free_images.hpp"
#include "guest-icd/wsi/present_ids.hpp"
#include "guest-icd/wsi/present_target.hpp"
#include "guest-icd/wsi/swapchain_device.hpp"
#include "guest-icd/wsi/swapchain_image.hpp"

namespace viaduct::guest::wsi {

class Presenter {
 public:
  /// What it is given outlives it. `images`, `free_images` and `ids` belong to the same swapchain. May throw
  /// std::bad_alloc; nothing later does.
  Presenter(SwapchainDevice& device, PresentTarget& target, WakeFd& wake, std::span<SwapchainImage> images,
            FreeImages& free_images, PresentIds& ids);
  ~Presenter();
  Presenter(const Presenter&) = delete;
  Presenter& operator=(const Presenter&) = delete;

  /// VK_SUCCESS or VK_ERROR_OUT_OF_HOST_MEMORY. Externally synchronised, as is push().
  VkResult start() noexcept;
  /// The image's copy was submitted with its fence. start() has succeeded.
  void push(const QueuedFrame& frame) noexcept;
  /// From now on frames are shown as they finish. Any thread.
  void retire() noexcept;
  /// Waits for every copy, shows the newest frame, ends the thread.
  void finish() noexcept;

 private:
  void run() noexcept;
  void collect() noexcept;
  void sort_finished() noexcept;
  void wait_for_copy(std::uint64_t timeout_ns) noexcept;
  void show_front() noexcept;
  void give_back_front() noexcept;
  bool replaces(const QueuedFrame& newer, const QueuedFrame& older) const noexcept;
  bool paced(const QueuedFrame& frame) const noexcept;

  SwapchainDevice& device_;
  PresentTarget& target_;
  WakeFd& wake_;
  std::span<SwapchainImage> images_;
  FreeImages& free_images_;
  PresentIds& ids_;
  std::atomic<bool> retired_{false};

  std::mutex mutex_;
  FrameQueue pushed_;  ///< guarded by mutex_; what is below belongs to the thread
  FrameQueue copying_;
  FrameQueue ready_;
  std::uint64_t reached_id_ = 0;  ///< the greatest present id of a frame that was shown or dropped

  std::unique_ptr<std::thread> thread_;
  pid_t owner_ = 0;  ///< the thread does not exist in a forked child
};

}  // namespace viaduct::guest::wsi
