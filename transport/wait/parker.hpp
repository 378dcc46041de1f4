// Parker: how a guest's threads sleep until the host has done something, and how they learn that it died.
//
// One Parker a session, used by any number of threads at once. wait(ready, ...) returns once ready() is true,
// the deadline has passed, or the session is lost. It spins briefly, then parks: the first parked thread (the
// leader) polls the doorbell and the control stream, the others (followers) sleep on condition variables.
// When the doorbell rings, the leader evaluates everybody's ready() and wakes whom it concerns; when it
// leaves, it promotes a follower.
//
// ready() must be a pure read of the region (or of atomics): it is called by the waiting thread and, with the
// parker's mutex held, by the leader; it must not throw, lock or wait. The host rings only after words of the
// region: replies, completions, session_status, and `consumed` once it reaches WaitOptions::consumed_target,
// which a wait for ring space or chunks must therefore give (0 elsewhere, or each consumed span would wake
// sleepers for nothing).
//
// Loss is latched: the control stream hung up, or session_status left `running`. Every wait then returns
// `lost` unless its ready() is true. A thread that only posts or polls calls check_lost(), which makes a
// system call at most once each 5 ms.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/clock.hpp"
#include "transport/region/region.hpp"
#include "transport/wait/doorbell.hpp"
#include "transport/wait/spin.hpp"

namespace viaduct::transport {

enum class WaitResult { ready, timeout, lost };

struct WaitOptions {
  Deadline deadline = Deadline::never();
  std::uint64_t consumed_target = 0;  // not 0: ready() looks at view.host().consumed and needs this value
  AdaptiveSpin* spin = nullptr;       // the budget of this kind of wait; the parker's own if null
};

class Parker {
 public:
  // `from_host` is the host-to-guest doorbell; `control_fd` the control stream's socket, of which only a
  // hang-up is looked for (nothing is read). Both stay the caller's and outlive the parker.
  Parker(RegionView region, Doorbell& from_host, int control_fd) noexcept;
  ~Parker();  // no thread may be waiting
  Parker(const Parker&) = delete;
  Parker& operator=(const Parker&) = delete;

  template <class Ready>
  [[nodiscard]] WaitResult wait(const Ready& ready, const WaitOptions& options = {}) noexcept {
    if (ready()) return seen();
    if (lost() || options.deadline.expired()) return check_lost() ? WaitResult::lost : WaitResult::timeout;
    AdaptiveSpin& spin = options.spin != nullptr ? *options.spin : spin_;
    WaitResult result = WaitResult::ready;
    spin.wait(ready, options.deadline, [&] {
      result =
          park(Predicate{&ready, [](const void* object) { return (*static_cast<const Ready*>(object))(); }},
               options);
    });
    return result == WaitResult::ready ? seen() : result;
  }

  // Waits until the host has copied out the span with this sequence number.
  [[nodiscard]] WaitResult wait_consumed(std::uint64_t sequence,
                                         Deadline deadline = Deadline::never()) noexcept;

  // Whether the session is known to be lost; a relaxed load.
  bool lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  // Looks: session_status each time, the control stream at most once each 5 ms. Latches and gives lost().
  bool check_lost() noexcept;
  // For this side's own news (a fence that the window system signals), which no doorbell announces:
  // everybody's ready() is evaluated once more. To be called after the store that it looks at.
  void reconsider() noexcept;
  // Latches the loss and wakes every waiting thread (the local side gives up: bad replies, fork, shutdown).
  void set_lost() noexcept;

 private:
  struct Predicate {
    const void* object;
    bool (*call)(const void*);
    bool operator()() const noexcept { return call(object); }
  };
  struct Waiter;

  // What ready() saw says that the caller may read more.
  WaitResult seen() const noexcept {
    region_.order_loads();
    return WaitResult::ready;
  }
  WaitResult park(Predicate ready, const WaitOptions& options) noexcept;
  void lead(std::unique_lock<std::mutex>& lock, Waiter& self, const Deadline& deadline) noexcept;
  void follow(std::unique_lock<std::mutex>& lock, Waiter& self, const Deadline& deadline) noexcept;
  void evaluate_waiters() noexcept;
  void latch_lost() noexcept;
  void link(Waiter& waiter) noexcept;
  void unlink(Waiter& waiter) noexcept;
  void update_wanted() noexcept;
  bool control_hung_up() const noexcept;
  bool status_ended() const noexcept;

  const RegionView region_;
  Doorbell& from_host_;
  const int control_fd_;
  AdaptiveSpin spin_;
  std::atomic<bool> lost_{false};
  std::atomic<std::uint64_t> next_look_ns_{0};

  std::mutex mutex_;
  Waiter* waiters_ = nullptr;  // all parked threads, the leader included
  Waiter* leader_ = nullptr;
  std::uint64_t sleeps_ = 0;  // numbers the parked word
};

}  // namespace viaduct::transport
