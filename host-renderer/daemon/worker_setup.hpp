// What a worker is on this machine: its binary, its environment, its view of the file system.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/sandbox/launch.hpp"

namespace viaduct::host::daemon {

// Everything but the mode of confinement. `worker` overrides the binary that lies beside viaductd or in
// its ../libexec/viaduct.
[[nodiscard]] tl::expected<sandbox::LaunchConfig, std::string> make_launch_config(const Config& config,
                                                                                  const std::string& worker);

// Which of the caller's variables a worker gets to see: those that drivers, loaders, sanitizers and
// Viaduct itself read, never a whole environment with its secrets.
[[nodiscard]] bool passes_to_worker(std::string_view variable);

}  // namespace viaduct::host::daemon
