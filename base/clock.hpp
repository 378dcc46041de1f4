// Time: the monotonic clock, deadlines that every wait takes, and the pause of a spinning thread.
#pragma once

#include <time.h>

#include <cstdint>
#include <limits>

namespace viaduct {

inline std::uint64_t now_ns() noexcept {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

// A point on the monotonic clock. Additions saturate at never().
class Deadline {
 public:
  static Deadline after_ns(std::uint64_t ns) noexcept {
    const std::uint64_t now = now_ns();
    return Deadline(ns >= kNever - now ? kNever : now + ns);
  }
  static Deadline after_ms(int ms) noexcept {
    return after_ns(ms <= 0 ? 0 : static_cast<std::uint64_t>(ms) * 1'000'000u);
  }
  static Deadline at_ns(std::uint64_t monotonic_ns) noexcept { return Deadline(monotonic_ns); }
  static Deadline never() noexcept { return Deadline(kNever); }

  bool is_never() const noexcept { return at_ns_ == kNever; }
  bool expired() const noexcept { return !is_never() && now_ns() >= at_ns_; }
  std::uint64_t point_ns() const noexcept { return at_ns_; }
  std::uint64_t remaining_ns() const noexcept {
    if (is_never()) return kNever;
    const std::uint64_t now = now_ns();
    return now >= at_ns_ ? 0 : at_ns_ - now;
  }
  // For poll(2): rounded up, -1 for never, capped at a day.
  int remaining_ms() const noexcept {
    if (is_never()) return -1;
    const std::uint64_t ms = (remaining_ns() + 999'999u) / 1'000'000u;
    return ms > 86'400'000u ? 86'400'000 : static_cast<int>(ms);
  }
  // For ppoll(2); meaningless for never().
  timespec remaining_timespec() const noexcept {
    std::uint64_t ns = remaining_ns();
    if (ns > 86'400'000'000'000u) ns = 86'400'000'000'000u;
    return {static_cast<time_t>(ns / 1'000'000'000u), static_cast<long>(ns % 1'000'000'000u)};
  }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  explicit Deadline(std::uint64_t at) noexcept : at_ns_(at) {}
  std::uint64_t at_ns_;
};

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace viaduct
