// `viaductctl vm`: tenants that are virtual machines, each a file tenants.d/NAME.toml beside viaductd's
// settings and a token in tokens/NAME. The running service knows nothing of it until it starts again.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "tools/viaductctl/options.hpp"

namespace viaduct::tools {

// What to print. Errors are for people. One call at a time in a folder is ensured by a lock on tenants.d.
[[nodiscard]] tl::expected<std::string, std::string> manage_vms(const VmOptions& options);

}  // namespace viaduct::tools
