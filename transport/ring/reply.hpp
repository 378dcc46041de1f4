// Reply slots: how a call that waits gets its answer.
//
// ReplySlots (guest, any thread): acquire() takes a slot (waiting while all 64 are taken), expect() is called
// once for each record with a reply that names the slot, before it is published, and gives the sequence
// number that its reply will carry; ready() is what Parker::wait looks at; read() gives the reply's bytes in
// the slot, valid until the next expect() or release(). A reply longer than a slot arrives in pieces: `more`
// says that total_size exceeds what is there (the caller asks for the rest with viaductFetchReply, each
// request being a further expect()). Where the region is not cached, read() copies the reply to private
// memory first.
//
// ReplyWriter (worker): write() may be called by any thread, but by one at a time for one slot (there is at
// most one unanswered request a slot, if the guest is honest; if it is not, only its own replies are
// garbled). It keeps its own count of replies per slot and never reads what the guest may have written there.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "transport/region/region.hpp"
#include "transport/wait/waker.hpp"

namespace viaduct::transport {

class ReplySlots {
 public:
  explicit ReplySlots(RegionView region);

  std::uint32_t acquire() noexcept;
  void release(std::uint32_t slot) noexcept;

  std::uint64_t expect(std::uint32_t slot) noexcept { return ++expected_[slot]; }
  bool ready(std::uint32_t slot, std::uint64_t sequence) const noexcept {
    return load_acquire(region_.reply(slot).sequence) >= sequence;
  }
  struct Reply {
    std::span<const std::byte> bytes;
    std::uint32_t total_size = 0;
    bool more = false;
  };
  // After ready(). Sizes out of range are cut to what the slot holds.
  Reply read(std::uint32_t slot) const noexcept;

 private:
  const RegionView region_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t free_ = ~std::uint64_t{0};  // a bit a slot
  std::array<std::uint64_t, kReplySlots> expected_{};
  // Replies out of a region that is not cached, a slot each.
  struct alignas(64) Copy {
    std::byte bytes[kReplyPayload];
  };
  std::unique_ptr<Copy[]> copies_;
};
static_assert(kReplySlots == 64);

class ReplyWriter {
 public:
  ReplyWriter(RegionView region, PeerWaker& to_guest) noexcept : region_(region), to_guest_(to_guest) {}

  // Writes one reply (or one piece of it) and wakes the guest if it sleeps. `slot` comes from the guest:
  // false if it is out of range. bytes beyond kReplyPayload are left for later pieces: `total_size` is that
  // of the whole reply, and the reply is marked `more` while offset + piece < total_size; offset is where in
  // the whole this piece lies.
  [[nodiscard]] bool write(std::uint32_t slot, std::span<const std::byte> bytes, std::uint32_t total_size,
                           std::uint32_t offset = 0) noexcept;

 private:
  const RegionView region_;
  PeerWaker& to_guest_;
  std::array<std::atomic<std::uint64_t>, kReplySlots> written_{};
};

}  // namespace viaduct::transport
