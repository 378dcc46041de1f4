#include "host-renderer/daemon/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace viaduct::host::daemon {
namespace {

struct Range {
  uid_t first;
  uint32_t count;
};
// The first range is left unused by systemd's table of uids (systemd.io/UIDS-GIDS); the second, below
// 65536, is too, for containers that map no more than 65536 ids.
constexpr Range kHigh{1'900'000'000, 65'536};
constexpr Range kLow{60'706, 470};

bool is_mapped(uid_t uid) {
  const std::unique_ptr<FILE, int (*)(FILE*)> map(std::fopen("/proc/self/uid_map", "re"), &std::fclose);
  if (!map) return true;  // no user namespaces in this kernel
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  while (std::fscanf(map.get(), "%lu %lu %lu", &inside, &outside, &count) == 3) {
    if (uid >= inside && uid - inside < count) return true;
  }
  return false;
}

const Range& range() {
  static const Range chosen = is_mapped(kHigh.first + kHigh.count) ? kHigh : kLow;
  return chosen;
}

}  // namespace

Identity service_identity() {
  if (::geteuid() != 0) return {::geteuid(), ::getegid()};
  if (const passwd* user = ::getpwnam("viaduct"); user != nullptr && user->pw_uid != 0) {
    return {user->pw_uid, user->pw_gid};
  }
  return {range().first, range().first};
}

uid_t throw_away_uid(uint32_t serial) { return range().first + 1 + serial % (range().count - 1); }

Result<> become(const Identity& identity) {
  if (::geteuid() != 0) return {};
  if (::setgroups(0, nullptr) != 0) return fail(Errc::io, "drop supplementary groups", errno);
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0)
    return fail(Errc::io, "drop the gid", errno);
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0)
    return fail(Errc::io, "drop the uid", errno);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(Errc::io, "set no_new_privs", errno);
  return {};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace viaduct::host::daemon
