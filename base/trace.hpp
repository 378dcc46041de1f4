// Trace spans in Chrome's JSON format (chrome://tracing, Perfetto), written to the file that VIADUCT_TRACE
// names.
//
//   VIADUCT_TRACE_SPAN("decode", sequence);   // from here to the end of the scope
//
// The ring sequence number is an argument of the span, so guest and host traces line up; timestamps are the
// monotonic clock, which processes of one machine share, and each write appends whole events, so guest and
// worker may name the same file. Compiled in; when off, a span costs one relaxed load. Any thread may trace.
// Events are buffered per process and written when 32 KiB or half a second have gathered, and at
// trace_flush(): call it where a process ends in order. The name must be a string literal without characters
// that JSON escapes.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace viaduct {

// Opens the file now instead of at the first span: for a process that is about to lose its file system.
void trace_start() noexcept;
void trace_flush() noexcept;

namespace detail {
extern std::atomic<int> trace_state;  // -1 not asked yet, 0 off, 1 on
bool trace_start_slow() noexcept;
void trace_complete(const char* name, std::uint64_t sequence, std::uint64_t start_ns,
                    std::uint64_t end_ns) noexcept;

inline bool tracing() noexcept {
  const int state = trace_state.load(std::memory_order_relaxed);
  if (state == 0) [[likely]]
    return false;
  return state > 0 || trace_start_slow();
}
}  // namespace detail

class TraceSpan {
 public:
  TraceSpan(const char* name, std::uint64_t sequence) noexcept {
    if (detail::tracing()) [[unlikely]] {
      name_ = name;
      sequence_ = sequence;
      start_ns_ = now_ns();
    }
  }
  ~TraceSpan() {
    if (name_ != nullptr) [[unlikely]]
      detail::trace_complete(name_, sequence_, start_ns_, now_ns());
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  const char* name_ = nullptr;
  std::uint64_t sequence_ = 0;
  std::uint64_t start_ns_ = 0;
};

}  // namespace viaduct

#define VIADUCT_TRACE_JOIN2(a, b) a##b
#define VIADUCT_TRACE_JOIN(a, b) VIADUCT_TRACE_JOIN2(a, b)
#define VIADUCT_TRACE_SPAN(name, sequence) \
  const ::viaduct::TraceSpan VIADUCT_TRACE_JOIN(viaduct_trace_span_, __LINE__)(name, sequence)
