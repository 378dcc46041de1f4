// Control streams over Unix sockets: connect, listen, pairs, and descriptors by SCM_RIGHTS.
//
// All sockets are close-on-exec and non-blocking (waits are polls with deadlines). Any SOCK_STREAM or
// SOCK_SEQPACKET socket can be wrapped; on the latter each send is one message, and a receive buffer must
// hold a whole one.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "transport/stream/stream.hpp"

namespace viaduct::transport {

struct PeerCredentials {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

class UnixStream final : public Stream {
 public:
  // Takes a connected socket.
  explicit UnixStream(UniqueFd socket) noexcept;

  // Errors: not_found (no such socket), refused (nobody listens, or no permission), timeout, limit (path too
  // long).
  static Result<std::unique_ptr<UnixStream>> connect(const std::string& path, Deadline deadline);

  [[nodiscard]] Result<> send(std::span<const std::byte> bytes, std::span<const int> fds,
                              Deadline deadline) override;
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                            Deadline deadline) override;
  int fd() const noexcept override { return socket_.get(); }
  bool hung_up() const noexcept override;

  // SO_PEERCRED: who the peer was when it connected.
  Result<PeerCredentials> peer() const;
  UniqueFd take() noexcept { return std::move(socket_); }

 private:
  UniqueFd socket_;
};

struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
// type: SOCK_STREAM or SOCK_SEQPACKET.
Result<SocketPair> make_socket_pair(int type);

struct ListenOptions {
  mode_t mode = 0600;  // of the socket's file; who may connect
  int backlog = 64;
};

class UnixListener {
 public:
  UnixListener() noexcept = default;
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&& other) noexcept;
  ~UnixListener();  // removes the socket's file, if it is still this one

  // Replaces a stale socket file (one that nobody listens on); refused if somebody does.
  static Result<UnixListener> listen(const std::string& path, const ListenOptions& options = {});

  Result<std::unique_ptr<UnixStream>> accept(Deadline deadline) const;
  int fd() const noexcept { return socket_.get(); }
  const std::string& path() const noexcept { return path_; }

 private:
  void remove() noexcept;

  UniqueFd socket_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace viaduct::transport
