// viaductctl's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "tools/viaductctl/top/figures.hpp"

namespace viaduct::tools {

enum class Verb { help, version, status, top, run, gpus, kill, vm, doctor, policy, tenant, config };
enum class VmVerb { list, add, show, remove };

struct VmOptions {
  VmVerb verb = VmVerb::list;
  std::string name;                         // empty for list
  std::string config_dir = "/etc/viaduct";  // doctor and config have it too
  std::string memory;                       // as spelled; empty = none
  std::string memory_owner;
  std::string print;  // empty = every form
  std::optional<uint32_t> cid;
  bool doorbell = false;
};

struct TopOptions {
  bool once = false;
  int interval_ms = 1000;
  SortKey sort = SortKey::tenant;
  std::string filter;
  bool by_tenant = false;
};

struct CtlOptions {
  Verb verb = Verb::help;
  std::string url;     // --url; empty = VIADUCT_URL or the standard places
  std::string tenant;  // run --tenant
  bool gl = true;      // false: run --no-gl
  std::string gl_by;   // run --gl zink|virgl; empty = what the service has
  bool json = false;
  uint32_t session = 0;              // kill
  std::vector<std::string> program;  // run
  VmOptions vm;
  std::string policy;             // policy
  std::string set_tenant;         // tenant set
  std::optional<uint32_t> share;  // percent; 0: none of its own
  std::optional<uint32_t> fps;    // 0: no cap
  TopOptions top;
  std::vector<std::string> check_paths;  // config check
};

// Errors are for people.
[[nodiscard]] tl::expected<CtlOptions, std::string> parse_ctl_options(int argc, const char* const* argv);
const char* ctl_help();

}  // namespace viaduct::tools
