// Notices that a guest is gone: its connection closed everywhere, or the process that made it ended (a forked
// child may still hold the connection; of a process on another machine the connection is all there is). A
// guest that is silent lives: its VM may be paused. Event loop only.
#pragma once

#include <sys/epoll.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "host-renderer/daemon/guest_socket.hpp"

namespace viaduct::host::daemon {

// An epoll that is readable once the peer of this socket has closed its end; empty where none can be made. Of
// its own, since the loop's waits do not tell a TCP peer's end from its bytes.
[[nodiscard]] inline UniqueFd watch_hang_up(int socket) {
  UniqueFd watch(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLRDHUP;
  if (watch && ::epoll_ctl(watch.get(), EPOLL_CTL_ADD, socket, &event) != 0) watch.reset();
  return watch;
}

class GuestWatch {
 public:
  using Gone = std::function<void(const char* how)>;

  // The socket must outlive the watch. `process` is a pidfd, or empty.
  GuestWatch(GuestSocket& socket, UniqueFd process)
      : socket_(socket),
        hang_up_(socket.get_executor()),
        process_(socket.get_executor()),
        process_fd_(std::move(process)) {}

  // `gone` may be called twice; it must hold no reference that keeps this object alive.
  void start(const Gone& gone) {
    // What the guest sends is not looked at here.
    UniqueFd hang_up = watch_hang_up(socket_.native_handle());
    if (!hang_up) return gone("nothing can watch its connection: no descriptors are left");
    hang_up_.assign(hang_up.release());
    hang_up_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [gone](boost::system::error_code error) {
                          if (!error) gone("it closed the connection");
                        });
    if (!process_fd_) return;
    process_.assign(process_fd_.release());
    process_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [gone](boost::system::error_code error) {
                          if (!error) gone("its process ended");
                        });
  }
  // Hangs the guest up and stops watching. Others may hold copies of the socket: they see it closed too.
  void hang_up() {
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.shutdown(GuestSocket::shutdown_both, ignored);
    close();
  }
  // Stops watching and closes this copy of the socket, no other.
  void close() {
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.close(ignored);
    if (hang_up_.is_open()) hang_up_.close(ignored);
    if (process_.is_open()) process_.close(ignored);
  }

 private:
  GuestSocket& socket_;
  boost::asio::posix::stream_descriptor hang_up_;
  boost::asio::posix::stream_descriptor process_;
  UniqueFd process_fd_;
};

}  // namespace viaduct::host::daemon
