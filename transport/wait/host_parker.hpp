// HostParker: how a worker's decode thread sleeps until the guest has published something.
//
// One thread. wait(ready, deadline) spins, then sets HostWords::parked, executes the full fence, looks once
// more and polls the doorbell and the watched descriptors. `ready` reads the region (RingConsumer::has_work).
// A hang-up of the guest's control stream gives peer_closed; a watched descriptor that is readable or hung up
// gives attention, and attention_fd() says which (the caller reads it; level-triggered). Nothing polls while
// idle.
#pragma once

#include <poll.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "transport/region/region.hpp"
#include "transport/wait/doorbell.hpp"
#include "transport/wait/spin.hpp"

namespace viaduct::transport {

enum class HostWake { ready, timeout, peer_closed, attention };

class HostParker {
 public:
  // `from_guest` is the guest-to-host doorbell; `control_fd` the guest's control socket (only hang-up is
  // looked for), -1 for none; `watched` are further descriptors to wake for (the supervisor's socket). All
  // outlive the parker.
  HostParker(RegionView region, Doorbell& from_guest, int control_fd, std::span<const int> watched = {},
             std::uint32_t spin_ns = kSpinNs);

  template <class Ready>
  [[nodiscard]] HostWake wait(const Ready& ready, Deadline deadline = Deadline::never()) noexcept {
    HostWake woken = HostWake::ready;
    spin_.wait(ready, deadline, [&] { woken = park(ready, deadline); });
    return woken;
  }

  int attention_fd() const noexcept { return attention_fd_; }

 private:
  template <class Ready>
  HostWake park(const Ready& ready, const Deadline& deadline) noexcept {
    for (;;) {
      announce_sleep();  // ends with the full fence
      if (ready()) {
        announce_awake();
        return HostWake::ready;
      }
      const HostWake woken = poll_once(deadline);
      announce_awake();
      if (ready()) return HostWake::ready;
      if (woken != HostWake::ready) return woken;
    }
  }
  void announce_sleep() noexcept;
  void announce_awake() noexcept;
  HostWake poll_once(Deadline deadline) noexcept;

  const RegionView region_;
  Doorbell& from_guest_;
  std::vector<pollfd> fds_;  // the doorbell, the control stream, the watched ones
  AdaptiveSpin spin_;
  std::uint64_t sleeps_ = 0;
  int attention_fd_ = -1;
};

}  // namespace viaduct::transport
