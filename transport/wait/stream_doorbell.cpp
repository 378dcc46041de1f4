#include "transport/wait/stream_doorbell.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace viaduct::transport {

void StreamBell::ring() noexcept {
  constexpr char kRing = 1;
  while (::send(socket_, &kRing, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {
  }
}

Result<StreamEar> StreamEar::create(int socket, UniqueFd own) {
  if (!own) {
    auto made = EventDoorbell::create_eventfd();
    if (!made) return tl::unexpected(made.error());
    own = std::move(*made);
  }
  UniqueFd either(::epoll_create1(EPOLL_CLOEXEC));
  if (!either) return fail(Errc::io, "epoll_create1", errno);
  for (const int fd : {socket, own.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(either.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail(Errc::io, "epoll_ctl", errno);
  }
  return StreamEar(socket, std::move(own), std::move(either));
}

void StreamEar::drain() noexcept {
  own_.drain();
  char rings[256];
  for (;;) {
    const ssize_t n = ::recv(socket_, rings, sizeof(rings), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < static_cast<ssize_t>(sizeof(rings))) return;
  }
}

}  // namespace viaduct::transport
