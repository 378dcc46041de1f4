// Stream: a connected control stream; bytes in order, and descriptors where the transport can carry them.
//
// Blocking with deadlines; one thread may send while another receives. Errors: timeout, closed (the peer is
// gone), io, unsupported (descriptors over a stream that cannot carry them). Never raises SIGPIPE.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace viaduct::transport {

inline constexpr std::size_t kMaxFdsPerMessage = 16;

class Stream {
 public:
  virtual ~Stream() = default;

  // Sends all of `bytes` (at least one); the descriptors (at most kMaxFdsPerMessage) travel with the first of
  // them.
  [[nodiscard]] virtual Result<> send(std::span<const std::byte> bytes, std::span<const int> fds,
                                      Deadline deadline) = 0;
  // Receives between one byte and buffer.size(); descriptors are appended to `fds`, close-on-exec, or closed
  // if it is null (use that for peers that have none to send).
  [[nodiscard]] virtual Result<std::size_t> receive(std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                                    Deadline deadline) = 0;
  // The socket, for poll: POLLIN, and POLLRDHUP when the peer has closed.
  virtual int fd() const noexcept = 0;
  // Whether the peer has closed its end or died; does not wait or read.
  virtual bool hung_up() const noexcept = 0;

  // Fills the buffer or fails.
  [[nodiscard]] Result<> receive_all(std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                     Deadline deadline);
};

}  // namespace viaduct::transport
