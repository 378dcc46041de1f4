// A session, as a program has one: what carries it, the test picture, how mapped memory is shared, and how
// quick it is.
#pragma once

#include <functional>
#include <string>

#include "tools/report/report.hpp"

namespace viaduct::tools {

// What comes of it stands in the report, piece by piece: `add` is called for each.
struct SessionChecks {
  std::function<void(Finding)> add;
  // A place that asks for the memory device and nothing else; empty where there is none that can be mapped,
  // or the place forbids it.
  std::string memory_url;
};
void check_session(const SessionChecks& checks);

// `driver_info` begins with the host's "Viaduct VERSION"; own is this package's.
Finding compare_versions(const std::string& driver_info, const std::string& own);

// What stands behind "words: " in the last line of the driver's log that has it; empty if none has.
std::string said_of(const std::string& log, const std::string& words);

// "1.50 GB/s", "12.3 MB/s".
std::string spell_rate(double bytes_per_second);

}  // namespace viaduct::tools
