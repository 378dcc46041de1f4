// The file that is a VM's shared memory: /dev/shm/viaduct-NAME, which QEMU maps as the BAR of an ivshmem
// device.
//
// Made before the service drops its privileges, and kept: it outlives the service, since VMs have it mapped,
// and is adopted again at the next start if it is what it should be. A file that is not (another size, owner
// or kind) is an error that names the command which mends it; nothing is ever replaced, for a VM that has the
// old one mapped would not notice. Errors are sentences for people. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "base/unique_fd.hpp"

namespace viaduct::host::vm {

inline constexpr const char* kMemoryFolder = "/dev/shm";

struct MemoryFileOptions {
  std::string tenant;
  uint64_t size = 0;
  uid_t service_uid = 0;  // the file's owner
  gid_t service_gid = 0;
  std::string opener;  // a user, by name or number, who may open it too; empty: root and the owner alone
  std::string folder = kMemoryFolder;
};

// Open for reading and writing, and locked: one service has it at a time.
struct MemoryFile {
  UniqueFd fd;
  // The same file, opened once more, for those who map it (workers, QEMU): a mapping holds what it was made
  // from, and so would hold the lock when this service is gone.
  UniqueFd lent;
  std::string path;
  uint64_t size = 0;

  // Whether the path still names this file and its size is right; otherwise what has happened and what to do.
  [[nodiscard]] tl::expected<void, std::string> check() const;
};

std::string memory_path(const std::string& tenant, const std::string& folder = kMemoryFolder);
[[nodiscard]] tl::expected<MemoryFile, std::string> open_memory_file(const MemoryFileOptions& options);

// Whether open_memory_file would adopt the file as it is; makes and changes nothing.
enum class FileSight { missing, fits };
[[nodiscard]] tl::expected<FileSight, std::string> look_at_memory_file(const MemoryFileOptions& options);

}  // namespace viaduct::host::vm
