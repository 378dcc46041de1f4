#include "host-renderer/daemon/guest_socket.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "host-renderer/daemon/vtest.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::chrono::milliseconds kLookAgain{5};

}  // namespace

Peer peer_of(const GuestSocket& socket) {
  Peer peer;
  const int fd = const_cast<GuestSocket&>(socket).native_handle();
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return peer;
  peer.pid = credentials.pid;
  peer.uid = credentials.uid;
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
  // The process that connected, even if its number has been reused since (Linux 6.5).
  int pidfd = -1;
  length = sizeof(pidfd);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) != 0) pidfd = -1;
  if (pidfd < 0 && peer.pid > 0) pidfd = static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0));
  peer.process = UniqueFd(pidfd);
  return peer;
}

void FrameReader::start(std::chrono::milliseconds deadline, Done done) {
  done_ = std::move(done);
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->finish(fail(Errc::timeout, "handshake"));
  });
  if (!vtest_) return read_header();
  socket_.async_wait(GuestSocket::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->done_) self->look();
  });
}

void FrameReader::look() {
  std::array<std::byte, kVtestOpeningBytes> bytes;
  const ssize_t got = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return read_header();  // which says why
  const auto opening =
      look_for_vtest(std::span(bytes).first(static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
  switch (opening.kind) {
    case VtestOpening::Kind::something_else:
      return read_header();
    case VtestOpening::Kind::vtest: {
      timer_.cancel();
      done_ = nullptr;
      const auto vtest = std::exchange(vtest_, nullptr);
      return vtest(opening.program);
    }
    case VtestOpening::Kind::unknown_yet:
      break;
  }
  // The bytes stay in the socket, so waiting for it to be readable would not wait.
  retry_.expires_after(kLookAgain);
  retry_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->done_) self->look();
  });
}

void FrameReader::read_header() {
  boost::asio::async_read(
      socket_, boost::asio::buffer(header_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t got) {
        if (!self->done_) return;
        if (error) {
          return self->finish(fail(got == 0 ? Errc::closed : Errc::bad_data, "frame header: ended early"));
        }
        const auto header = transport::check_frame_header(self->header_);
        if (!header) return self->finish(tl::unexpected(header.error()));
        self->read_payload(*header);
      });
}

void FrameReader::read_payload(const transport::FrameHeader& header) {
  frame_.kind = static_cast<transport::FrameKind>(header.kind);
  frame_.payload.resize(header.payload_size);
  boost::asio::async_read(socket_, boost::asio::buffer(frame_.payload),
                          [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                            if (!self->done_) return;
                            if (error) return self->finish(fail(Errc::bad_data, "frame: ended early"));
                            self->finish(std::move(self->frame_));
                          });
}

void FrameReader::finish(Result<transport::Frame> result) {
  timer_.cancel();
  retry_.cancel();
  vtest_ = nullptr;
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(result));
}

void FrameReader::cancel() {
  done_ = nullptr;
  vtest_ = nullptr;
  timer_.cancel();
  retry_.cancel();
}

void send_frame_now(GuestSocket& socket, transport::FrameKind kind, std::span<const std::byte> payload) {
  const auto header = transport::make_frame_header(kind, static_cast<uint32_t>(payload.size()));
  iovec parts[2] = {{const_cast<transport::FrameHeader*>(&header), sizeof(header)},
                    {const_cast<std::byte*>(payload.data()), payload.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ::sendmsg(socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace viaduct::host::daemon
