#include "base/trace.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace viaduct {
namespace detail {
std::atomic<int> trace_state{-1};
}

namespace {

constexpr std::size_t kBufferSize = 32 * 1024;
constexpr std::uint64_t kFlushAfterNs = 500'000'000u;

// No destructor: spans may end while the process exits.
struct State {
  std::mutex mutex;
  int fd = -1;
  std::size_t used = 0;
  std::uint64_t last_flush_ns = 0;
  char buffer[kBufferSize] = {};
};
constinit State g_state;

void flush_locked() noexcept {
  std::size_t done = 0;
  while (done < g_state.used) {
    const ssize_t n = ::write(g_state.fd, g_state.buffer + done, g_state.used - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  g_state.used = 0;
  g_state.last_flush_ns = now_ns();
}

}  // namespace

bool detail::trace_start_slow() noexcept {
  const std::lock_guard lock(g_state.mutex);
  const int state = trace_state.load(std::memory_order_relaxed);
  if (state >= 0) return state > 0;
  const char* path = std::getenv("VIADUCT_TRACE");
  if (path != nullptr && path[0] != '\0') {
    g_state.fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct stat info;
    // The format allows the closing bracket to be missing.
    if (g_state.fd >= 0 && ::fstat(g_state.fd, &info) == 0 && info.st_size == 0 &&
        ::write(g_state.fd, "[\n", 2) != 2) {
      ::close(g_state.fd);
      g_state.fd = -1;
    }
  }
  trace_state.store(g_state.fd >= 0 ? 1 : 0, std::memory_order_release);
  return g_state.fd >= 0;
}

void trace_start() noexcept { (void)detail::tracing(); }

void trace_flush() noexcept {
  const std::lock_guard lock(g_state.mutex);
  if (g_state.fd >= 0) flush_locked();
}

void detail::trace_complete(const char* name, std::uint64_t sequence, std::uint64_t start_ns,
                            std::uint64_t end_ns) noexcept {
  char line[256];
  const int n = std::snprintf(line, sizeof(line),
                              "{\"name\":\"%.100s\",\"ph\":\"X\",\"ts\":%" PRIu64 ".%03u,\"dur\":%" PRIu64
                              ".%03u,\"pid\":%d,\"tid\":%ld,\"args\":{\"seq\":%" PRIu64 "}},\n",
                              name, start_ns / 1000, static_cast<unsigned>(start_ns % 1000),
                              (end_ns - start_ns) / 1000, static_cast<unsigned>((end_ns - start_ns) % 1000),
                              static_cast<int>(::getpid()), ::syscall(SYS_gettid), sequence);
  if (n <= 0 || static_cast<std::size_t>(n) >= sizeof(line)) return;
  const std::lock_guard lock(g_state.mutex);
  if (g_state.fd < 0) return;
  if (g_state.used + static_cast<std::size_t>(n) > kBufferSize) flush_locked();
  for (int i = 0; i < n; ++i) g_state.buffer[g_state.used++] = line[i];
  if (end_ns - g_state.last_flush_ns >= kFlushAfterNs) flush_locked();
}

}  // namespace viaduct
