// The worker's side of sharing the GPU: the gate before every submission, the time that submissions take, and
// the cap on frames.
//
// pass(), submitted() and pace_frame(): one thread at a time, the one that submits. completed(): any thread.
// Alone on the GPU a submission costs two loads of a page that nobody writes, and an uncontended lock for the
// time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "base/clock.hpp"
#include "host-renderer/schedule/gate_page.hpp"

namespace viaduct::host {

class GpuGate {
 public:
  struct Surroundings {
    std::function<void()> call_daemon;  // GatePage::call
    std::function<bool()> gone;         // there is nobody left to wait for: daemon or guest
  };

  // Both pages outlive it.
  GpuGate(const GatePage& page, GateClaims& claims, Surroundings surroundings)
      : page_(page), claims_(claims), around_(std::move(surroundings)) {}
  GpuGate(const GpuGate&) = delete;
  GpuGate& operator=(const GpuGate&) = delete;

  // Returns when the next submission may be made. before_waiting() is called once if that takes a while.
  template <class BeforeWaiting>
  void pass(const BeforeWaiting& before_waiting) noexcept {
    if (const uint32_t call = page_.call.load(std::memory_order_acquire); call != answered_) [[unlikely]] {
      answered_ = call;
      around_.call_daemon();
    }
    if (gate() == Gate::free || may_pass()) return;
    before_waiting();
    wait();
  }

  // A submission that the driver was asked for at `began_ns`.
  void submitted(uint64_t began_ns) noexcept;
  void completed() noexcept;

  // A frame was presented: returns when the next one may begin.
  template <class BeforeWaiting>
  void pace_frame(const BeforeWaiting& before_waiting) noexcept {
    const uint64_t interval = page_.frame_interval_ns.load(std::memory_order_relaxed);
    if (interval == 0) return;
    const uint64_t now = now_ns();
    const uint64_t due = next_frame_ns_;
    // From due to due, so that the rate is met on the whole; what was missed by more than a frame is not made
    // up for.
    next_frame_ns_ = (now > due + interval ? now : due) + interval;
    if (now >= due) return;
    before_waiting();
    sleep_until(due);
  }

 private:
  [[nodiscard]] Gate gate() const noexcept {
    return static_cast<Gate>(page_.gate.load(std::memory_order_acquire));
  }
  [[nodiscard]] bool has_room() const noexcept {
    return unfinished_.load() < page_.depth.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool may_pass() const noexcept { return gate() == Gate::open && has_room(); }
  void wait() noexcept;
  void sleep_until(uint64_t ns) noexcept;

  const GatePage& page_;
  GateClaims& claims_;
  const Surroundings around_;
  uint32_t answered_ = 0;
  uint64_t next_frame_ns_ = 0;

  std::mutex mutex_;  // of the busy time
  uint64_t idle_since_ns_ = 0;
  std::atomic<uint32_t> unfinished_{0};
  std::atomic<uint32_t> finished_{0};  // counts completed(); a futex word
  std::atomic<bool> waits_for_room_{false};
};

}  // namespace viaduct::host
