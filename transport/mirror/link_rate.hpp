// LinkRate: at how many bytes a second a stream socket takes what is sent, while there is always more.
//
// For TCP the kernel measures it, between the arrivals of acknowledgements, so that neither the delay of the
// way nor the size of buffers is in it. Other streams (vsock, Unix sockets) have small buffers and no delay
// worth the name: there it is what was taken between two moments at which the socket was full, provided that
// the sender was held up for at least half of the time between them. A socket that is never full has a rate
// that is not known, and is faster than whoever sends.
//
// One thread at a time. The owner tells what it does to the socket.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::transport {

class LinkRate {
 public:
  explicit LinkRate(int socket) noexcept;

  // The socket took so many bytes.
  void took(std::size_t bytes) noexcept;
  // It takes no more at `now`, and more again at `now`.
  void full(std::uint64_t now_ns) noexcept;
  void writable(std::uint64_t now_ns) noexcept;

  // 0: not known.
  std::uint64_t bytes_per_s() const noexcept;

 private:
  static constexpr std::uint64_t kForget = std::uint64_t{4} << 20;

  const int socket_;
  const bool tcp_;
  std::uint64_t rate_ = 0;
  std::uint64_t full_at_ = 0;  // when it was last full; 0: not lately
  std::uint64_t held_up_ = 0;  // of the time since
  std::uint64_t took_ = 0;     // bytes since
};

}  // namespace viaduct::transport
