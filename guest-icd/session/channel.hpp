// The guest's one way to the host: records into spans of the region, in publication order (DESIGN decision
// 1).
//
// Posts of all threads go into one open stream span under the channel's lock; it is published when it holds a
// few KiB, when a command buffer's span is published, at a call, and at flush(). A call publishes, wakes the
// host and waits for its reply slot. Where the ring, the chunks or the arena are full, the caller waits for
// the host. When the session is lost, posts go to private memory that nobody reads and calls give an empty
// Reply: nothing that records or posts can fail or crash. Where there is no memory for that either, records
// of up to kSinkBytes (all that have a fixed size) still have a place, and larger ones are refused before
// they are encoded.
//
// Between begin_* and end_* the channel's lock is held: encode, nothing else.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <utility>

#include "base/slot_map.hpp"
#include "generated/protocol/object_type.hpp"
#include "guest-icd/memory/arena_spans.hpp"
#include "guest-icd/session/memo_cache.hpp"
#include "protocol/wire/object_id.hpp"
#include "transport/mirror/guest_mirror.hpp"
#include "transport/ring/chunk_pool.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"
#include "transport/wait/parker.hpp"

namespace viaduct::guest {

class Channel;

/// Records of this size can be written whatever happens. The generated code checks that every record of a
/// fixed size fits.
inline constexpr std::size_t kSinkBytes = 512;

/// Private memory for what a lost session records and posts: overwritten by each record, read by nobody.
/// Grows on the heap; where the heap has no more, small records go to the sink and large ones get null. One
/// user at a time.
class LostRecords {
 public:
  LostRecords() = default;
  LostRecords(const LostRecords&) = delete;
  LostRecords& operator=(const LostRecords&) = delete;
  ~LostRecords() { release(); }

  std::span<std::byte> memory(std::size_t size) noexcept;
  void release() noexcept;

 private:
  std::byte* heap_ = nullptr;
  std::size_t size_ = 0;
  alignas(8) std::byte sink_[kSinkBytes];
};

/// A call's reply; holds its slot until destroyed. False: the session is lost.
class Reply {
 public:
  Reply() = default;
  Reply(Channel& channel, std::uint32_t slot, std::span<const std::byte> bytes,
        std::unique_ptr<std::uint64_t[]> assembled) noexcept
      : channel_(&channel), slot_(slot), bytes_(bytes), assembled_(std::move(assembled)) {}
  Reply(Reply&& other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)),
        slot_(other.slot_),
        bytes_(other.bytes_),
        assembled_(std::move(other.assembled_)) {}
  Reply& operator=(Reply&&) = delete;
  ~Reply();

  explicit operator bool() const noexcept { return channel_ != nullptr; }
  /// 8-aligned. The peer may still be writing to it if it misbehaves: read through a checked Reader.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  Channel* channel_ = nullptr;
  std::uint32_t slot_ = 0;
  std::span<const std::byte> bytes_;
  std::unique_ptr<std::uint64_t[]> assembled_;  ///< a reply larger than its slot
};

/// Memory for records: a chunk of the pool, or a span of the arena for what is larger or when no chunk is
/// free.
struct RecordMemory {
  std::byte* data = nullptr;  ///< nullptr: the session is lost
  std::uint64_t offset = 0;
  std::size_t size = 0;
  std::uint32_t chunk = kArena;
  static constexpr std::uint32_t kArena = ~0u;
};

class Channel {
 public:
  struct Parts {
    transport::RegionView region;
    transport::RingProducer& ring;
    transport::ChunkPool& chunks;
    transport::ReplySlots& replies;
    transport::Parker& parker;
    ArenaSpans& arena;
    transport::GuestMirror* mirror = nullptr;  ///< where no memory is shared
  };
  explicit Channel(const Parts& parts) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Null (and nothing is begun) only for a record beyond kSinkBytes that a lost session has no memory for.
  std::byte* begin_post(std::size_t size) noexcept;
  void end_post() noexcept;
  std::byte* begin_call(std::size_t size, std::uint32_t& slot) noexcept;
  Reply end_call(std::uint32_t slot) noexcept;
  /// Publishes what was posted and wakes the host.
  void flush() noexcept;

  VkResult lost_result() const noexcept { return VK_ERROR_DEVICE_LOST; }
  bool lost() const noexcept { return abandoned_.load(std::memory_order_relaxed) || parts_.parker.lost(); }
  /// A child of fork shares the region with its parent and must not touch it. For the child's fork handler,
  /// whose parent holds the publish lock: a recursive mutex knows its owner's thread, which the child has
  /// not, so it is made anew instead of unlocked.
  void abandon() noexcept {
    abandoned_.store(true, std::memory_order_relaxed);
    new (&mutex_) std::recursive_mutex;
  }

  IdAllocator& ids(protocol::ObjectType type) noexcept { return ids_[static_cast<std::size_t>(type)]; }
  MemoCache& memo() noexcept { return memo_; }
  ArenaSpans& arena() noexcept { return parts_.arena; }
  transport::RegionView region() const noexcept { return parts_.region; }
  transport::GuestMirror* mirror() const noexcept { return parts_.mirror; }
  /// Before posting what makes the host look at mapped memory: what was written to it so far must be there.
  void publish_memory() noexcept {
    if (parts_.mirror != nullptr) parts_.mirror->memory_due();
  }

  /// The publish lock, for posts that must be in one order with something else (a queue's next value);
  /// begin_post takes it again inside.
  std::unique_lock<std::recursive_mutex> order() noexcept { return std::unique_lock(mutex_); }
  /// For who released order()'s lock object without unlocking (the fork handlers).
  void leave_order() noexcept { mutex_.unlock(); }

  /// Memory for at least `size` bytes of records; waits for the host where all is taken.
  RecordMemory acquire_memory(std::size_t size) noexcept;
  /// `sequence`: of the last span published from it; 0 when nothing was.
  void retire_memory(const RecordMemory& memory, std::uint64_t sequence) noexcept;
  /// Publishes one command buffer's span after everything posted before. 0 when lost. Does not wake the host
  /// unless `wake`.
  std::uint64_t publish_commands(std::uint64_t offset, std::uint32_t size, std::uint64_t command_buffer,
                                 bool wake) noexcept;
  /// A sequence number that, once consumed, tells that everything posted so far was read by the host.
  std::uint64_t sequence_of_posts() noexcept;
  std::uint64_t consumed() const noexcept { return parts_.ring.consumed(); }
  /// Waits until the host has read the descriptor of that number; false when lost.
  bool wait_consumed(std::uint64_t sequence) noexcept;

  /// parker.wait with this session's latch. ready() as Parker documents.
  template <class Ready>
  transport::WaitResult wait(const Ready& ready, const Deadline& deadline) noexcept {
    if (abandoned_.load(std::memory_order_relaxed)) {
      return ready() ? transport::WaitResult::ready : transport::WaitResult::lost;
    }
    return parts_.parker.wait(ready, {.deadline = deadline, .spin = &completion_spin_});
  }
  /// Something that waits look at was changed on this side: they look again.
  void reconsider() noexcept {
    if (!abandoned_.load(std::memory_order_relaxed)) parts_.parker.reconsider();
  }
  /// For callers that poll without waiting: looks whether the host is gone, at most every few milliseconds.
  bool check_lost() noexcept { return lost() || parts_.parker.check_lost(); }

  static Channel& of(VkInstance handle) noexcept { return from_dispatchable(handle); }
  static Channel& of(VkPhysicalDevice handle) noexcept { return from_dispatchable(handle); }
  static Channel& of(VkDevice handle) noexcept { return from_dispatchable(handle); }
  static Channel& of(VkQueue handle) noexcept { return from_dispatchable(handle); }
  static Channel& of(VkCommandBuffer handle) noexcept { return from_dispatchable(handle); }

 private:
  friend class Reply;
  static Channel& from_dispatchable(void* handle) noexcept;

  std::byte* begin_slow(std::size_t size) noexcept;
  std::byte* scratch(std::size_t size) noexcept;
  void commit() noexcept;
  bool publish_open() noexcept;
  std::uint64_t publish(const transport::Span& span) noexcept;
  void close_memory() noexcept;
  bool wait_reply(std::uint32_t slot, std::uint64_t sequence) noexcept;
  bool fetch(std::uint32_t slot, std::uint64_t offset) noexcept;
  void give_up(const char* what, std::size_t size) noexcept;

  Parts parts_;
  std::atomic<bool> abandoned_{false};

  std::recursive_mutex mutex_;  // the publish lock; guards what follows, up to the blank line
  RecordMemory memory_;         // of the open stream span
  std::byte* begin_ = nullptr;  // first byte not yet published
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t pending_ = 0;  // size of the record being encoded
  bool in_scratch_ = false;
  std::uint64_t last_sequence_ = 0;  // published from memory_
  LostRecords scratch_;

  transport::AdaptiveSpin reply_spin_;
  transport::AdaptiveSpin completion_spin_;
  struct Ids : IdAllocator {
    Ids() noexcept : IdAllocator(protocol::kMaxObjectsOfType) {}
  };
  std::array<Ids, 256> ids_;  // by ObjectType
  MemoCache memo_;
};

}  // namespace viaduct::guest
