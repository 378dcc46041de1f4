#include "host-renderer/sandbox/filesystem.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"

namespace viaduct::host::sandbox {
namespace {

constexpr const char* kOldRoot = "/.old";

Failure failed(std::string what) { return {std::move(what), errno}; }

bool make_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (::mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST) return false;
  }
  return true;
}

// Adds flags to a mount and all below it. Only ever adds, so it also works on mounts whose flags a user
// namespace has locked.
bool restrict_mount(const std::string& path, uint64_t attributes) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), AT_RECURSIVE, &attr, sizeof(attr)) == 0)
    return true;
  if (errno != ENOSYS) return false;
  // Before Linux 5.12: the mount itself, keeping the flags it has.
  struct statvfs now {};
  if (::statvfs(path.c_str(), &now) != 0) return false;
  unsigned long flags = MS_REMOUNT | MS_BIND;
  if ((now.f_flag & ST_NODEV) != 0 || (attributes & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
  if ((now.f_flag & ST_NOEXEC) != 0 || (attributes & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((now.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((now.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((now.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  flags |= MS_NOSUID | MS_RDONLY;
  return ::mount(nullptr, path.c_str(), nullptr, flags, nullptr) == 0;
}

Failure bind_entry(const ViewEntry& entry) {
  if (!make_parents(entry.path)) return failed("make the folders above " + entry.path);
  if (entry.kind == ViewEntry::Kind::link) {
    if (::symlink(entry.source.c_str(), entry.path.c_str()) != 0 && errno != EEXIST) {
      return failed("link " + entry.path);
    }
    return {};
  }
  if (entry.kind == ViewEntry::Kind::directory) {
    if (::mkdir(entry.path.c_str(), 0755) != 0 && errno != EEXIST) return failed("make " + entry.path);
  } else {
    const UniqueFd file(::open(entry.path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    if (!file && errno != EEXIST) return failed("make " + entry.path);
  }
  const std::string source = kOldRoot + entry.source;
  if (::mount(source.c_str(), entry.path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return failed("bind " + entry.source);
  }
  uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  attributes |= entry.kind == ViewEntry::Kind::device ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV;
  if (!restrict_mount(entry.path, attributes)) return failed("make read-only " + entry.path);
  return {};
}

// Only the process directories where the kernel can hide the rest. A container may forbid a new /proc
// altogether; drivers manage without.
void mount_proc(bool whole) {
  if (::mkdir("/proc", 0555) != 0 && errno != EEXIST) return;
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
  if (!whole && ::mount("proc", "/proc", "proc", flags, "subset=pid,hidepid=2") == 0) return;
  ::mount("proc", "/proc", "proc", flags, "hidepid=2");
}

}  // namespace

Failure enter_private_root(const View& view, const std::string& worker, const std::string& name) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("make mounts private");
  const char* base = nullptr;
  for (const char* folder : {"/tmp", "/run", "/mnt", "/var"}) {
    struct stat info {};
    if (base == nullptr && ::stat(folder, &info) == 0 && S_ISDIR(info.st_mode)) base = folder;
  }
  if (base == nullptr) return {"find a folder to mount on", ENOENT};
  if (::mount("viaduct", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m,nr_inodes=4k") != 0) {
    return failed("mount a tmpfs");
  }
  const std::string old_inside = std::string(base) + kOldRoot;
  if (::mkdir(old_inside.c_str(), 0755) != 0) return failed("make the old root's folder");
  if (::syscall(SYS_pivot_root, base, old_inside.c_str()) != 0) return failed("change the root");
  if (::chdir("/") != 0) return failed("enter the new root");

  for (const ViewEntry& entry : view.entries) {
    if (const Failure failure = bind_entry(entry); !failure.ok()) return failure;
  }
  const ViewEntry program{ViewEntry::Kind::file, path_inside(name), worker};
  if (const Failure failure = bind_entry(program); !failure.ok()) return failure;
  mount_proc(view.nvidia);
  if (::umount2(kOldRoot, MNT_DETACH) != 0) return failed("let go of the old root");
  if (::rmdir(kOldRoot) != 0) return failed("remove the old root's folder");
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr) != 0) {
    return failed("make the new root read-only");
  }
  return {};
}

Failure restrict_paths(const View& view, const std::string& worker, bool& enforced) {
  enforced = false;
  constexpr uint64_t kRead =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  constexpr uint64_t kFileOnly =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
  landlock_ruleset_attr attr{};
  attr.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // everything of the first version
  const UniqueFd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0)));
  if (!rules) return errno == ENOSYS || errno == EOPNOTSUPP ? Failure{} : failed("make Landlock rules");

  const auto allow = [&](const std::string& path, uint64_t access) {
    const UniqueFd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!target) return true;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = target.get();
    return ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  };
  for (const ViewEntry& entry : view.entries) {
    uint64_t access = kRead;
    if (entry.kind == ViewEntry::Kind::link) continue;
    if (entry.kind == ViewEntry::Kind::file) access &= kFileOnly;
    if (entry.kind == ViewEntry::Kind::device) {
      access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    }
    if (!allow(entry.source, access)) return failed("allow " + entry.source);
  }
  if (!allow(worker, kRead & kFileOnly)) return failed("allow " + worker);
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return failed("enforce Landlock rules");
  enforced = true;
  return {};
}

}  // namespace viaduct::host::sandbox
