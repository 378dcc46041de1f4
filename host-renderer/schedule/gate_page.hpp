// What the scheduler in viaductd and a session's worker tell each other about the GPU.
//
// GatePage is the scheduler's word: a sealed memfd that the daemon writes and the worker maps read-only.
// GateClaims are the worker's: they lie in the statistics' memfd, behind the StatsPage, and are the claims of
// a possibly compromised process, so the scheduler bounds what they can cause: a worker that lies about its
// time can take more than its share of the GPU and no more.
//
// Times are nanoseconds of CLOCK_MONOTONIC, which is the host's one clock. Every word has a single writer and
// stands for itself, but for `gate`, which workers sleep on (futex).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace viaduct::host {

enum class Gate : uint32_t {
  free = 0,    // nobody else wants the GPU, or nobody shares it out
  open = 1,    // somebody does: submissions may be made, `depth` of them unfinished
  closed = 2,  // it is others' turn
};

struct GatePage {
  std::atomic<uint32_t> gate;
  std::atomic<uint32_t> depth;
  // A worker that is about to submit and has not answered this number calls the daemon once: the scheduler
  // has forgotten it as idle.
  std::atomic<uint32_t> call;
  std::atomic<uint32_t> reserved;
  std::atomic<uint64_t> frame_interval_ns;  // at least so long from one frame to the next; 0: no cap
};
static_assert(sizeof(GatePage) == 24);

struct GateClaims {
  std::atomic<uint64_t> busy_ns;           // how long submissions of the session were under way, without...
  std::atomic<uint64_t> busy_since_ns;     // ...the time since then; 0: none is
  std::atomic<uint64_t> waiting_since_ns;  // at the gate; 0: it does not
  std::atomic<uint64_t> waited_ns;         // at the gate, altogether
};

inline constexpr std::size_t kGatePageBytes = 4096;     // the memfd's size
inline constexpr std::size_t kGateClaimsOffset = 3584;  // in the statistics' memfd

}  // namespace viaduct::host
