// `viaductctl doctor`: every prerequisite of the host by name, and what mends what is missing.
#pragma once

#include <string>

#include "tools/report/report.hpp"

namespace viaduct::tools {

struct DoctorOptions {
  std::string url;  // empty = VIADUCT_URL or the standard places
  std::string config_dir = "/etc/viaduct";
};

// Asks the service, or, where none answers, tries a worker as viaductd would. Changes nothing, and ends
// within a minute.
[[nodiscard]] Report examine_host(const DoctorOptions& options);

}  // namespace viaduct::tools
