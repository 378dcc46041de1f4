// The sockets that viaductd listens on (those between machines by net_sockets.hpp), and their removal.
//
// Made before privileges are dropped. A tenant's Unix socket lies beside the listening socket:
// PATH.d/NAME.sock; PATH itself is the tenant `default`. The folder PATH.d belongs to the service's
// own uid, so that tenants can be added while it runs. PATH.d/NAME.ivshmem is for the QEMU of a tenant's VM
// whose device has doorbells. Whoever can connect to a socket is its tenant: owner and mode are the whole
// access control.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/config.hpp"

namespace viaduct::host::daemon {

struct BoundSocket {
  enum class Via { local, tcp, vsock, ivshmem };
  UniqueFd fd;  // listening, non-blocking
  Via via = Via::local;
  std::string path;    // between machines the URL
  std::string tenant;  // between machines none: each connection says its own
  std::string base;    // the listening socket beside which it lies; its own path for `default`
};

// What to remove at exit; a path whose inode is not ours any more is left alone.
struct Leftover {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
};

struct SocketOwner {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0600;
};

std::string tenant_folder(const std::string& base);
std::string tenant_path(const std::string& base, std::string_view tenant);
std::string doorbell_path(const std::string& base, std::string_view tenant);

// Replaces the socket of a dead daemon; a live one is an error that says so.
[[nodiscard]] tl::expected<BoundSocket, std::string> bind_socket(const std::string& path,
                                                                 const SocketOwner& owner);

struct Leftovers {
  std::vector<Leftover> sockets;
  std::vector<std::string> tenant_folders;  // removed with every socket in them
  std::vector<std::string> empty_folders;   // removed if nothing else is in them
};

// Every socket of the configuration. `service_uid` will own the tenants' folders.
struct SocketSet {
  std::vector<BoundSocket> sockets;
  Leftovers leftovers;
};
[[nodiscard]] tl::expected<SocketSet, std::string> bind_all(const Config& config, uid_t service_uid,
                                                            gid_t service_gid);

// Removes sockets and tenants' folders. Called by whoever still has the right to, after the daemon.
void remove_leftovers(const Leftovers& leftovers);

// Where the service listens when nobody says: /run/viaduct for root, $XDG_RUNTIME_DIR/viaduct for a user;
// empty if there is neither.
std::string default_listen_url();

}  // namespace viaduct::host::daemon
