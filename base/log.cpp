#include "base/log.hpp"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

#include "base/clock.hpp"
#include "base/switches.hpp"

namespace viaduct {
namespace detail {
std::atomic<int> log_max_level{-1};
}

namespace {

constexpr const char* kLevelNames[] = {"off", "error", "warn", "info", "debug"};
constexpr std::size_t kMaxComponents = 32;
constexpr std::size_t kMaxLine = 1024;

struct ComponentLevel {
  char name[32];
  int level;
};

// Plain storage without destructors: lines may be written while a process exits or a library is unloaded.
struct State {
  std::mutex mutex;
  int fd = STDERR_FILENO;
  bool explicit_default = false;
  int default_level = static_cast<int>(LogLevel::warn);
  ComponentLevel components[kMaxComponents] = {};
  std::size_t n_components = 0;
  char context[160] = {};
  LogSink sink = nullptr;
};
constinit State g_state;

int parse_level(std::string_view word) noexcept {
  for (int i = 0; i < 5; ++i) {
    if (word == kLevelNames[i]) return i;
  }
  return -1;
}

void parse_filter(const char* text) noexcept {
  g_state.n_components = 0;
  std::string_view rest = text != nullptr ? text : "";
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const std::size_t colon = word.find(':');
    const int level = parse_level(colon == std::string_view::npos ? word : word.substr(colon + 1));
    if (level < 0) continue;
    if (colon == std::string_view::npos) {
      g_state.default_level = level;
      g_state.explicit_default = true;
    } else if (g_state.n_components < kMaxComponents) {
      ComponentLevel& component = g_state.components[g_state.n_components++];
      const std::size_t n = std::min(colon, sizeof(component.name) - 1);
      std::memcpy(component.name, word.data(), n);
      component.name[n] = '\0';
      component.level = level;
    }
  }
}

void publish_max_level() noexcept {
  int max = g_state.default_level;
  for (std::size_t i = 0; i < g_state.n_components; ++i) max = std::max(max, g_state.components[i].level);
  detail::log_max_level.store(max, std::memory_order_release);
}

void initialise_locked() noexcept {
  if (detail::log_max_level.load(std::memory_order_relaxed) >= 0) return;
  parse_filter(std::getenv("VIADUCT_LOG"));
  publish_max_level();
}

// Whether this line may be written; `missed` is how many were not since the last one that was.
bool admit(detail::LogSite& site, std::uint32_t& missed) noexcept {
  missed = 0;
  if (debug_enabled(DebugSwitch::all_logs)) return true;
  const std::uint64_t now = now_ns();
  const std::uint64_t start = site.window_start_ns.load(std::memory_order_relaxed);
  if (start == 0 || now - start >= 1'000'000'000u) {
    site.window_start_ns.store(now, std::memory_order_relaxed);
    site.in_window.store(1, std::memory_order_relaxed);
    missed = site.suppressed.exchange(0, std::memory_order_relaxed);
    return true;
  }
  if (site.in_window.fetch_add(1, std::memory_order_relaxed) < kLogBurst) return true;
  site.suppressed.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace

void log_set_default_level(LogLevel level) noexcept {
  const std::lock_guard lock(g_state.mutex);
  initialise_locked();
  if (!g_state.explicit_default) g_state.default_level = static_cast<int>(level);
  publish_max_level();
}

void log_set_context(const char* side, const char* tenant, std::uint32_t session) noexcept {
  const std::lock_guard lock(g_state.mutex);
  int n = std::snprintf(g_state.context, sizeof(g_state.context), "%.63s", side);
  if (n >= 0 && tenant != nullptr && tenant[0] != '\0') {
    n += std::snprintf(g_state.context + n, sizeof(g_state.context) - static_cast<std::size_t>(n),
                       " tenant=%.63s", tenant);
  }
  if (n >= 0 && session != 0) {
    std::snprintf(g_state.context + n, sizeof(g_state.context) - static_cast<std::size_t>(n), " session=%u",
                  session);
  }
}

void log_set_sink(LogSink sink) noexcept {
  const std::lock_guard lock(g_state.mutex);
  g_state.sink = sink;
}

void log_configure_for_test(const char* filter, int fd) noexcept {
  const std::lock_guard lock(g_state.mutex);
  g_state.fd = fd;
  g_state.explicit_default = false;
  g_state.default_level = static_cast<int>(LogLevel::warn);
  parse_filter(filter);
  publish_max_level();
}

bool detail::log_enabled(LogLevel level, const char* component) noexcept {
  const std::lock_guard lock(g_state.mutex);
  initialise_locked();
  int threshold = g_state.default_level;
  for (std::size_t i = 0; i < g_state.n_components; ++i) {
    if (std::strcmp(g_state.components[i].name, component) == 0) threshold = g_state.components[i].level;
  }
  return static_cast<int>(level) <= threshold;
}

void detail::log_write(LogSite& site, LogLevel level, const char* component, const char* format,
                       ...) noexcept {
  const int saved_errno = errno;
  std::uint32_t missed = 0;
  if (!admit(site, missed)) return;

  char line[kMaxLine];
  int fd;
  int n;
  LogSink sink;
  {
    const std::lock_guard lock(g_state.mutex);
    fd = g_state.fd;
    sink = g_state.sink;
    const bool has_context = g_state.context[0] != '\0';
    n = std::snprintf(line, sizeof(line), "viaduct %s%s[%d] %s %s: ", g_state.context, has_context ? " " : "",
                      static_cast<int>(::getpid()), kLevelNames[static_cast<int>(level)], component);
  }
  const int text_at = n;
  auto room = [&] { return sizeof(line) - 1 - static_cast<std::size_t>(n); };
  auto advance = [&](int written) { n += std::clamp(written, 0, static_cast<int>(room()) - 1); };
  va_list arguments;
  va_start(arguments, format);
  errno = saved_errno;
  advance(std::vsnprintf(line + n, room(), format, arguments));
  va_end(arguments);
  if (missed > 0) advance(std::snprintf(line + n, room(), " (%u lines from here were suppressed)", missed));
  for (int i = 0; i < n; ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    if (c < 0x20 || c == 0x7f) line[i] = '?';
  }
  const std::string_view whole(line, static_cast<std::size_t>(n));
  if (sink != nullptr && sink({level, component, whole, whole.substr(static_cast<std::size_t>(text_at))})) {
    errno = saved_errno;
    return;
  }
  line[n++] = '\n';
  // A log that cannot be written is lost; there is nowhere to say so.
  while (::write(fd, line, static_cast<std::size_t>(n)) < 0 && errno == EINTR) {
  }
  errno = saved_errno;
}

}  // namespace viaduct
