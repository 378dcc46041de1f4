// The ring: in which order the host sees the spans that the guest wrote.
//
// RingProducer (guest): the caller holds the session's publish lock around every call but the const ones. A
// span is memory in the region that the guest has filled; publish() names it in the next descriptor. Its
// memory belongs to the host until consumed() has reached the sequence number that publish gave. publish
// never waits: on a full ring it gives 0 and the caller waits (Parker::wait_consumed(oldest_pending())).
//
// RingConsumer (worker; the decode thread, but for what says otherwise): trusts nothing. next() reads
// `published` and the descriptor once each, into private copies, and checks: published - consumed <=
// capacity, and never less than it was; sequence as expected; kind known; offset and size multiples of 8, not
// empty, below the span limit, inside chunks or arena (never over the words that the host writes); a command
// buffer id exactly where the kind asks for one. A failed check is sticky and ends the session. The bytes of
// a span are still the guest's to change: copy_span() them once into private memory and use only that.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "transport/region/region.hpp"
#include "transport/wait/waker.hpp"

namespace viaduct::transport {

// A span as its writer names it, or as the consumer found it to be after all checks.
struct Span {
  std::uint64_t offset = 0;  // from the start of the region
  std::uint32_t size = 0;
  SpanKind kind = SpanKind::stream;
  std::uint64_t command_buffer_id = 0;
  std::uint64_t sequence = 0;  // set by the consumer
};

class RingProducer {
 public:
  RingProducer(RegionView region, Doorbell& to_host) noexcept;

  // Gives the span's sequence number, 0 if the ring is full. Does not wake the host.
  std::uint64_t publish(const Span& span) noexcept;
  // Wakes the host if it sleeps: once after each batch of publishes. Any thread.
  void wake_host() noexcept { waker_.wake_if_parked(); }

  std::uint64_t published() const noexcept { return load_relaxed(region_.guest().published); }
  std::uint64_t consumed() const noexcept { return load_acquire(region_.host().consumed); }
  bool full() const noexcept { return published_ - consumed() >= kRingCapacity; }
  // What consumed() must reach for a full ring to have room again.
  std::uint64_t oldest_pending() const noexcept { return published_ - kRingCapacity + 1; }

 private:
  const RegionView region_;
  PeerWaker waker_;
  std::uint64_t published_;
  std::uint64_t consumed_seen_ = 0;
};

struct RingError {
  const char* reason = nullptr;  // null: no error
  std::uint64_t sequence = 0;    // of the descriptor at fault
  std::uint64_t offset = 0;      // what the descriptor said
  std::uint64_t size = 0;
};

class RingConsumer {
 public:
  static constexpr std::uint32_t kDefaultMaxSpan = 256u << 20;

  // `to_guest` wakes guest threads that wait for `consumed`; shared with the reply and completion writers.
  RingConsumer(RegionView region, PeerWaker& to_guest, std::uint32_t max_span = kDefaultMaxSpan) noexcept;

  enum class Next { span, empty, error };
  // Gives the next span; call release() when its bytes are copied, or release_later(), before the next call.
  [[nodiscard]] Next next(Span& span) noexcept;
  // Copies the bytes; `to` has room for span.size. Any thread.
  void copy_span(const Span& span, std::byte* to) const noexcept;
  // Gives the span's memory back to the guest, and wakes it if it waits for that.
  void release() noexcept {
    ++consumed_;
    release(consumed_);
  }
  // Somebody else copies the bytes, and then calls release() with the span's sequence, on any thread. The
  // guest gets memory back in the order of the ring.
  void release_later() noexcept { ++consumed_; }
  void release(std::uint64_t sequence) noexcept;

  // For HostParker: something is published (or wrong) that next() has not given yet.
  bool has_work() const noexcept { return load_acquire(region_.guest().published) != consumed_; }
  std::uint64_t consumed() const noexcept { return consumed_; }
  // How many spans are known to wait; there may be more.
  std::uint64_t backlog() const noexcept { return published_ - consumed_; }
  const RingError& error() const noexcept { return error_; }

 private:
  Next set_error(const char* reason, std::uint64_t offset = 0, std::uint64_t size = 0) noexcept;

  const RegionView region_;
  PeerWaker& to_guest_;
  const std::uint32_t max_span_;
  std::uint64_t consumed_ = 0;   // spans that next() is done with
  std::uint64_t published_ = 0;  // the last value that passed the check
  RingError error_;

  std::mutex release_mutex_;
  std::uint64_t released_ = 0;                 // private truth; the shared word is only told
  std::bitset<kRingCapacity> released_early_;  // behind one that is not released yet, by sequence
};

}  // namespace viaduct::transport
