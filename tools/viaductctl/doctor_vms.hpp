// What `viaductctl doctor` checks of the settings: the listeners, and of each tenant that is a VM the users
// it names, its token and its shared memory. Reads files and tries addresses; changes nothing.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/vm/memory_file.hpp"
#include "tools/report/report.hpp"

namespace viaduct::tools {

struct SettingsCheck {
  const host::daemon::Config& config;
  std::string file;  // viaductd.toml, for people
  // Of the running service; none if it could not be asked.
  std::optional<std::set<std::string>> tenants;
  // How many sessions of a tenant run without shared memory.
  std::map<std::string, unsigned> stream_only;
  uid_t service_uid = 0;
  std::string memory_folder = host::vm::kMemoryFolder;
  std::string vhost_vsock = "/dev/vhost-vsock";
};

void check_users(const SettingsCheck& check, Report& report);
void check_listeners(const SettingsCheck& check, Report& report);
void check_tokens(const SettingsCheck& check, Report& report);
void check_memory(const SettingsCheck& check, Report& report);

}  // namespace viaduct::tools
