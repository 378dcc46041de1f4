#include "guest-icd/wsi/presenter.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <system_error>

#include "base/clock.hpp"

namespace viaduct::guest::wsi {
namespace {

constexpr std::uint64_t kCopySlice = 500'000'000;
/// While a finished frame waits for its beat and newer ones are being copied, both are looked at this often.
constexpr std::uint64_t kMailboxSlice = 1'000'000;

}  // namespace

Presenter::Presenter(SwapchainDevice& device, PresentTarget& target, WakeFd& wake,
                     std::span<SwapchainImage> images, FreeImages& free_images, PresentIds& ids)
    : device_(device),
      target_(target),
      wake_(wake),
      images_(images),
      free_images_(free_images),
      ids_(ids),
      pushed_(images.size()),
      copying_(images.size()),
      ready_(images.size()) {}

Presenter::~Presenter() { finish(); }

VkResult Presenter::start() noexcept {
  if (thread_ != nullptr) return VK_SUCCESS;
  // Signals belong to the application's threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  VkResult result = VK_SUCCESS;
  try {
    owner_ = ::getpid();
    thread_ = std::make_unique<std::thread>([this] { run(); });
    ::pthread_setname_np(thread_->native_handle(), "viaduct-present");
  } catch (const std::exception&) {
    result = VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

void Presenter::push(const QueuedFrame& frame) noexcept {
  ids_.queue(frame.present_id);
  {
    const std::lock_guard lock(mutex_);
    if (!pushed_.push(frame)) return;
  }
  wake_.signal();
}

void Presenter::retire() noexcept {
  retired_.store(true, std::memory_order_release);
  wake_.signal();
}

void Presenter::finish() noexcept {
  if (thread_ == nullptr) return;
  if (owner_ != ::getpid()) {
    static_cast<void>(thread_.release());
    return;
  }
  wake_.end();
  thread_->join();
  thread_.reset();
}

bool Presenter::replaces(const QueuedFrame& newer, const QueuedFrame& older) const noexcept {
  if (wake_.ending() || older.mode == VK_PRESENT_MODE_MAILBOX_KHR) return true;
  return older.mode == VK_PRESENT_MODE_IMMEDIATE_KHR &&
         (newer.mode == VK_PRESENT_MODE_IMMEDIATE_KHR || newer.mode == VK_PRESENT_MODE_MAILBOX_KHR);
}

bool Presenter::paced(const QueuedFrame& frame) const noexcept {
  return frame.mode != VK_PRESENT_MODE_IMMEDIATE_KHR && !retired_.load(std::memory_order_acquire) &&
         !wake_.ending();
}

void Presenter::collect() noexcept {
  wake_.clear();
  const std::lock_guard lock(mutex_);
  for (; !pushed_.empty(); pushed_.pop()) copying_.push(pushed_.front());
}

void Presenter::wait_for_copy(std::uint64_t timeout_ns) noexcept {
  const VkFence fence = images_[copying_.front().image].copied();
  const VkResult result = device_.vkWaitForFences(device_.handle, 1, &fence, VK_TRUE, timeout_ns);
  if (result == VK_TIMEOUT) return;
  if (result != VK_SUCCESS) {
    // Lost: no copy will finish. The images go back, and acquire and present report the loss.
    for (; !copying_.empty(); copying_.pop()) free_images_.give(copying_.front().image);
    for (; !ready_.empty(); ready_.pop()) free_images_.give(ready_.front().image);
    free_images_.notify();
    ids_.notify();
    return;
  }
  ready_.push(copying_.front());
  copying_.pop();
}

void Presenter::sort_finished() noexcept {
  for (std::size_t before = copying_.size() + 1; !copying_.empty() && copying_.size() < before;) {
    before = copying_.size();
    wait_for_copy(0);
  }
  while (ready_.size() > 1 && replaces(ready_.second(), ready_.front())) give_back_front();
}

void Presenter::give_back_front() noexcept {
  reached_id_ = std::max(reached_id_, ready_.front().present_id);
  free_images_.give(ready_.front().image);
  ready_.pop();
}

void Presenter::show_front() noexcept {
  target_.show(images_[ready_.front().image].frame(device_));
  give_back_front();
  if (target_.lost()) {
    free_images_.notify();
    ids_.notify();
  } else {
    // Ids of frames that were replaced count as shown with the frame that replaced them.
    ids_.show(reached_id_);
  }
}

void Presenter::run() noexcept {
  constexpr std::uint64_t kIdle = 60'000'000'000;
  for (;;) {
    const bool ending = wake_.ending();
    collect();
    sort_finished();
    if (!ready_.empty() && (!paced(ready_.front()) || target_.due())) {
      // With newer copies still to come, the last frame of an ending swapchain is the last of those.
      if (!wake_.ending() || copying_.empty()) {
        show_front();
        continue;
      }
    }
    if (!copying_.empty() && (ready_.empty() || replaces(copying_.front(), ready_.front()))) {
      wait_for_copy(ready_.empty() || wake_.ending() ? kCopySlice : kMailboxSlice);
    } else if (!ready_.empty()) {
      target_.wait(now_ns() + kIdle, true);
    } else if (ending) {
      return;
    } else {
      target_.wait(now_ns() + kIdle, false);
    }
  }
}

}  // namespace viaduct::guest::wsi
