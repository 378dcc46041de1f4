#include "transport/mirror/link_rate.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace viaduct::transport {

namespace {

bool is_tcp(int socket) noexcept {
  int protocol = 0;
  socklen_t size = sizeof(protocol);
  return ::getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

}  // namespace

LinkRate::LinkRate(int socket) noexcept : socket_(socket), tcp_(is_tcp(socket)) {}

void LinkRate::took(std::size_t bytes) noexcept {
  took_ += bytes;
  if (took_ < kForget) return;
  // So much without being full: it is faster than it was taken for.
  took_ = 0;
  full_at_ = 0;
  rate_ = 0;
}

void LinkRate::full(std::uint64_t now_ns) noexcept {
  if (full_at_ != 0 && now_ns > full_at_ && 2 * held_up_ >= now_ns - full_at_) {
    const auto sample =
        static_cast<std::uint64_t>(static_cast<double>(took_) * 1e9 / static_cast<double>(now_ns - full_at_));
    rate_ = rate_ == 0 ? sample : (3 * rate_ + sample) / 4;
  }
  full_at_ = now_ns;
  held_up_ = 0;
  took_ = 0;
}

void LinkRate::writable(std::uint64_t now_ns) noexcept { held_up_ += now_ns - full_at_; }

std::uint64_t LinkRate::bytes_per_s() const noexcept {
  if (!tcp_) return rate_;
  tcp_info info{};
  socklen_t size = sizeof(info);
  constexpr std::size_t kEnough = offsetof(tcp_info, tcpi_delivery_rate) + sizeof(info.tcpi_delivery_rate);
  if (::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < kEnough) return 0;
  return info.tcpi_delivery_rate;
}

}  // namespace viaduct::transport
