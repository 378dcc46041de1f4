#include "transport/wait/host_parker.hpp"

#include <poll.h>

#include <cerrno>

#include "transport/wait/atomics.hpp"

namespace viaduct::transport {

namespace {
constexpr short kHangUp = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;
}  // namespace

HostParker::HostParker(RegionView region, Doorbell& from_guest, int control_fd, std::span<const int> watched,
                       std::uint32_t spin_ns)
    : region_(region), from_guest_(from_guest), spin_(spin_ns) {
  fds_.push_back({from_guest.fd(), POLLIN, 0});
  fds_.push_back({control_fd, POLLRDHUP, 0});  // poll skips a negative descriptor
  for (const int fd : watched) fds_.push_back({fd, POLLIN | POLLRDHUP, 0});
}

void HostParker::announce_sleep() noexcept {
  store_relaxed(region_.host().parked, ++sleeps_);
  full_fence();  // pairs with PeerWaker's in the guest
}

void HostParker::announce_awake() noexcept { store_relaxed(region_.host().parked, 0); }

HostWake HostParker::poll_once(Deadline deadline) noexcept {
  from_guest_.before_sleep();
  timespec timeout{};
  if (!deadline.is_never()) timeout = deadline.remaining_timespec();
  const int n = ::ppoll(fds_.data(), fds_.size(), deadline.is_never() ? nullptr : &timeout, nullptr);
  if (n <= 0) return deadline.expired() ? HostWake::timeout : HostWake::ready;  // ready: look again
  if ((fds_[0].revents & POLLIN) != 0) from_guest_.drain();
  if ((fds_[1].revents & kHangUp) != 0) return HostWake::peer_closed;
  for (std::size_t i = 2; i < fds_.size(); ++i) {
    if (fds_[i].revents != 0) {
      attention_fd_ = fds_[i].fd;
      return HostWake::attention;
    }
  }
  return HostWake::ready;
}

}  // namespace viaduct::transport
