// Sending and receiving on a connected, non-blocking stream socket of any family, with deadlines: what the
// kinds of Stream have in common. Errors are Stream's.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace viaduct::transport {

// Waits until poll() says one of `events`.
[[nodiscard]] Result<> wait_for_socket(int fd, short events, Deadline deadline, const char* where);

// What the socket takes at once, 0 bytes if that is nothing. Descriptors (over Unix sockets only, the caller
// sees to that) travel with the first byte.
[[nodiscard]] Result<std::size_t> send_some_on_socket(int fd, std::span<const std::byte> bytes,
                                                      std::span<const int> fds);
[[nodiscard]] Result<> send_on_socket(int fd, std::span<const std::byte> bytes, std::span<const int> fds,
                                      Deadline deadline);
[[nodiscard]] Result<std::size_t> receive_on_socket(int fd, std::span<std::byte> buffer,
                                                    std::vector<UniqueFd>* fds, Deadline deadline);

// Whether the peer has closed its end or died; does not wait or read.
bool socket_hung_up(int fd) noexcept;

}  // namespace viaduct::transport
