// AdaptiveSpin: how long to spin before parking, learnt from how the last waits of the same kind went.
//
// Keep one for each kind of wait (replies; completions of one queue): a wait that ended while spinning keeps
// the budget up, one that had to park lowers it, so that waits for milliseconds of GPU work soon park at once
// and round trips of microseconds never do. A spinner that notices it lost its core stops: somebody else
// needs the core. Any thread; races on the budget only make it a little older. With VIADUCT_PERF=no_spin, or
// on one core, it never spins.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "base/switches.hpp"

namespace viaduct::transport {

inline constexpr std::uint32_t kGuestSpinNs = 20'000;
inline constexpr std::uint32_t kHostSpinNs = 50'000;

// Whether spinning makes sense here at all: more than one core, and not switched off.
bool spinning_allowed() noexcept;

class AdaptiveSpin {
 public:
  explicit AdaptiveSpin(std::uint32_t max_ns) noexcept : max_ns_(max_ns), budget_ns_(max_ns) {}

  // Spins until ready() is true or the budget is spent; gives ready()'s last answer. Not past the deadline
  // either.
  template <class Ready>
  bool spin(const Ready& ready, const Deadline& deadline) noexcept {
    if (ready()) return true;
    if (!spinning_allowed()) return false;
    const std::uint32_t budget = budget_ns_.load(std::memory_order_relaxed);
    const std::uint64_t start = now_ns();
    std::uint64_t last = start;
    for (;;) {
      for (int i = 0; i < 16; ++i) {
        cpu_relax();
        if (ready()) {
          grow(budget);
          return true;
        }
      }
      const std::uint64_t now = now_ns();
      if (now >= deadline.point_ns()) return false;
      if (now - start >= budget || now - last >= kLostCoreNs) break;
      last = now;
    }
    shrink(budget);
    return false;
  }

 private:
  static constexpr std::uint64_t kLostCoreNs = 200'000;
  static constexpr std::uint32_t kMinNs = 2'000;

  void grow(std::uint32_t budget) noexcept {
    if (budget < max_ns_)
      budget_ns_.store(budget * 2 < max_ns_ ? budget * 2 : max_ns_, std::memory_order_relaxed);
  }
  void shrink(std::uint32_t budget) noexcept {
    const std::uint32_t lower = budget - budget / 4;
    budget_ns_.store(lower > kMinNs ? lower : kMinNs, std::memory_order_relaxed);
  }

  const std::uint32_t max_ns_;
  std::atomic<std::uint32_t> budget_ns_;
};

}  // namespace viaduct::transport
