// The blocking driver calls that waiter threads have in flight on one device, and how they end when the
// device goes.
//
// enter() and leave() on the decode thread and the waiter; lost() tells a waiter, between two slices of its
// wait, to give up. abandon() makes them all give up and returns when they have (within a slice).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace viaduct::host {

class DeviceWaits {
 public:
  // No wait of a waiter in the driver lasts longer. (What a driver does where no wait was asked for is its
  // own affair: lavapipe's query results wait for the queues.)
  static constexpr std::uint64_t kSliceNs = 50'000'000;

  void enter() noexcept {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void leave() noexcept {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }
  void abandon() noexcept {
    abandoned_.store(true, std::memory_order_relaxed);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
  std::atomic<bool> abandoned_{false};
};

}  // namespace viaduct::host
