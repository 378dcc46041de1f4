// Counters of one session, in a memfd that its worker writes and the daemon reads.
//
// Every word has a single writer (the worker) and is stored relaxed: a reader sees recent values, not
// a snapshot. The daemon treats them as the claims of a possibly compromised process: it shows them
// and decides nothing by them.
//
//   +0   frames            u64   presents finished, the guest's frame counter
//   +8   commands          u64   records executed
//   +16  submits           u64   queue submissions
//   +24  bytes             u64   ring bytes executed
//   +32  device_memory     u64   bytes of device memory alive
//   +40  arena_memory      u64   bytes of the arena handed out as Vulkan memory
//   +48  memory_mode       u64   MemoryMode
//   +56  status            u64   SessionState
//   +64  validation        u64   messages of the validation layer (viaductd --validate)
//   +72                          room for more words
//   +512 frame_times_ns    u64   sum of the times between presents
//   +520 frame_times       u64 x LogBuckets::kCount   how many of them each bucket has (base/log_buckets.hpp)
//   +3584 GateClaims             schedule/gate_page.hpp
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/log_buckets.hpp"
#include "host-renderer/schedule/gate_page.hpp"

namespace viaduct::host {

enum class MemoryMode : uint64_t { none = 0, import = 1, dma_buf = 2, shadow = 3 };

enum class SessionState : uint64_t {
  starting = 0,
  running = 1,
  bad_data = 2,     // the guest's bytes could not be decoded; the worker logged which
  device_lost = 3,  // the driver lost the device
  guest_gone = 4,
  internal = 5,  // the worker's own failure
};

struct StatsPage {
  std::atomic<uint64_t> frames;
  std::atomic<uint64_t> commands;
  std::atomic<uint64_t> submits;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> device_memory_bytes;
  std::atomic<uint64_t> arena_bytes;
  std::atomic<uint64_t> memory_mode;
  std::atomic<uint64_t> status;
  std::atomic<uint64_t> validation_messages;
  alignas(512) std::atomic<uint64_t> frame_times_ns;
  std::array<std::atomic<uint64_t>, LogBuckets::kCount> frame_times;
};
static_assert(offsetof(StatsPage, validation_messages) == 64 && offsetof(StatsPage, frame_times_ns) == 512);
static_assert(offsetof(StatsPage, frame_times) == 520);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

inline constexpr std::size_t kStatsBytes = 4096;  // the memfd's size
static_assert(sizeof(StatsPage) <= kGateClaimsOffset && kGateClaimsOffset < kStatsBytes);

// Single writer: a load and a store, no locked instruction.
inline void stats_add(std::atomic<uint64_t>& word, uint64_t amount) {
  word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

// A present at this time (now_ns(), never 0), after one at `last` (0: none). The worker's decode thread.
inline void count_present(StatsPage& page, uint64_t last, uint64_t now) {
  if (last != 0 && now >= last) {
    stats_add(page.frame_times[LogBuckets::index_of(now - last)], 1);
    stats_add(page.frame_times_ns, now - last);
  }
  stats_add(page.frames, 1);
}

}  // namespace viaduct::host
