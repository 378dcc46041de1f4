#include "transport/stream/unix_stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "transport/stream/socket_io.hpp"

namespace viaduct::transport {

namespace {

bool fill_address(const std::string& path, sockaddr_un& address) {
  if (path.empty() || path.size() >= sizeof(address.sun_path) || path.find('\0') != std::string::npos)
    return false;
  address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

int connect_once(int fd, const sockaddr_un& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

}  // namespace

UnixStream::UnixStream(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

Result<std::unique_ptr<UnixStream>> UnixStream::connect(const std::string& path, Deadline deadline) {
  sockaddr_un address;
  if (!fill_address(path, address))
    return fail(Errc::limit, "connect: the path does not fit a Unix socket's address");
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Errc::io, "socket", errno);
  for (;;) {
    const int err = connect_once(socket.get(), address);
    if (err == 0 || err == EISCONN) break;
    if (err == EINTR) continue;
    if (err == ENOENT || err == ENOTDIR) return fail(Errc::not_found, "connect", err);
    if (err != EAGAIN)
      return fail(err == ECONNREFUSED || err == EACCES ? Errc::refused : Errc::io, "connect", err);
    // The listener's queue is full, and no event tells when it no longer is.
    if (deadline.expired()) return fail(Errc::timeout, "connect");
    ::poll(nullptr, 0, std::clamp(deadline.remaining_ms(), 1, 5));
  }
  return std::make_unique<UnixStream>(std::move(socket));
}

Result<> UnixStream::send(std::span<const std::byte> bytes, std::span<const int> fds, Deadline deadline) {
  return send_on_socket(socket_.get(), bytes, fds, deadline);
}

Result<std::size_t> UnixStream::receive(std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                        Deadline deadline) {
  return receive_on_socket(socket_.get(), buffer, fds, deadline);
}

bool UnixStream::hung_up() const noexcept { return socket_hung_up(socket_.get()); }

Result<PeerCredentials> UnixStream::peer() const {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail(Errc::io, "SO_PEERCRED", errno);
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

Result<SocketPair> make_socket_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
    return fail(Errc::io, "socketpair", errno);
  }
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

UnixListener& UnixListener::operator=(UnixListener&& other) noexcept {
  if (this != &other) {
    remove();
    socket_ = std::move(other.socket_);
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

UnixListener::~UnixListener() { remove(); }

void UnixListener::remove() noexcept {
  if (!socket_) return;
  struct stat info;
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
    ::unlink(path_.c_str());
  socket_.reset();
}

Result<UnixListener> UnixListener::listen(const std::string& path, const ListenOptions& options) {
  sockaddr_un address;
  if (!fill_address(path, address))
    return fail(Errc::limit, "listen: the path does not fit a Unix socket's address");
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Errc::io, "socket", errno);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), raw, sizeof(address)) != 0) {
    if (errno != EADDRINUSE) return fail(Errc::io, "bind", errno);
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect_once(probe.get(), address) != ECONNREFUSED) {
      return fail(Errc::refused, "listen: something listens there, or the file is no socket", EADDRINUSE);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(Errc::io, "unlink", errno);
    if (::bind(socket.get(), raw, sizeof(address)) != 0) return fail(Errc::io, "bind", errno);
  }
  UnixListener listener;
  listener.path_ = path;
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return fail(Errc::io, "lstat", errno);
  listener.device_ = info.st_dev;
  listener.inode_ = info.st_ino;
  listener.socket_ = std::move(socket);
  // Nobody can connect before listen, so the mode is in force from the first connection on.
  if (::chmod(path.c_str(), options.mode) != 0) return fail(Errc::io, "chmod", errno);
  if (::listen(listener.socket_.get(), options.backlog) != 0) return fail(Errc::io, "listen", errno);
  return listener;
}

Result<std::unique_ptr<UnixStream>> UnixListener::accept(Deadline deadline) const {
  for (;;) {
    UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) return std::make_unique<UnixStream>(std::move(socket));
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) return fail(Errc::io, "accept", errno);
    if (auto readable = wait_for_socket(socket_.get(), POLLIN, deadline, "accept"); !readable) {
      return tl::unexpected(readable.error());
    }
  }
}

}  // namespace viaduct::transport
