#include "host-renderer/vm/memory_file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

namespace viaduct::host::vm {
namespace {

std::string because(const std::string& what) { return what + ": " + std::strerror(errno); }

std::string how_to_remove(const std::string& path) {
  return "; stop the VM that uses it, then: rm " + path + " (viaductd makes a new one when it starts)";
}

std::string in_mebibytes(uint64_t size) {
  constexpr uint64_t kMiB = 1u << 20;
  return size % kMiB == 0 ? std::to_string(size / kMiB) + " MiB" : std::to_string(size) + " bytes";
}

std::optional<uid_t> user_called(const std::string& name) {
  if (const passwd* user = ::getpwnam(name.c_str())) return user->pw_uid;
  uid_t uid = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data(), end, uid);
  if (parsed.ec != std::errc() || parsed.ptr != end || uid == static_cast<uid_t>(-1)) return std::nullopt;
  return uid;
}

// An access control list as the kernel takes it (linux/posix_acl_xattr.h): rights for the owner and for one
// more user.
struct AclEntry {
  uint16_t tag;
  uint16_t rights;
  uint32_t id;
};
struct Acl {
  uint32_t version = 2;
  std::array<AclEntry, 5> entries;
};
static_assert(sizeof(Acl) == 44);

bool let_user_in(int file, uid_t user) {
  constexpr uint16_t kOwner = 1, kUser = 2, kGroup = 4, kMask = 16, kOthers = 32;
  constexpr uint16_t kBoth = 6;
  constexpr uint32_t kNobody = ~0u;
  const Acl acl{.entries = {{{kOwner, kBoth, kNobody},
                             {kUser, kBoth, user},
                             {kGroup, 0, kNobody},
                             {kMask, kBoth, kNobody},
                             {kOthers, 0, kNobody}}}};
  return ::fsetxattr(file, "system.posix_acl_access", &acl, sizeof(acl), 0) == 0;
}

tl::expected<void, std::string> set_rights(int file, const MemoryFileOptions& options,
                                           const std::string& path) {
  if (::fchmod(file, 0600) != 0) return tl::unexpected(because("set the mode of " + path));
  if (options.opener.empty()) return {};
  const auto user = user_called(options.opener);
  if (!user) {
    return tl::unexpected("tenant " + options.tenant + ": no user '" + options.opener + "' (memory_owner)");
  }
  if (*user == 0 || *user == options.service_uid || let_user_in(file, *user)) return {};
  return tl::unexpected(because("let " + options.opener + " (memory_owner) open " + path) +
                        "; the file system needs access control lists");
}

// It gets its name when it is whole: a service that is killed meanwhile leaves nothing that the next one
// would have to refuse.
tl::expected<UniqueFd, std::string> make(const MemoryFileOptions& options, const std::string& path) {
  const std::string unfinished = options.folder + "/.viaduct-" + options.tenant + ".new";
  ::unlink(unfinished.c_str());
  UniqueFd file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return tl::unexpected(because("make " + unfinished));
  const auto give_up = [&](const std::string& text) {
    ::unlink(unfinished.c_str());
    return tl::unexpected(text);
  };
  if (::ftruncate(file.get(), static_cast<off_t>(options.size)) != 0) {
    return give_up(because("make " + path + " " + in_mebibytes(options.size) + " large"));
  }
  if (::geteuid() != options.service_uid &&
      ::fchown(file.get(), options.service_uid, options.service_gid) != 0) {
    return give_up(because("give " + path + " to the service's user"));
  }
  if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    return give_up(because("make " + path));
  }
  return file;
}

tl::expected<void, std::string> check_adopted(const MemoryFileOptions& options, const std::string& path,
                                              const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return tl::unexpected(path + " is no ordinary file" + how_to_remove(path));
  if (info.st_uid != options.service_uid) {
    return tl::unexpected(path + " belongs to uid " + std::to_string(info.st_uid) +
                          " and not to the service (uid " + std::to_string(options.service_uid) +
                          "), so somebody else made it" + how_to_remove(path));
  }
  if (info.st_nlink != 1) {
    return tl::unexpected(path + " has another name as well (a hard link), so two tenants may share it" +
                          how_to_remove(path));
  }
  if (static_cast<uint64_t>(info.st_size) != options.size) {
    return tl::unexpected(path + " is " + in_mebibytes(static_cast<uint64_t>(info.st_size)) +
                          " large and the tenant's `memory` says " + in_mebibytes(options.size) +
                          how_to_remove(path) + ", or set `memory` back");
  }
  return {};
}

}  // namespace

std::string memory_path(const std::string& tenant, const std::string& folder) {
  return folder + "/viaduct-" + tenant;
}

tl::expected<MemoryFile, std::string> open_memory_file(const MemoryFileOptions& options) {
  const std::string path = memory_path(options.tenant, options.folder);
  // Without O_CREAT: in a folder that everybody may write to, the kernel refuses it for files of others.
  UniqueFd file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) {
    auto made = make(options, path);
    if (!made) return tl::unexpected(made.error());
    file = std::move(*made);
  }
  if (!file && errno == ELOOP) {
    return tl::unexpected(path + " is a symbolic link, which viaductd does not follow" + how_to_remove(path));
  }
  if (!file) return tl::unexpected(because("open " + path) + how_to_remove(path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return tl::unexpected(because("look at " + path));
  if (auto checked = check_adopted(options, path, info); !checked) return tl::unexpected(checked.error());
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return tl::unexpected(path +
                          " is in use by another viaductd, or by another tenant's name for it; stop that "
                          "one, or rename the tenant");
  }
  if (auto set = set_rights(file.get(), options, path); !set) return tl::unexpected(set.error());
  const std::string ours = "/proc/self/fd/" + std::to_string(file.get());
  UniqueFd lent(::open(ours.c_str(), O_RDWR | O_CLOEXEC));
  if (!lent) return tl::unexpected(because("open " + path + " once more"));
  return MemoryFile{std::move(file), std::move(lent), path, options.size};
}

tl::expected<FileSight, std::string> look_at_memory_file(const MemoryFileOptions& options) {
  const std::string path = memory_path(options.tenant, options.folder);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return FileSight::missing;
    return tl::unexpected(because("look at " + path));
  }
  if (auto checked = check_adopted(options, path, info); !checked) return tl::unexpected(checked.error());
  return FileSight::fits;
}

tl::expected<void, std::string> MemoryFile::check() const {
  struct stat ours {};
  struct stat named {};
  if (::fstat(fd.get(), &ours) != 0) return tl::unexpected(because("look at " + path));
  if (static_cast<uint64_t>(ours.st_size) != size) {
    return tl::unexpected("the host's file " + path + " was cut to " +
                          in_mebibytes(static_cast<uint64_t>(ours.st_size)) + " instead of " +
                          in_mebibytes(size) + how_to_remove(path));
  }
  if (::lstat(path.c_str(), &named) != 0 || named.st_dev != ours.st_dev || named.st_ino != ours.st_ino) {
    return tl::unexpected(
        "the host's file " + path +
        " was removed or replaced while the service ran; stop the VM, restart viaductd, and "
        "start the VM again");
  }
  return {};
}

}  // namespace viaduct::host::vm
