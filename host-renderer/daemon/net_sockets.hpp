// The sockets between machines that viaductd listens on, TCP and vsock, and who is at the other end of one.
//
// Who may be a tenant there is not a matter of a file's owner: over vsock the hypervisor says which VM it is
// (its CID), over TCP the token in the guest's first frame does. Errors are sentences for people. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/config.hpp"
#include "transport/url.hpp"

struct sockaddr;

namespace viaduct::host::daemon {

// A listening, non-blocking socket. TCP addresses that are neither loopback, private (RFC 1918, fc00::/7) nor
// link-local are refused unless `allow_public`; every other error is the system's.
[[nodiscard]] tl::expected<UniqueFd, std::string> listen_on_net(const transport::Url& url, bool allow_public);

// Whether only this machine and its private networks reach the address; false for "every address".
[[nodiscard]] bool is_private_address(const sockaddr& address);

// Where a connection comes from.
struct NetPeer {
  std::string machine;          // "10.0.0.5", "CID 42": the same for all connections of a machine
  std::string text;             // for the log, with the port
  std::optional<uint32_t> cid;  // vsock
};
[[nodiscard]] NetPeer net_peer_of(int socket);

// The tenants' tokens by tenant, from their token_file. Two tenants with one token are an error.
using Tokens = std::map<std::string, std::string>;
[[nodiscard]] tl::expected<Tokens, std::string> load_tokens(const Config& config);

}  // namespace viaduct::host::daemon
