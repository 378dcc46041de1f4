// What carries a session at the worker's end: the region, how each side wakes the other, and where the
// guest's end shows. One of three, as the grant says: a memfd with eventfds, a slice of a VM's memory whose
// doorbells are bytes on the control stream, or a mirror that is all of it.
//
// The grant's control socket must outlive it. Thread of the session's set-up; what it gives out is as
// thread-safe as its own types say.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "host-renderer/worker/worker_link.hpp"
#include "protocol/control/handshake.hpp"
#include "transport/mirror/host_mirror.hpp"
#include "transport/region/region.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::host {

class Carrier {
 public:
  // Closes a VM's whole memory, once its slice is mapped.
  [[nodiscard]] static Result<std::unique_ptr<Carrier>> make(Grant& grant, const protocol::Hello& hello,
                                                             const transport::RegionLayout& layout);
  // After the welcome: from here on the stream is the session's.
  [[nodiscard]] Result<> start();

  [[nodiscard]] const transport::Region& region() const noexcept { return region_; }
  [[nodiscard]] transport::HostMirror* mirror() const noexcept { return mirror_.get(); }
  [[nodiscard]] transport::Doorbell& ear() const noexcept {
    return mirror_ ? mirror_->to_host() : *from_guest_;
  }
  [[nodiscard]] transport::Doorbell& bell() const noexcept { return mirror_ ? *mirror_ : *to_guest_; }
  // Hangs up when the guest is gone.
  [[nodiscard]] int gone_fd() const noexcept { return mirror_ ? mirror_->gone_fd() : control_; }
  // The guest hears that the session is over. Where it may still write to memory that others get next, its
  // own end of the stream stays open, by which the supervisor sees when it has left.
  void hang_up() const noexcept;

 private:
  explicit Carrier(int control) noexcept : control_(control) {}
  [[nodiscard]] Result<> take_memfd(const Grant& grant, const transport::RegionLayout& layout);
  [[nodiscard]] Result<> take_slice(Grant& grant, const transport::RegionLayout& layout);
  [[nodiscard]] Result<> take_stream(bool may_pack, const transport::RegionLayout& layout);

  const int control_;
  bool slice_ = false;
  transport::Region region_;
  std::unique_ptr<transport::Doorbell> from_guest_, to_guest_;  // where memory is shared
  std::unique_ptr<transport::HostMirror> mirror_;               // where it is not
};

}  // namespace viaduct::host
