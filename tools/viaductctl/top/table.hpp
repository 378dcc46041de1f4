// The figures of `viaductctl top` as lines of text and as JSON. ASCII only, so a line has as many columns as
// bytes. Values only; any thread.
#pragma once

#include <string>
#include <vector>

#include "generated/protocol/control/control.pb.h"
#include "tools/viaductctl/top/figures.hpp"

namespace viaduct::tools {

// The first line has the names of the columns, the others the figures in their order; `with_sessions` false:
// the figures are tenants'.
struct FiguresTable {
  std::vector<std::string> lines;
  // Where the name of the column stands by which is sorted.
  std::size_t sorted_at = 0;
  std::size_t sorted_size = 0;
};
[[nodiscard]] FiguresTable figures_table(const std::vector<Figures>& figures, bool with_sessions,
                                         SortKey key);

// The service, and the sums over what is shown.
[[nodiscard]] std::string top_summary(const control::Status& status, const std::vector<Figures>& sessions);

// {"version", "pid", "uptime_ms", "interval_ms", "tenants": [{…, "sessions": [{…}]}]}; only tenants and
// sessions that are among the figures, in their order.
[[nodiscard]] std::string top_json(const control::Status& status, uint64_t interval_ms,
                                   const std::vector<Figures>& sessions, const std::vector<Figures>& tenants);

}  // namespace viaduct::tools
