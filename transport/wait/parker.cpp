#include "transport/wait/parker.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <limits>

#include "transport/wait/atomics.hpp"

namespace viaduct::transport {

namespace {
constexpr std::uint64_t kLookIntervalNs = 5'000'000;
constexpr short kHangUp = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;
}  // namespace

// A parked thread. It lives on that thread's stack and is touched by others only under the parker's mutex.
struct Parker::Waiter {
  Predicate ready;
  std::uint64_t consumed_target;
  std::condition_variable woken{};
  bool done = false;  // the leader saw ready() true
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
};

Parker::Parker(RegionView region, Doorbell& from_host, int control_fd) noexcept
    : region_(region), from_host_(from_host), control_fd_(control_fd) {}

Parker::~Parker() = default;

WaitResult Parker::wait_consumed(std::uint64_t sequence, Deadline deadline) noexcept {
  WaitOptions options;
  options.deadline = deadline;
  options.consumed_target = sequence;
  return wait([this, sequence] { return load_acquire(region_.host().consumed) >= sequence; }, options);
}

WaitResult Parker::park(Predicate ready, const WaitOptions& options) noexcept {
  std::unique_lock lock(mutex_);
  Waiter self{.ready = ready, .consumed_target = options.consumed_target};
  link(self);
  WaitResult result;
  for (;;) {
    if (leader_ == nullptr) {
      leader_ = &self;
      lead(lock, self, options.deadline);
      leader_ = nullptr;
    } else {
      // The leader's parked word is set and ordered before this by the mutex; this fence pairs with the
      // publisher's.
      full_fence();
      if (!self.done && !self.ready() && !lost() && !options.deadline.expired())
        follow(lock, self, options.deadline);
    }
    if (self.done || self.ready()) {
      result = WaitResult::ready;
      break;
    }
    if (lost()) {
      result = WaitResult::lost;
      break;
    }
    if (options.deadline.expired()) {
      result = WaitResult::timeout;
      break;
    }
  }
  unlink(self);
  if (waiters_ == nullptr) {
    store_relaxed(region_.guest().parked, 0);
  } else if (leader_ == nullptr) {
    // Somebody has to poll from now on; the woken thread finds no leader and becomes it.
    waiters_->woken.notify_one();
  }
  return result;
}

void Parker::follow(std::unique_lock<std::mutex>& lock, Waiter& self, const Deadline& deadline) noexcept {
  if (deadline.point_ns() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    self.woken.wait(lock);
    return;
  }
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as now_ns()
  const std::chrono::nanoseconds point(static_cast<std::int64_t>(deadline.point_ns()));
  self.woken.wait_until(lock, Clock::time_point(std::chrono::duration_cast<Clock::duration>(point)));
}

// Returns with the mutex held, when the waiter itself is ready, the session is lost or the deadline has
// passed.
void Parker::lead(std::unique_lock<std::mutex>& lock, Waiter& self, const Deadline& deadline) noexcept {
  for (;;) {
    // A new number for each sleep: who rang for an older one need not be waited for, because everybody's
    // ready() is evaluated after the fence.
    store_relaxed(region_.guest().parked, ++sleeps_);
    full_fence();  // pairs with PeerWaker's
    evaluate_waiters();
    if (self.done || lost() || deadline.expired()) return;

    pollfd fds[2] = {{from_host_.fd(), POLLIN, 0}, {control_fd_, POLLRDHUP, 0}};
    lock.unlock();
    timespec timeout{};
    if (!deadline.is_never()) timeout = deadline.remaining_timespec();
    const int n = ::ppoll(fds, 2, deadline.is_never() ? nullptr : &timeout, nullptr);
    if (n > 0 && (fds[0].revents & POLLIN) != 0) from_host_.drain();
    lock.lock();
    if (n > 0 && ((fds[1].revents & kHangUp) != 0 || (fds[0].revents & POLLNVAL) != 0)) latch_lost();
  }
}

// With the mutex held: wakes those whose ready() is true, or everybody when the session is lost.
void Parker::evaluate_waiters() noexcept {
  if (status_ended()) latch_lost();
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
    if (waiter->done || !waiter->ready()) continue;
    waiter->done = true;
    if (waiter != leader_) waiter->woken.notify_one();
  }
}

// With the mutex held.
void Parker::latch_lost() noexcept {
  lost_.store(true, std::memory_order_relaxed);
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) waiter->woken.notify_one();
}

bool Parker::check_lost() noexcept {
  if (lost()) return true;
  if (!status_ended()) {
    const std::uint64_t now = now_ns();
    if (now < next_look_ns_.load(std::memory_order_relaxed)) return false;
    next_look_ns_.store(now + kLookIntervalNs, std::memory_order_relaxed);
    if (!control_hung_up()) return false;
  }
  set_lost();
  return true;
}

void Parker::reconsider() noexcept {
  // A thread that is not a waiter yet takes the mutex before it sleeps, and then sees the store.
  const std::lock_guard lock(mutex_);
  if (leader_ != nullptr) from_host_.ring();
}

void Parker::set_lost() noexcept {
  const std::lock_guard lock(mutex_);
  if (lost()) return;
  latch_lost();
  if (leader_ != nullptr) from_host_.ring();  // the leader is in poll; ringing one's own doorbell wakes it
}

bool Parker::control_hung_up() const noexcept {
  pollfd control{control_fd_, POLLRDHUP, 0};
  return ::poll(&control, 1, 0) > 0 && (control.revents & kHangUp) != 0;
}

bool Parker::status_ended() const noexcept {
  return load_relaxed(region_.host().session_status) != static_cast<std::uint32_t>(SessionStatus::running);
}

void Parker::link(Waiter& waiter) noexcept {
  waiter.next = waiters_;
  if (waiters_ != nullptr) waiters_->previous = &waiter;
  waiters_ = &waiter;
  if (waiter.consumed_target != 0) update_wanted();
}

void Parker::unlink(Waiter& waiter) noexcept {
  if (waiter.previous != nullptr) {
    waiter.previous->next = waiter.next;
  } else {
    waiters_ = waiter.next;
  }
  if (waiter.next != nullptr) waiter.next->previous = waiter.previous;
  if (waiter.consumed_target != 0) update_wanted();
}

// With the mutex held: the host rings for `consumed` once it reaches the lowest value that anybody waits for.
void Parker::update_wanted() noexcept {
  std::uint64_t lowest = 0;
  for (const Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
    if (waiter->consumed_target != 0 && (lowest == 0 || waiter->consumed_target < lowest)) {
      lowest = waiter->consumed_target;
    }
  }
  store_relaxed(region_.guest().consumed_wanted, lowest);
}

}  // namespace viaduct::transport
