// The switches of VIADUCT_DEBUG and VIADUCT_PERF, each in one table (the enumerators below are its rows).
//
// Every optimisation lands with its own off switch: VIADUCT_PERF=no_spin,no_memo turns two of them off, so
// that a user can bisect a regression. VIADUCT_DEBUG=help prints both tables to standard error at first use.
// Unknown words are reported once and ignored. The variables are read once, at first use, by any thread; a
// query afterwards is a relaxed load and a bit test.
#pragma once

#include <atomic>
#include <cstdint>

namespace viaduct {

// Row: enumerator, what turning it off does. The word in VIADUCT_PERF is no_<enumerator>.
#define VIADUCT_PERF_SWITCHES(X)                                                     \
  X(spin, "waits park at once instead of spinning first")                            \
  X(yield, "who spins keeps its core, whoever else may wait for it")                 \
  X(completion_poll, "the decode thread never looks for a submission's end itself")  \
  X(early_publish, "the host is not woken while recording and posting go on")        \
  X(memo, "answers that cannot change are asked for each time")                      \
  X(import, "mapped memory is never imported into the driver: the shadow is used")   \
  X(post, "every posted command waits for the host to have consumed it")             \
  X(shm_present, "frames go to the X server as plain requests, without MIT-SHM")     \
  X(direct_frames, "a software driver's frames are copied before they are shown")    \
  X(recorders, "command buffers are recorded on the decode thread, whatever waits")  \
  X(compile_threads, "pipelines are made on the decode thread, one after the other") \
  X(copy_ahead, "a lone recorder copies its spans out of the ring itself, too")      \
  X(compression, "stream-only sessions send everything as it is")                    \
  X(page_tracking, "stream-only sessions compare all of what is mapped, each time")  \
  X(cached_bar, "a VM's shared memory is treated as not cached, whatever it is")

// Row: enumerator, what turning it on does. The word in VIADUCT_DEBUG is the enumerator.
#define VIADUCT_DEBUG_SWITCHES(X)                                                           \
  X(all_logs, "log lines are not rate-limited")                                             \
  X(commands, "the worker logs each command that it executes, at level debug")              \
  X(recorders, "all command buffers are recorded beside the decode thread, on any machine") \
  X(compression, "stream-only sessions compress what shrinks, however fast the stream")

enum class PerfSwitch : unsigned {
#define VIADUCT_ROW(name, text) name,
  VIADUCT_PERF_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
};

enum class DebugSwitch : unsigned {
#define VIADUCT_ROW(name, text) name,
  VIADUCT_DEBUG_SWITCHES(VIADUCT_ROW)
#undef VIADUCT_ROW
};

namespace detail {
// Bit 63 says that the environment has been read.
inline constexpr std::uint64_t kSwitchesRead = std::uint64_t{1} << 63;
extern std::atomic<std::uint64_t> perf_off_bits;
extern std::atomic<std::uint64_t> debug_on_bits;
void read_switches() noexcept;

inline std::uint64_t switch_bits(const std::atomic<std::uint64_t>& word) noexcept {
  std::uint64_t bits = word.load(std::memory_order_relaxed);
  if ((bits & kSwitchesRead) == 0) [[unlikely]] {
    read_switches();
    bits = word.load(std::memory_order_relaxed);
  }
  return bits;
}
}  // namespace detail

// True unless VIADUCT_PERF says no_<which>.
inline bool perf_enabled(PerfSwitch which) noexcept {
  return (detail::switch_bits(detail::perf_off_bits) >> static_cast<unsigned>(which) & 1) == 0;
}

// True if VIADUCT_DEBUG names it.
inline bool debug_enabled(DebugSwitch which) noexcept {
  return (detail::switch_bits(detail::debug_on_bits) >> static_cast<unsigned>(which) & 1) != 0;
}

// Prints both tables to standard error.
void print_switches() noexcept;

// For tests: sets the switches from these two texts instead of the environment's.
void set_switches_for_test(const char* debug, const char* perf) noexcept;

}  // namespace viaduct
