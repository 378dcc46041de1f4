#include "transport/stream/net_stream.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <string>

#include "transport/stream/socket_io.hpp"

namespace viaduct::transport {

namespace {

struct Patience {
  int idle_s;
  int interval_s;
  int probes;
};
constexpr Patience kGuestPatience{15, 15, 3};
constexpr Patience kHostPatience{60, 60, 119};

void set_int(int socket, int level, int option, int value) noexcept {
  (void)::setsockopt(socket, level, option, &value, sizeof(value));
}

tl::unexpected<Error> connect_error(int err) {
  switch (err) {
    case ECONNREFUSED:
    case ECONNRESET:  // vsock: nobody listens
    case EACCES:
    case EPERM:
      return fail(Errc::refused, "connect", err);
    case ENODEV:  // vsock: no such machine, or no way to it
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return fail(Errc::not_found, "connect", err);
    case ETIMEDOUT:
      return fail(Errc::timeout, "connect", err);
    default:
      return fail(Errc::io, "connect", err);
  }
}

Result<UniqueFd> connect_socket(int family, const sockaddr* address, socklen_t size, Deadline deadline) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) {
    return fail(errno == EAFNOSUPPORT ? Errc::not_found : Errc::io, "socket", errno);
  }
  while (::connect(socket.get(), address, size) != 0) {
    if (errno == EINTR) continue;
    if (errno == EISCONN) break;
    if (errno != EINPROGRESS && errno != EALREADY) return connect_error(errno);
    if (auto done = wait_for_socket(socket.get(), POLLOUT, deadline, "connect"); !done) {
      return tl::unexpected(done.error());
    }
    int err = 0;
    socklen_t length = sizeof(err);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &err, &length) != 0) err = errno;
    if (err != 0) return connect_error(err);
    break;
  }
  return socket;
}

struct Addresses {
  addrinfo* first = nullptr;
  ~Addresses() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

}  // namespace

void set_tcp_options(int socket, TcpEnd end) noexcept {
  int protocol = 0;
  socklen_t length = sizeof(protocol);
  if (::getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0 || protocol != IPPROTO_TCP) {
    return;
  }
  const Patience& patience = end == TcpEnd::guest ? kGuestPatience : kHostPatience;
  set_int(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_int(socket, IPPROTO_TCP, TCP_KEEPIDLE, patience.idle_s);
  set_int(socket, IPPROTO_TCP, TCP_KEEPINTVL, patience.interval_s);
  set_int(socket, IPPROTO_TCP, TCP_KEEPCNT, patience.probes);
  set_int(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  // The same patience while bytes are on their way that nobody acknowledges.
  set_int(socket, IPPROTO_TCP, TCP_USER_TIMEOUT,
          1000 * (patience.idle_s + patience.interval_s * patience.probes));
}

Result<std::unique_ptr<NetStream>> NetStream::connect_tcp(const std::string& host, std::uint32_t port,
                                                          Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  Addresses addresses;
  const std::string service = std::to_string(port);
  int result = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &addresses.first);
  if (result == EAI_NONAME) {
    hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    result = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &addresses.first);
  }
  if (result != 0) return fail(Errc::not_found, "no address has this name");
  Result<UniqueFd> socket = fail(Errc::not_found, "connect");
  for (const addrinfo* each = addresses.first; each != nullptr; each = each->ai_next) {
    socket = connect_socket(each->ai_family, each->ai_addr, each->ai_addrlen, deadline);
    if (socket || deadline.expired()) break;
  }
  if (!socket) return tl::unexpected(socket.error());
  set_tcp_options(socket->get(), TcpEnd::guest);
  return std::make_unique<NetStream>(std::move(*socket));
}

Result<std::unique_ptr<NetStream>> NetStream::connect_vsock(std::uint32_t cid, std::uint32_t port,
                                                            Deadline deadline) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  auto socket =
      connect_socket(AF_VSOCK, reinterpret_cast<const sockaddr*>(&address), sizeof(address), deadline);
  if (!socket) return tl::unexpected(socket.error());
  return std::make_unique<NetStream>(std::move(*socket));
}

Result<> NetStream::send(std::span<const std::byte> bytes, std::span<const int> fds, Deadline deadline) {
  if (!fds.empty()) return fail(Errc::unsupported, "send: descriptors do not travel between machines");
  return send_on_socket(socket_.get(), bytes, {}, deadline);
}

Result<std::size_t> NetStream::receive(std::span<std::byte> buffer, std::vector<UniqueFd>*,
                                       Deadline deadline) {
  return receive_on_socket(socket_.get(), buffer, nullptr, deadline);
}

bool NetStream::hung_up() const noexcept { return socket_hung_up(socket_.get()); }

}  // namespace viaduct::transport
