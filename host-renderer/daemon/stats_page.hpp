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
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

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
};
static_assert(sizeof(StatsPage) == 72 && offsetof(StatsPage, validation_messages) == 64);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

inline constexpr std::size_t kStatsBytes = 4096;  // the memfd's size

// Single writer: a load and a store, no locked instruction.
inline void stats_add(std::atomic<uint64_t>& word, uint64_t amount) {
  word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace viaduct::host
