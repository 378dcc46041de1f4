// NetStream: a control stream between machines, TCP or vsock. Carries no descriptors.
//
// Errors of connecting: not_found (nothing has that name, or this machine has no vsock), refused (nobody
// listens there), timeout, io. TCP streams send at once (no Nagle) and notice a dead peer by probes, each
// side with its own patience: a guest gives a silent host up after a minute, while a host bears the silence
// of a paused VM for two hours (one that was reset answers the probe with a reset).
#pragma once

#include <string>

#include "transport/stream/stream.hpp"

namespace viaduct::transport {

enum class TcpEnd { guest, host };
// Best effort: a kernel that lacks an option keeps its default. Nothing on other sockets.
void set_tcp_options(int socket, TcpEnd end) noexcept;

class NetStream final : public Stream {
 public:
  // Takes a connected, non-blocking socket.
  explicit NetStream(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  // `host` is a name or an address; each of its addresses is tried. Names are looked up by the C library,
  // which knows no deadline.
  static Result<std::unique_ptr<NetStream>> connect_tcp(const std::string& host, std::uint32_t port,
                                                        Deadline deadline);
  static Result<std::unique_ptr<NetStream>> connect_vsock(std::uint32_t cid, std::uint32_t port,
                                                          Deadline deadline);

  [[nodiscard]] Result<> send(std::span<const std::byte> bytes, std::span<const int> fds,
                              Deadline deadline) override;
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                            Deadline deadline) override;
  int fd() const noexcept override { return socket_.get(); }
  bool hung_up() const noexcept override;

 private:
  UniqueFd socket_;
};

}  // namespace viaduct::transport
