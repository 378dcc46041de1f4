// Doorbells over a control stream, for sessions whose peers share memory but no eventfd: each byte on the
// stream is one ring.
//
// StreamBell rings the peer; it is for its ring() alone. StreamEar hears the peer, and its own ring() wakes
// its own sleeper; fd() becomes readable for either. Both borrow the socket, which must outlive them; nobody
// else may read from it or write to it. ring() never blocks: where the stream takes no more bytes, the peer
// has rings that it has not heard yet. Any thread.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::transport {

class StreamBell final : public Doorbell {
 public:
  explicit StreamBell(int socket) noexcept : socket_(socket) {}

  void ring() noexcept override;
  int fd() const noexcept override { return -1; }
  void drain() noexcept override {}

 private:
  const int socket_;
};

class StreamEar final : public Doorbell {
 public:
  // `own`: an eventfd that somebody else may ring too (a device's doorbell); made here if empty.
  static Result<StreamEar> create(int socket, UniqueFd own = UniqueFd());

  void ring() noexcept override { own_.ring(); }
  int fd() const noexcept override { return either_.get(); }
  // What is there of both; what the bytes say does not matter.
  void drain() noexcept override;

 private:
  StreamEar(int socket, UniqueFd own, UniqueFd either) noexcept
      : socket_(socket), own_(std::move(own)), either_(std::move(either)) {}

  int socket_;
  EventDoorbell own_;
  UniqueFd either_;  // an epoll of the two
};

}  // namespace viaduct::transport
