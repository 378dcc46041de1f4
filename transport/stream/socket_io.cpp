#include "transport/stream/socket_io.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "transport/stream/stream.hpp"

namespace viaduct::transport {

namespace {

constexpr short kHangUp = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;

tl::unexpected<Error> stream_error(const char* where, int err) {
  const bool closed = err == EPIPE || err == ECONNRESET || err == ENOTCONN || err == ETIMEDOUT;
  return fail(closed ? Errc::closed : Errc::io, where, err);
}

}  // namespace

Result<> wait_for_socket(int fd, short events, Deadline deadline, const char* where) {
  for (;;) {
    pollfd poll_fd{fd, events, 0};
    const int n = ::poll(&poll_fd, 1, deadline.remaining_ms());
    if (n > 0) return {};
    if (n < 0 && errno != EINTR) return fail(Errc::io, where, errno);
    if (deadline.expired()) return fail(Errc::timeout, where);
  }
}

Result<std::size_t> send_some_on_socket(int fd, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (bytes.empty() || fds.size() > kMaxFdsPerMessage)
    return fail(Errc::internal, "send: no bytes or too many fds");
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFdsPerMessage * sizeof(int))] = {};
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  for (;;) {
    const ssize_t n = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return std::size_t{0};
    return stream_error("send", errno);
  }
}

Result<> send_on_socket(int fd, std::span<const std::byte> bytes, std::span<const int> fds,
                        Deadline deadline) {
  do {
    const auto sent = send_some_on_socket(fd, bytes, fds);
    if (!sent) return tl::unexpected(sent.error());
    bytes = bytes.subspan(*sent);
    if (*sent != 0) {
      fds = {};
    } else if (auto writable = wait_for_socket(fd, POLLOUT, deadline, "send"); !writable) {
      return writable;
    }
  } while (!bytes.empty());
  return {};
}

Result<std::size_t> receive_on_socket(int fd, std::span<std::byte> buffer, std::vector<UniqueFd>* fds,
                                      Deadline deadline) {
  if (buffer.empty()) return fail(Errc::internal, "receive: no buffer");
  for (;;) {
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFdsPerMessage * sizeof(int))];
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Without room for them the kernel drops descriptors before they are ours.
    if (fds != nullptr) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
    }
    const ssize_t n = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return stream_error("receive", errno);
      if (auto readable = wait_for_socket(fd, POLLIN, deadline, "receive"); !readable) {
        return tl::unexpected(readable.error());
      }
      continue;
    }
    if (fds != nullptr) {
      for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
           header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
          int received;
          std::memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
          fds->emplace_back(received);
        }
      }
      if ((message.msg_flags & MSG_CTRUNC) != 0) return fail(Errc::bad_data, "receive: too many descriptors");
    }
    if ((message.msg_flags & MSG_TRUNC) != 0)
      return fail(Errc::bad_data, "receive: the message exceeds the buffer");
    if (n == 0) return fail(Errc::closed, "receive");
    return static_cast<std::size_t>(n);
  }
}

bool socket_hung_up(int fd) noexcept {
  pollfd poll_fd{fd, POLLRDHUP, 0};
  return ::poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & kHangUp) != 0;
}

}  // namespace viaduct::transport
