// viaductd's command line.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host-renderer/daemon/config.hpp"

namespace viaduct::host::daemon {

struct Options {
  std::vector<std::string> listen;
  std::string driver;
  std::string gpu;
  std::string gl;
  std::string config;
  std::string worker;  // --worker: another worker binary, for tests; not in the help
  std::vector<std::string> expose;
  bool require_sandbox = false;
  bool validate = false;
  bool list_gpus = false;
  bool help = false;
  bool version = false;
};

// Errors are for people.
[[nodiscard]] tl::expected<Options, std::string> parse_options(int argc, const char* const* argv);
const char* daemon_help();

// The command line wins over the file.
void overlay(const Options& options, Config& config);

}  // namespace viaduct::host::daemon
