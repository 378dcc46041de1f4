// Log lines on standard error, filtered by level and component, rate-limited per call site.
//
//   VIADUCT_LOG_WARN("ring", "session %u: %s at offset %zu", id, reason, offset)
//
// VIADUCT_LOG is a list of `level` (the default for all) and `component:level`, e.g. "warn,ring:debug";
// levels are off, error, warn, info, debug. Without it the level is warn, or what log_set_default_level said.
// Each line is one write(2) (so that processes sharing a terminal do not mix lines) and carries side, tenant
// and session once log_set_context has told them. Any thread may log. Each call site may write kLogBurst
// lines a second; what exceeds that is counted and the count is told by the site's next line: a guest cannot
// fill a disk. A line is cut at 1 KiB; control characters in it are written as '?', because guests choose
// some of the text.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace viaduct {

enum class LogLevel : int { off = 0, error, warn, info, debug };

inline constexpr std::uint32_t kLogBurst = 20;

// Sets the level used where VIADUCT_LOG says nothing. Programs call it first thing in main; the ICD never
// does.
void log_set_default_level(LogLevel level) noexcept;

// `side` is "guest", "worker", "daemon"...; tenant may be empty; session 0 means none. The texts are copied,
// cut at 63 bytes. Call it before other threads log.
void log_set_context(const char* side, const char* tenant, std::uint32_t session) noexcept;

// Takes each line that passed the filter and the limit, without its line end, in place of standard error;
// where it gives false the line is written there all the same. It may not log. `text` is the line from behind
// the component on.
struct LogLine {
  LogLevel level;
  const char* component;
  std::string_view line;
  std::string_view text;
};
using LogSink = bool (*)(const LogLine& line) noexcept;
void log_set_sink(LogSink sink) noexcept;

// For tests: reads the filter from this text instead of VIADUCT_LOG, and sends lines to this descriptor.
void log_configure_for_test(const char* filter, int fd) noexcept;

namespace detail {

extern std::atomic<int> log_max_level;  // the highest level that any component has; -1 before the first use

struct LogSite {
  std::atomic<std::uint64_t> window_start_ns{0};
  std::atomic<std::uint32_t> in_window{0};
  std::atomic<std::uint32_t> suppressed{0};
};

bool log_enabled(LogLevel level, const char* component) noexcept;
[[gnu::format(printf, 4, 5)]] void log_write(LogSite& site, LogLevel level, const char* component,
                                             const char* format, ...) noexcept;

inline bool log_maybe(LogLevel level) noexcept {
  const int max = log_max_level.load(std::memory_order_relaxed);
  return max < 0 || static_cast<int>(level) <= max;
}

}  // namespace detail
}  // namespace viaduct

#define VIADUCT_LOG_AT(level, component, ...)                                                      \
  do {                                                                                             \
    if (::viaduct::detail::log_maybe(level) && ::viaduct::detail::log_enabled(level, component)) { \
      static ::viaduct::detail::LogSite viaduct_log_site;                                          \
      ::viaduct::detail::log_write(viaduct_log_site, level, component, __VA_ARGS__);               \
    }                                                                                              \
  } while (false)

// The same with a caller's own LogSite: for lines that are told apart by something else than their place in
// the code.
#define VIADUCT_LOG_FROM(site, level, component, ...)                                              \
  do {                                                                                             \
    if (::viaduct::detail::log_maybe(level) && ::viaduct::detail::log_enabled(level, component)) { \
      ::viaduct::detail::log_write(site, level, component, __VA_ARGS__);                           \
    }                                                                                              \
  } while (false)

#define VIADUCT_LOG_ERROR(component, ...) VIADUCT_LOG_AT(::viaduct::LogLevel::error, component, __VA_ARGS__)
#define VIADUCT_LOG_WARN(component, ...) VIADUCT_LOG_AT(::viaduct::LogLevel::warn, component, __VA_ARGS__)
#define VIADUCT_LOG_INFO(component, ...) VIADUCT_LOG_AT(::viaduct::LogLevel::info, component, __VA_ARGS__)
#define VIADUCT_LOG_DEBUG(component, ...) VIADUCT_LOG_AT(::viaduct::LogLevel::debug, component, __VA_ARGS__)
