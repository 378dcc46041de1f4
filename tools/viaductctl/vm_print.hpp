// What `viaductctl vm` prints: what to add to a VM, to the service and inside the VM. No state; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host-renderer/daemon/config.hpp"

namespace viaduct::tools {

struct VmRecipe {
  std::string name;
  host::daemon::TenantConfig settings;
  std::string config_dir;           // absolute
  std::vector<std::string> listen;  // the service's; empty = its default
};

// "qemu", "libvirt" or "proxmox".
[[nodiscard]] bool valid_print(std::string_view form);

// The devices, as the hypervisor wants them told; a line each, ends with a line end.
[[nodiscard]] std::string vm_devices(const VmRecipe& vm, std::string_view form);

// Everything: the service, the devices in this form (empty = in every form), inside the VM.
[[nodiscard]] std::string vm_recipe(const VmRecipe& vm, std::string_view form);

// A table of the tenants that are VMs.
[[nodiscard]] std::string vm_table(const host::daemon::Config& config);

// "512 MiB", "2 GiB".
[[nodiscard]] std::string spell_size(uint64_t bytes);

}  // namespace viaduct::tools
