// HostMirror: a worker's end of a session whose region travels on the control stream.
//
// The worker works on its region as if it were shared; this carries over what it answers and brings what the
// guest publishes. It takes the place of the doorbell to the guest: ring() sends every word, completion and
// reply that changed, and the guest's `parked` word in this region always says that somebody sleeps. One
// thread of its own receives, checks, stores into the region, and wakes the decode thread as a guest would.
//
// Everything received is hostile: it reaches chunks and the arena, the ring entry of the next descriptor and
// `published`, nothing else. What makes no sense ends the session: gone_fd() hangs up, error() says why.
//
// With an Lz4 it tells the guest, which must know of it, that messages may be packed; where the guest agrees,
// they travel packed in both directions where that pays.
//
// publish_memory() sends what the device changed in mirrored memory; whoever reports that work is done calls
// it first. Any thread. Sending waits while the guest does not read, and ends at once when the stream breaks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "transport/mirror/mirror_stream.hpp"
#include "transport/mirror/ranges.hpp"
#include "transport/wait/doorbell.hpp"
#include "transport/wait/waker.hpp"

namespace viaduct::transport {

// What publishes the device's writes, where that must be done at all.
class MemoryPublisher {
 public:
  virtual ~MemoryPublisher() = default;
  virtual void publish_memory() noexcept = 0;
};

class HostMirror final : public Doorbell, public MemoryPublisher {
 public:
  // `region` is of this process alone, initialised; `socket` the guest's, of which nobody else reads or
  // writes once start() was called. Both outlive this, as `lz4` does.
  static Result<std::unique_ptr<HostMirror>> create(const Region& region, int socket,
                                                    const Lz4* lz4 = nullptr);
  ~HostMirror() override;  // hangs up
  HostMirror(const HostMirror&) = delete;
  HostMirror& operator=(const HostMirror&) = delete;

  // After the welcome was sent.
  Result<> start();

  // Wakes the decode thread. Its before_sleep() tells the guest what was consumed.
  Doorbell& to_host() noexcept { return to_host_; }
  // Hangs up when nothing will be received any more.
  int gone_fd() const noexcept { return gone_.get(); }
  // Why, once that happened; null if the stream only ended.
  const char* error() const noexcept { return error_.load(std::memory_order_acquire); }

  // The doorbell to the guest.
  void ring() noexcept override;
  int fd() const noexcept override { return -1; }
  void drain() noexcept override {}

  void publish_memory() noexcept override;
  std::uint64_t sent_bytes() noexcept;

 private:
  class Ear final : public Doorbell {
   public:
    Ear(HostMirror& mirror, UniqueFd eventfd) noexcept : mirror_(mirror), bell_(std::move(eventfd)) {}
    void ring() noexcept override { bell_.ring(); }
    int fd() const noexcept override { return bell_.fd(); }
    void drain() noexcept override { bell_.drain(); }
    void before_sleep() noexcept override { mirror_.tell_consumed(); }

   private:
    HostMirror& mirror_;
    EventDoorbell bell_;
  };

  HostMirror(const Region& region, UniqueFd to_host, UniqueFd gone, UniqueFd alive, int socket,
             const Lz4* lz4);
  void receive() noexcept;
  const char* handle(MirrorKind kind, std::span<const std::byte> payload) noexcept;
  const char* take_bytes(std::span<const std::byte> payload) noexcept;
  const char* take_descriptor(std::span<const std::byte> payload) noexcept;
  void tell_consumed() noexcept;
  void start_packing();
  void send_words();
  void send_replies();
  void send_completions();
  void fail_sending() noexcept;

  // So many spans may be consumed before the guest hears of it while the decode thread is busy.
  static constexpr std::uint64_t kTellConsumed = 64;

  const RegionView view_;
  const int socket_;
  const Lz4* const lz4_;
  Ear to_host_;
  UniqueFd gone_;   // the reading end of a pipe
  UniqueFd alive_;  // the writing end
  PeerWaker waker_;
  MirroredRanges ranges_;
  std::atomic<const char*> error_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> guest_unpacks_{false};
  std::uint64_t published_ = 0;  // the receiving thread's

  std::mutex send_mutex_;  // guards what follows
  MirrorOutbox outbox_;
  std::vector<std::byte> patch_;
  MirrorWords words_{};  // as the guest knows them
  std::array<MirrorCompletion, kCompletionSlots> completions_{};
  std::array<std::uint64_t, kReplySlots> replies_{};
  std::uint64_t rings_ = 1;

  std::thread thread_;
};

}  // namespace viaduct::transport
