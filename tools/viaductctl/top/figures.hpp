// What `viaductctl top` shows of each session and tenant: rates and frame times, by the differences of two
// samples of the service's counters. The counters are what workers claim, so nothing here trusts them: one
// that went back counts as one that stood still.
//
// Values only; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generated/protocol/control/control.pb.h"

namespace viaduct::tools {

struct Figures {
  std::string tenant;
  uint32_t session = 0;  // 0: of the tenant as a whole
  uint32_t pid = 0;
  std::string program;
  std::string kind;
  bool counted = true;  // false: nobody counts what it does, so the figures are none (OpenGL servers)
  std::string state;
  uint64_t age_ms = 0;
  uint32_t sessions = 1;       // of a tenant
  uint32_t session_limit = 0;  // of its tenant
  // Each second.
  double frames = 0;
  double commands = 0;
  double submits = 0;
  double bytes = 0;
  // Shares of the time, 1 is all of it; a tenant's are sums.
  double gpu_busy = 0;                // a submission was under way
  double gpu_waited = 0;              // it waited for its turn at the GPU
  std::vector<uint64_t> frame_times;  // counts by LogBuckets
  uint64_t frame_p99_ns = 0;          // 0: no frame followed another
  uint64_t device_memory = 0;
  uint64_t device_memory_limit = 0;  // of each session; 0: the driver's own
  uint64_t arena = 0;
  uint64_t arena_limit = 0;
};

enum class SortKey { tenant, session, program, fps, p99, gpu, memory, commands, bytes };
inline constexpr int kSortKeys = 9;
// "fps" and so on; null beyond the last.
const char* sort_key_name(SortKey key);
[[nodiscard]] std::optional<SortKey> find_sort_key(std::string_view name);

// Each session, since `before`, or since it began if it is younger. With another service's sample as `before`
// (it was started anew), or none, since it began.
[[nodiscard]] std::vector<Figures> figures_of(const control::Status* before, const control::Status& now);
// The tenants of the status: rates and memory are sums, the frame times those of all sessions together.
// Tenants without a session are there too.
[[nodiscard]] std::vector<Figures> tenant_figures(const control::Status& now,
                                                  const std::vector<Figures>& sessions);

// Names upwards, figures downwards, unless reversed; equal ones by tenant and session.
void sort_figures(std::vector<Figures>& figures, SortKey key, bool reversed);
// Whether tenant or program has this in it, in any case. An empty text is in everything.
[[nodiscard]] bool matches(const Figures& figures, std::string_view text);

}  // namespace viaduct::tools
