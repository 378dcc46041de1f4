// What a worker is on this machine: its binary, its environment, its view of the file system.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/sandbox/launch.hpp"

namespace viaduct::host::daemon {

// Where the Vulkan loader looks for explicit layers, if VK_LAYER_PATH does not say otherwise.
std::vector<std::string> system_layer_folders();

// Everything but the mode of confinement. `worker` overrides the binary that lies beside viaductd or in
// its ../libexec/viaduct; `layer_folders` is where the validation layer may be installed.
[[nodiscard]] tl::expected<sandbox::LaunchConfig, std::string> make_launch_config(
    const Config& config, const std::string& worker,
    const std::vector<std::string>& layer_folders = system_layer_folders());

// Empty, or why there is no Vulkan driver at all that workers could load.
[[nodiscard]] std::string missing_driver(const Config& config);

// Where a file of this project's lies: `name` beside viaductd, in ../libexec/viaduct, or in ../lib of a build
// tree. Empty if it is in none; `tried` is the list of them then.
[[nodiscard]] std::string find_beside(const std::string& name, std::string& tried);

// Adds those of the caller's variables to an environment that are passed on and not set in it.
void inherit_environment(std::vector<std::string>& environment);

// Which of the caller's variables a worker gets to see: those that drivers, loaders, sanitizers and
// Viaduct itself read, never a whole environment with its secrets.
[[nodiscard]] bool passes_to_worker(std::string_view variable);

}  // namespace viaduct::host::daemon
