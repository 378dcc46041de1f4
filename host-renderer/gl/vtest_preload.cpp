// Loaded (LD_PRELOAD) into virglrenderer's virgl_test_server: gives it the connection that it was born with
// in place of a socket to listen on, and confines it before it reads the first byte.
//
// The server knows only how to make a socket at a path and accept connections there. Here its socket() is an
// event that is readable once, and its accept() is the guest's connection, descriptor 5 (sandbox/launch.hpp).
// So nothing relays between guest and server, no path is needed, and the sandbox may forbid sockets
// altogether.
//
// When the server asks for its connection, it has one thread and has read nothing from a guest. At this point
// the allow-list of system calls that workers have comes into force, and the daemon is told so on
// descriptor 3.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "host-renderer/gl/ready_message.hpp"
#include "host-renderer/sandbox/launch.hpp"
#include "host-renderer/sandbox/lockdown.hpp"

namespace {

using namespace viaduct;

int listening = -1;

// A closed far end means that the daemon is gone, and with it this process.
void tell_ready(const Result<>& locked) {
  const auto message = host::gl::ready_message(locked ? "" : to_string(locked.error()));
  ::send(host::sandbox::kLinkFd, message.data(), message.size(), MSG_NOSIGNAL);
  ::close(host::sandbox::kLinkFd);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int socket(int, int, int) noexcept {
  if (listening >= 0) {
    errno = EPERM;
    return -1;
  }
  listening = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  return listening;
}

__attribute__((visibility("default"))) int bind(int fd, const sockaddr*, socklen_t) noexcept {
  errno = EPERM;
  return fd == listening ? 0 : -1;
}

__attribute__((visibility("default"))) int listen(int fd, int) noexcept {
  errno = EPERM;
  return fd == listening ? 0 : -1;
}

__attribute__((visibility("default"))) int accept(int fd, sockaddr*, socklen_t*) {
  uint64_t once = 0;
  if (fd != listening || ::read(fd, &once, sizeof(once)) != sizeof(once)) {
    errno = EAGAIN;
    return -1;
  }
  const int guest = ::fcntl(host::sandbox::kGuestFd, F_DUPFD_CLOEXEC, 0);
  ::close(host::sandbox::kGuestFd);
  // The server reads as one does from a socket that blocks; the daemon's event loop had it otherwise.
  ::fcntl(guest, F_SETFL, ::fcntl(guest, F_GETFL) & ~O_NONBLOCK);
  tell_ready(host::sandbox::lock_down());
  return guest;
}

}  // extern "C"
