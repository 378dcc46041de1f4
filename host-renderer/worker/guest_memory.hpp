// The worker's way into the session's region: where allocations live, where replies and completions go.
//
// Replies: reserve and commit of one slot happen on one thread at a time; different slots in parallel. The
// decode thread calls claim() for each record that wants a reply: false means that the slot does not exist or
// that its last request is still being answered (after a second of waiting), which no honest guest does.
// Completions: any thread, one at a time a slot. Nothing in here believes what the region says.
#pragma once

#include "host-renderer/worker/reply_builder.hpp"
#include "transport/region/region.hpp"
#include "transport/ring/reply.hpp"
#include "transport/wait/waker.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace viaduct::host {

class GuestMemory final : public ReplySink {
 public:
  // The largest reply that is kept for fetching (pipeline caches, pipeline executables).
  static constexpr std::size_t kMaxReply = std::size_t{256} << 20;
  // All of those together: a guest that fetches none of them gets empty replies from then on.
  static constexpr std::size_t kMaxKept = std::size_t{512} << 20;

  // `to_guest` outlives this.
  GuestMemory(transport::RegionView region, transport::PeerWaker& to_guest) noexcept
      : region_(region), waker_(to_guest), writer_(region, to_guest) {}

  std::uint64_t arena_size() const noexcept { return region_.layout().arena_size(); }
  // Null unless [offset, offset + size) lies in the arena and is page-aligned.
  std::byte* arena(std::uint64_t offset, std::uint64_t size) const noexcept;

  bool claim(std::uint32_t slot) noexcept;
  // The next piece of a long reply; an empty one if there is none at this offset.
  void send_piece(std::uint32_t slot, std::uint64_t offset) noexcept;
  std::byte* reserve_reply(std::uint32_t slot, std::size_t size) noexcept override;
  void commit_reply(std::uint32_t slot, std::size_t size) noexcept override;

  void complete(std::uint32_t slot, std::uint64_t value) noexcept;
  void fail(std::uint32_t slot, std::int32_t result) noexcept;
  void end(transport::SessionStatus status) noexcept;
  // How many messages for the guest there were, ever. Wakes nobody: the guest looks when it comes by. One
  // caller at a time.
  void tell_messages(std::uint32_t count) noexcept;

 private:
  struct Pending {
    std::atomic<bool> busy{false};
    std::unique_ptr<std::byte[]> buffer;
    std::size_t capacity = 0;
    std::size_t size = 0;
  };

  // Exchanges the slot's buffer for one of this capacity (0: none); false when the cap or the memory is
  // reached.
  bool resize(Pending& pending, std::size_t capacity) noexcept;

  transport::RegionView region_;
  transport::PeerWaker& waker_;
  transport::ReplyWriter writer_;
  std::array<Pending, transport::kReplySlots> replies_;
  std::atomic<std::size_t> kept_{0};  // bytes of all buffers
};

}  // namespace viaduct::host
