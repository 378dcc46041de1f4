#include "host-renderer/daemon/guest_socket.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <cstring>
#include <utility>

namespace viaduct::host::daemon {

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
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(result));
}

void FrameReader::cancel() {
  done_ = nullptr;
  timer_.cancel();
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
