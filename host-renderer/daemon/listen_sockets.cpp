#include "host-renderer/daemon/listen_sockets.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "host-renderer/daemon/net_sockets.hpp"
#include "transport/url.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr int kBacklog = 64;

std::string reason(const std::string& what) { return what + ": " + std::strerror(errno); }

bool fill_address(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return true;
}

// Is a live daemon behind this path?
bool answers(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

// A user or group by number: those of containers and of user namespaces have no name on the host.
std::optional<uint32_t> number_of(const std::string& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // The highest number means "leave as it is" to chown(2).
  if (error != std::errc{} || end != text.data() + text.size() || value == UINT32_MAX) return std::nullopt;
  return value;
}

tl::expected<SocketOwner, std::string> owner_of(const TenantConfig& tenant, const std::string& name,
                                                bool first_socket) {
  SocketOwner owner{::geteuid(), ::getegid(), 0600};
  if (!tenant.socket_owner.empty()) {
    if (const passwd* user = ::getpwnam(tenant.socket_owner.c_str())) {
      owner.uid = user->pw_uid;
      owner.gid = user->pw_gid;
    } else if (const auto uid = number_of(tenant.socket_owner)) {
      owner.uid = *uid;
      owner.gid = *uid;
    } else {
      return tl::unexpected("tenant " + name + ": no user '" + tenant.socket_owner + "' (socket_owner)");
    }
  }
  // Whoever may use the machine's GPU may use this service: the group of its device nodes.
  const char* group = tenant.socket_group.empty() ? nullptr : tenant.socket_group.c_str();
  const bool implied = group == nullptr && first_socket && owner.uid == 0 && ::geteuid() == 0;
  if (implied) group = "render";
  if (group != nullptr) {
    if (const struct group* found = ::getgrnam(group)) {
      owner.gid = found->gr_gid;
      owner.mode = 0660;
    } else if (const auto gid = number_of(group); gid && !implied) {
      owner.gid = *gid;
      owner.mode = 0660;
    } else if (!implied) {
      return tl::unexpected("tenant " + name + ": no group '" + tenant.socket_group + "' (socket_group)");
    }
  }
  if (tenant.socket_mode) owner.mode = *tenant.socket_mode;
  return owner;
}

tl::expected<void, std::string> make_folder(const std::string& path, uid_t uid, gid_t gid) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return tl::unexpected(reason("make " + path));
  const UniqueFd folder(::open(path.c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC));
  if (!folder) return tl::unexpected(reason("open the tenants' folder " + path));
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) return tl::unexpected(reason("look at " + path));
  if (info.st_uid == uid) return {};
  if (::fchown(folder.get(), uid, gid) != 0) {
    return tl::unexpected(
        reason("take over " + path + ", which belongs to uid " + std::to_string(info.st_uid)));
  }
  return {};
}

tl::expected<void, std::string> bind_tenant(SocketSet& set, const std::string& base, const std::string& name,
                                            const TenantConfig& tenant) {
  const bool first = name == kDefaultTenant;
  const auto owner = owner_of(tenant, name, first);
  if (!owner) return tl::unexpected(owner.error());
  auto bound = bind_socket(first ? base : tenant_path(base, name), *owner);
  if (!bound) return tl::unexpected(bound.error());
  bound->tenant = name;
  bound->base = base;
  if (first) {
    struct stat info {};
    if (::lstat(base.c_str(), &info) == 0) set.leftovers.sockets.push_back({base, info.st_dev, info.st_ino});
  }
  set.sockets.push_back(std::move(*bound));
  return {};
}

// For who runs the tenant's VM.
tl::expected<void, std::string> bind_doorbells(SocketSet& set, const std::string& base,
                                               const std::string& name, const TenantConfig& tenant) {
  TenantConfig opener;
  opener.socket_owner = tenant.memory_owner;
  const auto owner = owner_of(opener, name, false);
  if (!owner)
    return tl::unexpected("tenant " + name + ": no user '" + tenant.memory_owner + "' (memory_owner)");
  auto bound = bind_socket(doorbell_path(base, name), *owner);
  if (!bound) return tl::unexpected(bound.error());
  bound->via = BoundSocket::Via::ivshmem;
  bound->tenant = name;
  set.sockets.push_back(std::move(*bound));
  return {};
}

}  // namespace

std::string tenant_folder(const std::string& base) { return base + ".d"; }

std::string tenant_path(const std::string& base, std::string_view tenant) {
  return tenant_folder(base) + "/" + std::string(tenant) + ".sock";
}

std::string doorbell_path(const std::string& base, std::string_view tenant) {
  return tenant_folder(base) + "/" + std::string(tenant) + ".ivshmem";
}

tl::expected<BoundSocket, std::string> bind_socket(const std::string& path, const SocketOwner& owner) {
  sockaddr_un address{};
  if (!fill_address(path, address)) {
    return tl::unexpected("listen on " + path +
                          ": the path is longer than a Unix socket's 107 bytes; choose a shorter one");
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return tl::unexpected("listen on " + path +
                            ": a file of that name is there and is no socket; choose another path");
    }
    if (answers(address)) {
      return tl::unexpected("listen on " + path +
                            ": another viaductd listens there; stop it, or choose another --listen URL");
    }
    ::unlink(path.c_str());
  }
  BoundSocket bound;
  bound.path = path;
  bound.fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!bound.fd) return tl::unexpected(reason("make a socket"));
  // Nobody gets in between bind and chmod.
  const mode_t before = ::umask(0777);
  const int result = ::bind(bound.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int saved = errno;
  ::umask(before);
  errno = saved;
  if (result != 0) {
    const bool missing = errno == ENOENT;
    return tl::unexpected(reason("listen on " + path) + (missing ? "; make its folder first" : ""));
  }
  const uid_t uid = owner.uid == ::geteuid() ? static_cast<uid_t>(-1) : owner.uid;
  const gid_t gid = owner.gid == ::getegid() ? static_cast<gid_t>(-1) : owner.gid;
  if (::chown(path.c_str(), uid, gid) != 0) {
    const std::string text = reason("give " + path + " to its owner");
    ::unlink(path.c_str());
    return tl::unexpected(text);
  }
  if (::chmod(path.c_str(), owner.mode) != 0 || ::listen(bound.fd.get(), kBacklog) != 0) {
    const std::string text = reason("listen on " + path);
    ::unlink(path.c_str());
    return tl::unexpected(text);
  }
  return bound;
}

tl::expected<SocketSet, std::string> bind_all(const Config& config, uid_t service_uid, gid_t service_gid) {
  SocketSet set;
  const auto give_up = [&](std::string text) {
    remove_leftovers(set.leftovers);
    return tl::unexpected(std::move(text));
  };
  // The Unix sockets come last: whoever can connect to one finds everything else there too.
  std::vector<std::string> urls = config.listen;
  std::stable_partition(urls.begin(), urls.end(),
                        [](const std::string& url) { return !url.starts_with("unix://"); });
  for (const std::string& url : urls) {
    const auto parsed = transport::parse_url(url);
    if (!parsed) {
      return give_up("--listen " + url + ": " + to_string(parsed.error()) +
                     "; the service listens on unix:///PATH, tcp://ADDRESS:PORT and vsock://any:PORT");
    }
    if (parsed->kind != transport::UrlKind::unix_socket) {
      auto socket = listen_on_net(*parsed, config.allow_public_tcp);
      if (!socket) return give_up(socket.error());
      const bool tcp = parsed->kind == transport::UrlKind::tcp;
      set.sockets.push_back({std::move(*socket), tcp ? BoundSocket::Via::tcp : BoundSocket::Via::vsock,
                             transport::to_string(*parsed), "", ""});
      continue;
    }
    const std::string base = parsed->path;
    if (url == default_listen_url()) {
      const std::string folder = base.substr(0, base.rfind('/'));
      if (::mkdir(folder.c_str(), 0755) == 0) set.leftovers.empty_folders.push_back(folder);
    }
    if (auto made = make_folder(tenant_folder(base), service_uid, service_gid); !made) {
      return give_up(made.error());
    }
    set.leftovers.tenant_folders.push_back(tenant_folder(base));
    for (const auto& [name, tenant] : config.tenants) {
      if (name == kDefaultTenant) continue;
      if (auto bound = bind_tenant(set, base, name, tenant); !bound) return give_up(bound.error());
      if (!tenant.doorbell) continue;
      if (auto bound = bind_doorbells(set, base, name, tenant); !bound) return give_up(bound.error());
    }
    // Last, so that whoever can connect to it finds the tenants' sockets there too.
    const auto first = config.tenants.find(kDefaultTenant);
    const TenantConfig& own = first == config.tenants.end() ? config.limits : first->second;
    if (auto bound = bind_tenant(set, base, kDefaultTenant, own); !bound) return give_up(bound.error());
  }
  return set;
}

void remove_leftovers(const Leftovers& leftovers) {
  for (const Leftover& left : leftovers.sockets) {
    struct stat info {};
    if (::lstat(left.path.c_str(), &info) == 0 && info.st_dev == left.device && info.st_ino == left.inode) {
      ::unlink(left.path.c_str());
    }
  }
  for (const std::string& path : leftovers.tenant_folders) {
    const int folder = ::open(path.c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (folder < 0) continue;
    DIR* listing = ::fdopendir(folder);
    while (const dirent* entry = listing == nullptr ? nullptr : ::readdir(listing)) {
      struct stat info {};
      if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode)) {
        ::unlinkat(folder, entry->d_name, 0);
      }
    }
    if (listing != nullptr) ::closedir(listing);
    ::rmdir(path.c_str());
  }
  for (const std::string& path : leftovers.empty_folders) ::rmdir(path.c_str());
}

std::string default_listen_url() {
  if (::geteuid() == 0) return "unix:///run/viaduct/viaduct.sock";
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  return folder == nullptr || *folder != '/' ? "" : "unix://" + std::string(folder) + "/viaduct/viaduct.sock";
}

}  // namespace viaduct::host::daemon
