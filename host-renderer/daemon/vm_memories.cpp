#include "host-renderer/daemon/vm_memories.hpp"

#include <sys/statvfs.h>

#include <utility>

#include "base/log.hpp"

namespace viaduct::host::daemon {

namespace {

// A file there has no pages before somebody writes to it, and whoever finds no page left is killed.
void warn_of_small_folder(uint64_t all) {
  struct statvfs info {};
  if (::statvfs(vm::kMemoryFolder, &info) != 0) return;
  const uint64_t room = uint64_t{info.f_blocks} * info.f_frsize;
  if (room >= all) return;
  VIADUCT_LOG_WARN(
      "daemon",
      "the VMs' shared memory is %llu MiB altogether and %s holds %llu: a VM that finds it full is "
      "killed; mount -o remount,size=%lluM %s, or give the tenants less `memory`",
      static_cast<unsigned long long>(all >> 20), vm::kMemoryFolder,
      static_cast<unsigned long long>(room >> 20), static_cast<unsigned long long>(2 * all >> 20),
      vm::kMemoryFolder);
}

}  // namespace

VmMemories open_vm_memories(const Config& config, uid_t uid, gid_t gid) {
  VmMemories memories;
  uint64_t all = 0;
  for (const auto& [name, tenant] : config.tenants) {
    if (tenant.memory_bytes == 0) continue;
    vm::MemoryFileOptions options;
    all += tenant.memory_bytes;
    options.tenant = name;
    options.size = tenant.memory_bytes;
    options.service_uid = uid;
    options.service_gid = gid;
    options.opener = tenant.memory_owner;
    auto file = vm::open_memory_file(options);
    if (!file) {
      VIADUCT_LOG_ERROR("daemon", "tenant %s has no shared memory: %s", name.c_str(), file.error().c_str());
      memories[name].error = file.error();
      continue;
    }
    VIADUCT_LOG_INFO("daemon", "tenant %s: shared memory %s, %llu MiB", name.c_str(), file->path.c_str(),
                     static_cast<unsigned long long>(file->size >> 20));
    memories[name].memory = vm::VmMemory::start(std::move(*file));
  }
  if (all > 0) warn_of_small_folder(all);
  return memories;
}

}  // namespace viaduct::host::daemon
