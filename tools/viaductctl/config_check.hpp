// Looks at the service's settings by viaductd's own reader, and says all that is wrong in them. Connects to
// nothing.
#pragma once

#include <string>
#include <vector>

namespace viaduct::tools {

struct CheckOutcome {
  std::string text;    // a line for each complaint, or for each path with which nothing is wrong
  bool right = false;  // viaductd would take the settings
};

// A path is a file that viaductd's --config may name, a folder with a viaductd.toml, or a file of a
// tenants.d, which is looked at with the settings to which it belongs. Each means the tenants.d beside it
// too.
[[nodiscard]] CheckOutcome check_config(const std::vector<std::string>& paths);

}  // namespace viaduct::tools
