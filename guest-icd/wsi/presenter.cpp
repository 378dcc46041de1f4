#include "guest-icd/wsi/presenter.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

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
                     std::span<SwapchainImage> images, FreeImages& free_images,
                     VkPresentModeKHR mode) noexcept
    : device_(device),
      target_(target),
      wake_(wake),
      images_(images),
      free_images_(free_images),
      mode_(mode) {}

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

void Presenter::push(std::uint32_t index) noexcept {
  {
    const std::lock_guard lock(mutex_);
    try {
      pushed_.push_back(index);
    } catch (const std::bad_alloc&) {
      return;  // the image stays in use; acquire times out
    }
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

bool Presenter::newest_only() const noexcept {
  return mode_ == VK_PRESENT_MODE_MAILBOX_KHR || mode_ == VK_PRESENT_MODE_IMMEDIATE_KHR || wake_.ending();
}

bool Presenter::paced() const noexcept {
  return mode_ != VK_PRESENT_MODE_IMMEDIATE_KHR && !retired_.load(std::memory_order_acquire) &&
         !wake_.ending();
}

void Presenter::collect() noexcept {
  wake_.clear();
  const std::lock_guard lock(mutex_);
  for (; !pushed_.empty(); pushed_.pop_front()) copying_.push_back(pushed_.front());
}

void Presenter::wait_for_copy(std::uint64_t timeout_ns) noexcept {
  const VkFence fence = images_[copying_.front()].copied();
  const VkResult result = device_.vkWaitForFences(device_.handle, 1, &fence, VK_TRUE, timeout_ns);
  if (result == VK_TIMEOUT) return;
  if (result != VK_SUCCESS) {
    // Lost: no copy will finish. The images go back, and acquire and present report the loss.
    device_failed_ = true;
    for (; !copying_.empty(); copying_.pop_front()) free_images_.give(copying_.front());
    for (; !ready_.empty(); ready_.pop_front()) free_images_.give(ready_.front());
    free_images_.notify();
    return;
  }
  ready_.push_back(copying_.front());
  copying_.pop_front();
}

void Presenter::sort_finished() noexcept {
  for (std::size_t before = copying_.size() + 1; !copying_.empty() && copying_.size() < before;) {
    before = copying_.size();
    wait_for_copy(0);
  }
  while (newest_only() && ready_.size() > 1) give_back_front();
}

void Presenter::give_back_front() noexcept {
  free_images_.give(ready_.front());
  ready_.pop_front();
}

void Presenter::run() noexcept {
  constexpr std::uint64_t kIdle = 60'000'000'000;
  for (;;) {
    const bool ending = wake_.ending();
    collect();
    sort_finished();
    if (!ready_.empty() && (!paced() || target_.due())) {
      // With newer copies still to come, the last frame of an ending swapchain is the last of those.
      if (!wake_.ending() || copying_.empty()) {
        target_.show(images_[ready_.front()].frame(device_));
        if (target_.lost()) free_images_.notify();
        give_back_front();
        continue;
      }
    }
    if (!copying_.empty() && (ready_.empty() || newest_only())) {
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
