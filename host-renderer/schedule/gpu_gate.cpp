#include "host-renderer/schedule/gpu_gate.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace viaduct::host {
namespace {

constexpr uint64_t kLookAroundNs = 100'000'000;
// Work may wait for what its program does later, and that lies behind the submission which waits for room: it
// is let through after a while.
constexpr uint64_t kMostForRoomNs = 50'000'000;

void futex_wait(const std::atomic<uint32_t>& word, uint32_t seen, uint64_t ns) noexcept {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &time, nullptr, 0);
}

}  // namespace

void GpuGate::submitted(uint64_t began_ns) noexcept {
  const std::lock_guard lock(mutex_);
  if (unfinished_.fetch_add(1) != 0) return;
  // Not before the last one ended, whose time has been counted.
  claims_.busy_since_ns.store(std::max(began_ns, idle_since_ns_), std::memory_order_relaxed);
}

void GpuGate::completed() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (unfinished_.fetch_sub(1) == 1) {
      const uint64_t since = claims_.busy_since_ns.load(std::memory_order_relaxed);
      claims_.busy_since_ns.store(0, std::memory_order_relaxed);
      idle_since_ns_ = now_ns();
      claims_.busy_ns.store(claims_.busy_ns.load(std::memory_order_relaxed) + idle_since_ns_ - since,
                            std::memory_order_release);
    }
  }
  finished_.fetch_add(1);
  if (waits_for_room_.load()) ::syscall(SYS_futex, &finished_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void GpuGate::wait() noexcept {
  const uint64_t began = now_ns();
  claims_.waiting_since_ns.store(began, std::memory_order_release);
  uint64_t without_room_ns = 0;
  while (!around_.gone()) {
    const Gate seen = gate();
    if (seen == Gate::closed) {
      futex_wait(page_.gate, static_cast<uint32_t>(seen), kLookAroundNs);
      continue;
    }
    waits_for_room_.store(true);
    const uint32_t finished = finished_.load();
    if (seen != Gate::open || has_room() || without_room_ns >= kMostForRoomNs) break;
    const uint64_t before = now_ns();
    futex_wait(finished_, finished, kMostForRoomNs - without_room_ns);
    without_room_ns += now_ns() - before;
  }
  waits_for_room_.store(false);
  claims_.waiting_since_ns.store(0, std::memory_order_relaxed);
  claims_.waited_ns.store(claims_.waited_ns.load(std::memory_order_relaxed) + now_ns() - began,
                          std::memory_order_relaxed);
}

void GpuGate::sleep_until(uint64_t ns) noexcept {
  for (uint64_t now = now_ns(); now < ns && !around_.gone(); now = now_ns()) {
    const uint64_t part = std::min(ns - now, kLookAroundNs);
    const timespec time{0, static_cast<long>(part)};
    ::nanosleep(&time, nullptr);
  }
}

}  // namespace viaduct::host
