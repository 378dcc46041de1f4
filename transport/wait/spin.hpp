// AdaptiveSpin: how long to spin before parking, learnt from how the last waits of the same kind went.
//
// Keep one for each kind of wait (replies; completions of one queue): waits that end while spinning, or so
// soon after it that parking and being woken took most of their time, keep the budget up; longer ones lower
// it. So waits for milliseconds of GPU work soon park at once, and those of microseconds never do. Any
// thread; races on the budget only make it a little older. With VIADUCT_PERF=no_spin, or on one core, it
// never spins.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "base/switches.hpp"

namespace viaduct::transport {

inline constexpr std::uint32_t kSpinNs = 50'000;

// Whether spinning makes sense here at all: more than one core, and not switched off.
bool spinning_allowed() noexcept;

// Lets another thread have the core if one waits for it: on a machine of few cores that is likely the
// driver's thread which does what is waited for, and the kernel would let it wait for the spinner's time
// slice to end (milliseconds). VIADUCT_PERF=no_yield switches it off.
void give_way() noexcept;

class AdaptiveSpin {
 public:
  explicit AdaptiveSpin(std::uint32_t max_ns = kSpinNs) noexcept : max_ns_(max_ns), budget_ns_(max_ns) {}

  // Spins until ready() is true or the budget is spent; then calls park(), which waits as long as it takes.
  template <class Ready, class Park>
  void wait(const Ready& ready, const Deadline& deadline, const Park& park) noexcept {
    if (ready()) return;
    if (!spinning_allowed()) return park();
    const std::uint64_t start = now_ns();
    if (!spin(ready, deadline)) park();
    learn(now_ns() - start);
  }

  // For callers that do the rest themselves: spins, and gives ready()'s last answer. How long it took in the
  // end is to be told to learn().
  template <class Ready>
  bool spin(const Ready& ready, const Deadline& deadline) noexcept {
    const std::uint32_t budget = budget_ns_.load(std::memory_order_relaxed);
    const std::uint64_t start = now_ns();
    std::uint64_t last = start;
    for (;;) {
      for (int i = 0; i < 16; ++i) {
        cpu_relax();
        if (ready()) return true;
      }
      const std::uint64_t now = now_ns();
      // Who notices that it lost its core stops: somebody else needs the core.
      if (now >= deadline.point_ns() || now - start >= budget || now - last >= kLostCoreNs) return false;
      last = now;
      if (now - start >= kSelfishNs) give_way();
    }
  }
  void learn(std::uint64_t took_ns) noexcept {
    const std::uint32_t budget = budget_ns_.load(std::memory_order_relaxed);
    if (took_ns > max_ns_ + kParkingNs) {
      const std::uint32_t lower = budget - budget / 4;
      budget_ns_.store(lower > kMinNs ? lower : kMinNs, std::memory_order_relaxed);
    } else if (budget < max_ns_) {
      budget_ns_.store(budget * 2 < max_ns_ ? budget * 2 : max_ns_, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t kLostCoreNs = 200'000;
  static constexpr std::uint64_t kSelfishNs = 2'000;   // a round trip to a host that is awake takes less
  static constexpr std::uint64_t kParkingNs = 30'000;  // what two sides lose by sleeping, about
  static constexpr std::uint32_t kMinNs = 2'000;

  const std::uint32_t max_ns_;
  std::atomic<std::uint32_t> budget_ns_;
};

}  // namespace viaduct::transport
