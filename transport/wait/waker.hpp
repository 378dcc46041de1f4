// PeerWaker: the publisher's half of the sleep handshake (transport/wait/atomics.hpp).
//
// Call wake_if_parked() after storing (store_release) whatever the peer may be waiting for. It costs a full
// fence and a load while the peer is awake, and rings the doorbell at most once for each time that the peer
// parks. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "transport/wait/atomics.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::transport {

class PeerWaker {
 public:
  // `parked` is the peer's word: view.host().parked in the guest, view.guest().parked in the host. Both
  // outlive this.
  PeerWaker(const std::uint64_t& parked, Doorbell& doorbell) noexcept
      : parked_(parked), doorbell_(doorbell) {}

  void wake_if_parked() noexcept {
    full_fence();  // pairs with the fence that the peer executes after storing its parked word
    wake_after_fence();
  }

  // For callers that have executed the fence already.
  void wake_after_fence() noexcept {
    const std::uint64_t sleep = load_relaxed(parked_);
    if (sleep == 0) [[likely]]
      return;
    // One ring a sleep: whoever rang for it made the peer look at everything again after it wakes.
    if (last_rung_.load(std::memory_order_relaxed) == sleep) return;
    if (last_rung_.exchange(sleep, std::memory_order_seq_cst) != sleep) doorbell_.ring();
  }

 private:
  const std::uint64_t& parked_;
  Doorbell& doorbell_;
  std::atomic<std::uint64_t> last_rung_{0};
};

}  // namespace viaduct::transport
