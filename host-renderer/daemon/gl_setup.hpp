// What an OpenGL server is on this machine: virglrenderer's virgl_test_server, which renders by the host's
// OpenGL what Mesa's `virpipe` driver in a guest sends it. Optional: looked for only where `gl = "virgl"`.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/sandbox/launch.hpp"

namespace viaduct::host::daemon {

// Everything but the mode of confinement. Errors are for people: what is missing and how to install it. The
// server is looked for in PATH.
[[nodiscard]] tl::expected<sandbox::LaunchConfig, std::string> make_gl_launch_config(const Config& config);

// The most that an OpenGL server of such a tenant may map: its arena and device memory, and what the server,
// a software driver and its compiler need themselves.
[[nodiscard]] uint64_t gl_address_space(const TenantConfig& limits);

}  // namespace viaduct::host::daemon
