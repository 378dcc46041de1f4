// Where a swapchain's finished frames go: a window of an X server, a Wayland surface, or nowhere (headless).
//
// One target belongs to one swapchain. Everything but the queries at the top is called by the
// swapchain's present thread only (construction and destruction while that thread does not run). Nothing here
// throws. A wait inside a target ends with the swapchain's WakeFd, so that destruction is never held up by a
// display server.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-icd/wsi/pixels.hpp"
#include "guest-icd/wsi/wake_fd.hpp"

namespace viaduct::guest::wsi {

struct Extent {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Extent&) const = default;
};

class PresentTarget {
 public:
  virtual ~PresentTarget() = default;

  /// Any thread. The window is gone, or the connection to the display server is.
  bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  /// Any thread. True when the window system fixes the window's size and it is known to differ from `extent`.
  bool differs(Extent extent) const noexcept {
    const std::uint64_t seen = window_extent_.load(std::memory_order_acquire);
    return seen != 0 && seen != pack(extent);
  }

  /// Any thread. The window's size as far as it is known; nothing where the swapchain decides it.
  Extent window_extent() const noexcept {
    const std::uint64_t seen = window_extent_.load(std::memory_order_acquire);
    return {static_cast<std::uint32_t>(seen >> 32), static_cast<std::uint32_t>(seen)};
  }

  /// Any thread. Whether the pixels matter; if not, frames come without.
  virtual bool wants_pixels() const noexcept { return true; }
  /// Shows the frame and returns when its memory may be written again. Failure sets lost().
  virtual void show(const FrameView& frame) noexcept = 0;
  /// FIFO: whether the next frame may be shown now.
  virtual bool due() noexcept = 0;
  /// Serves the window's events until `until_ns` (CLOCK_MONOTONIC), a signalled wake-up, or, with
  /// `until_due`, until due(). May return early.
  virtual void wait(std::uint64_t until_ns, bool until_due) noexcept = 0;

 protected:
  explicit PresentTarget(WakeFd& wake) noexcept : wake_(wake) {}

  void set_lost() noexcept { lost_.store(true, std::memory_order_release); }
  void set_window_extent(Extent extent) noexcept {
    window_extent_.store(pack(extent), std::memory_order_release);
  }
  WakeFd& wake() noexcept { return wake_; }

 private:
  static std::uint64_t pack(Extent extent) noexcept {
    return (static_cast<std::uint64_t>(extent.width) << 32) | extent.height;
  }

  WakeFd& wake_;
  std::atomic<bool> lost_{false};
  std::atomic<std::uint64_t> window_extent_{0};
};

/// Paces by the clock where the window system gives no better beat: frames at least one interval apart, on a
/// steady grid while the application keeps up.
class FrameTimer {
 public:
  explicit FrameTimer(std::uint64_t interval_ns) noexcept : interval_(interval_ns) {}
  std::uint64_t next_ns() const noexcept { return next_; }
  void shown(std::uint64_t now_ns) noexcept {
    const bool on_grid = next_ != 0 && now_ns >= next_ && now_ns - next_ < interval_ / 2;
    next_ = (on_grid ? next_ : now_ns) + interval_;
  }
  std::uint64_t interval_ns() const noexcept { return interval_; }

 private:
  std::uint64_t interval_;
  std::uint64_t next_ = 0;
};

inline constexpr std::uint64_t kDefaultFrameInterval = 1'000'000'000 / 60;
/// A hidden window gets no beat from its display server; its FIFO goes on at this interval.
inline constexpr std::uint64_t kHiddenFrameInterval = 100'000'000;

}  // namespace viaduct::guest::wsi
