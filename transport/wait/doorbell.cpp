#include "transport/wait/doorbell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace viaduct::transport {

Result<UniqueFd> EventDoorbell::create_eventfd() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return fail(Errc::io, "eventfd", errno);
  return UniqueFd(fd);
}

void EventDoorbell::ring() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so the sleeper has been rung already.
  while (::write(fd_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

void EventDoorbell::drain() noexcept {
  std::uint64_t count = 0;
  while (::read(fd_.get(), &count, sizeof(count)) < 0 && errno == EINTR) {
  }
}

}  // namespace viaduct::transport
