// The shared memory of every tenant's VM, opened while the service is still root. One that cannot be had is
// that tenant's misfortune: it is logged, its guests are told, and everybody else is served.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/vm/vm_memory.hpp"

namespace viaduct::host::daemon {

struct VmMemoryOrNot {
  std::shared_ptr<vm::VmMemory> memory;  // null: `error` says why
  std::string error;
};
using VmMemories = std::map<std::string, VmMemoryOrNot>;  // by tenant; those whose settings have `memory`

// The service's user, who owns the files.
[[nodiscard]] VmMemories open_vm_memories(const Config& config, uid_t uid, gid_t gid);

}  // namespace viaduct::host::daemon
