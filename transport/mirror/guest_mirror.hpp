// GuestMirror: a guest's end of a session whose region travels on the control stream.
//
// The guest's code works on its region as if it were shared; this carries over what it publishes and brings
// what the host answers. It takes the doorbell's place: ring() sends everything that was published since the
// last time, and the host's `parked` word in this region always says that somebody sleeps. One thread of its
// own receives, stores into the region, and wakes waiting threads as a host would.
//
// What the application wrote into mapped memory travels with the next ring() after memory_due(), before the
// spans that were published after that call. All functions may be called by any thread; ring() waits while
// the stream takes no more bytes, and ends at once when it breaks. When the stream ends or the host talks
// nonsense, session_status becomes `ended`. With an Lz4, messages travel packed in both directions where the
// host agrees and it pays.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "transport/mirror/mirror_stream.hpp"
#include "transport/mirror/ranges.hpp"
#include "transport/ring/ring.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::transport {

class GuestMirror final : public Doorbell {
 public:
  // A region of this process alone, as the host's is its own; the kernel tells what is written to it, where
  // it can (transport/mirror/page_tracker.hpp). `socket` is the control stream's, of which nobody else reads
  // or writes from now on; it outlives this, as `lz4` does.
  static Result<std::unique_ptr<GuestMirror>> start(const RegionLayout& layout, int socket,
                                                    const Lz4* lz4 = nullptr);
  ~GuestMirror() override;  // hangs up
  GuestMirror(const GuestMirror&) = delete;
  GuestMirror& operator=(const GuestMirror&) = delete;

  RegionView view() const noexcept { return region_.view(); }
  Doorbell& to_guest() noexcept { return to_guest_; }

  // The doorbell to the host.
  void ring() noexcept override;
  int fd() const noexcept override { return -1; }
  void drain() noexcept override {}

  // A range of the arena becomes the host's too, before anything that is published later; false: it cannot.
  [[nodiscard]] bool track(std::uint64_t token, std::uint64_t offset, std::uint64_t size) noexcept;
  void untrack(std::uint64_t token) noexcept;
  void map(std::uint64_t token, bool mapped) noexcept { ranges_.map(token, mapped); }
  // To be called before publishing what makes the host look at mapped memory.
  void memory_due() noexcept { memory_due_.store(true, std::memory_order_release); }

  std::uint64_t sent_bytes() noexcept;

 private:
  GuestMirror(Region region, std::unique_ptr<PageTracker> written, UniqueFd to_guest, int socket,
              const Lz4* lz4);
  void receive() noexcept;
  const char* handle(MirrorKind kind, std::span<const std::byte> payload) noexcept;
  const char* take_reply(std::span<const std::byte> payload) noexcept;
  void agree_on_packing();
  void send_news();
  void send_memory();
  void send_spans(std::uint64_t published);

  Region region_;
  const std::unique_ptr<PageTracker> written_;  // null: the kernel does not tell
  const RegionView view_;
  const int socket_;
  const Lz4* const lz4_;
  EventDoorbell to_guest_;
  PeerWaker waker_;
  MirroredRanges ranges_;
  std::atomic<bool> memory_due_{false};
  std::atomic<bool> host_unpacks_{false};

  std::mutex news_mutex_;
  struct News {
    MirrorKind kind;
    MirrorTrack range;
  };
  std::vector<News> news_;  // what the host must hear of ranges

  std::mutex send_mutex_;  // guards what follows
  MirrorOutbox outbox_;
  std::vector<std::byte> patch_;
  std::vector<News> sending_;
  std::uint64_t sent_ = 0;   // spans
  std::uint64_t rings_ = 1;  // numbers the host's parked word

  std::thread thread_;
};

}  // namespace viaduct::transport
