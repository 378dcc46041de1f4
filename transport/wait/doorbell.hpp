// Doorbell: wakes the other side of a session when it said that it sleeps.
//
// ring() may be called by any thread and never blocks for long; rings that were not heard yet merge. The
// sleeper polls fd() for POLLIN and calls drain() before it looks at the counters again; ringing its own end
// wakes it too. An EventDoorbell serves processes on one host; its descriptor is shared with the peer, who
// can at worst make its own session's rings useless.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace viaduct::transport {

class Doorbell {
 public:
  virtual ~Doorbell() = default;
  virtual void ring() noexcept = 0;
  virtual int fd() const noexcept = 0;
  virtual void drain() noexcept = 0;
  // A HostParker calls it before it sleeps on this doorbell: the last chance to tell the peer something.
  virtual void before_sleep() noexcept {}
};

class EventDoorbell final : public Doorbell {
 public:
  // A non-blocking, close-on-exec eventfd.
  static Result<UniqueFd> create_eventfd();
  // Takes a descriptor made by create_eventfd, here or in the peer.
  explicit EventDoorbell(UniqueFd eventfd) noexcept : fd_(std::move(eventfd)) {}

  void ring() noexcept override;
  int fd() const noexcept override { return fd_.get(); }
  void drain() noexcept override;

 private:
  UniqueFd fd_;
};

}  // namespace viaduct::transport
