// An eventfd that ends a poll in a swapchain's present thread. signal() and end() may be called from any
// thread; clear() by the one that polls, which then looks at all of its state again. Level-triggered: once
// signalled, every poll returns until clear(). end() is for ever: what still waits for a display server gives
// up.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>

#include "base/unique_fd.hpp"

namespace viaduct::guest::wsi {

class WakeFd {
 public:
  WakeFd() noexcept : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  explicit operator bool() const noexcept { return fd_.get() >= 0; }
  int fd() const noexcept { return fd_.get(); }

  void signal() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof(one));
  }
  void end() noexcept {
    ending_.store(true, std::memory_order_release);
    signal();
  }
  bool ending() const noexcept { return ending_.load(std::memory_order_acquire); }
  void clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof(count));
  }

 private:
  UniqueFd fd_;
  std::atomic<bool> ending_{false};
};

inline timespec poll_limit(std::uint64_t timeout_ns) noexcept {
  constexpr std::uint64_t kLongest = 60'000'000'000;
  const std::uint64_t bounded = timeout_ns < kLongest ? timeout_ns : kLongest;
  return {static_cast<time_t>(bounded / 1'000'000'000), static_cast<long>(bounded % 1'000'000'000)};
}

/// Waits until `fd` has something to read, at most `timeout_ns`.
inline void poll_readable(int fd, std::uint64_t timeout_ns) noexcept {
  const timespec limit = poll_limit(timeout_ns);
  pollfd entry{fd, POLLIN, 0};
  ::ppoll(&entry, 1, &limit, nullptr);
}

/// Polls this wake-up and `other` (ignored when negative) for reading, at most `timeout_ns`.
/// Returns true when `other` has something to read.
inline bool poll_with_wake(const WakeFd& wake, int other, std::uint64_t timeout_ns) noexcept {
  const timespec limit = poll_limit(timeout_ns);
  pollfd fds[2] = {{wake.fd(), POLLIN, 0}, {other, POLLIN, 0}};
  if (::ppoll(fds, 2, &limit, nullptr) <= 0) return false;
  return (fds[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

}  // namespace viaduct::guest::wsi
