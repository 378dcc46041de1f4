#include "host-renderer/daemon/net_sockets.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol/control/handshake.hpp"
#include "transport/stream/token.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr int kBacklog = 64;

tl::unexpected<std::string> cannot_listen(const transport::Url& url, const std::string& why) {
  return tl::unexpected("listen on " + transport::to_string(url) + ": " + why);
}

bool is_private_v4(uint32_t address) {  // host byte order
  const auto in = [address](uint32_t network, int bits) { return (address ^ network) >> (32 - bits) == 0; };
  return in(0x7f000000, 8) || in(0x0a000000, 8) || in(0xac100000, 12) || in(0xc0a80000, 16) ||
         in(0xa9fe0000, 16);
}

tl::expected<UniqueFd, std::string> bind_and_listen(const transport::Url& url, const sockaddr& address,
                                                    socklen_t size) {
  UniqueFd socket(::socket(address.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool vsock = address.sa_family == AF_VSOCK;
  if (!socket && vsock && errno == EAFNOSUPPORT) {
    return cannot_listen(url, "this kernel has no vsock; `modprobe vhost_vsock` loads it");
  }
  if (!socket) return cannot_listen(url, std::strerror(errno));
  const int on = 1;
  if (!vsock) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.sa_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (::bind(socket.get(), &address, size) == 0 && ::listen(socket.get(), kBacklog) == 0) return socket;
  std::string why = std::strerror(errno);
  if (errno == EADDRINUSE) why += "; another service listens there: stop it, or choose another port";
  if (errno == EADDRNOTAVAIL) {
    why +=
        "; no interface of this machine has that address (yet): `ip address` lists them, and a VM bridge "
        "must be up before viaductd starts";
  }
  return cannot_listen(url, why);
}

tl::expected<UniqueFd, std::string> listen_on_tcp(const transport::Url& url, bool allow_public) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found) != 0) {
    return cannot_listen(url, "'" + url.host +
                                  "' is no IP address; give that of the interface which the VMs reach, like "
                                  "tcp://192.168.122.1:7707");
  }
  sockaddr_storage address{};
  const socklen_t size = found->ai_addrlen;
  std::memcpy(&address, found->ai_addr, size);
  ::freeaddrinfo(found);
  const auto& any = reinterpret_cast<const sockaddr&>(address);
  if (!allow_public && !is_private_address(any)) {
    return cannot_listen(url,
                         "not an address of a private network, so anybody might reach it; name the address "
                         "of the bridge that the VMs are on, or set allow_public_tcp = true");
  }
  return bind_and_listen(url, any, size);
}

}  // namespace

bool is_private_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return is_private_v4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    uint32_t four = 0;
    std::memcpy(&four, six.s6_addr + 12, sizeof(four));
    return is_private_v4(ntohl(four));
  }
  return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six) || (six.s6_addr[0] & 0xfe) == 0xfc;
}

tl::expected<UniqueFd, std::string> listen_on_net(const transport::Url& url, bool allow_public) {
  if (url.kind == transport::UrlKind::tcp) return listen_on_tcp(url, allow_public);
  if (url.cid != VMADDR_CID_ANY) {
    return cannot_listen(
        url, "the service listens for every VM of this host: vsock://any:" + std::to_string(url.port));
  }
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_ANY;
  address.svm_port = url.port;
  return bind_and_listen(url, reinterpret_cast<const sockaddr&>(address), sizeof(address));
}

NetPeer net_peer_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  NetPeer peer{"unknown", "unknown", std::nullopt};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return peer;
  if (address.ss_family == AF_VSOCK) {
    peer.cid = reinterpret_cast<const sockaddr_vm&>(address).svm_cid;
    peer.machine = peer.text = "CID " + std::to_string(*peer.cid);
    return peer;
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return peer;
  }
  peer.machine = host;
  peer.text = peer.machine + " port " + port;
  return peer;
}

tl::expected<Tokens, std::string> load_tokens(const Config& config) {
  Tokens tokens;
  for (const auto& [name, tenant] : config.tenants) {
    if (tenant.token_file.empty()) continue;
    auto token = transport::read_token_file(tenant.token_file);
    if (!token) {
      const bool missing = token.error().code == Errc::not_found;
      return tl::unexpected("tenant " + name + ": token_file " + tenant.token_file + ": " +
                            to_string(token.error()) +
                            (missing ? "; `viaductctl vm add` makes one, and any 16 to 256 characters that "
                                       "nobody guesses will do"
                                     : ""));
    }
    for (const auto& [other, taken] : tokens) {
      if (!protocol::same_token(*token, taken)) continue;
      return tl::unexpected("tenants " + other + " and " + name +
                            " have the same token; each needs one of its own");
    }
    tokens.emplace(name, std::move(*token));
  }
  return tokens;
}

}  // namespace viaduct::host::daemon
