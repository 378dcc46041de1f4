// Where vkCmd* functions store their records: straight into a chunk of the region. The fast path is a bounds
// check and a few stores; what does not fit goes to refill(), which publishes the full chunk and gets
// another. A chunk that a command buffer leaves part of goes on to the pool's next one.
//
// One writer belongs to one command buffer and is externally synchronised with it and its pool. reserve()
// fails only for a record beyond kSinkBytes on a lost session: otherwise that gives private memory which
// nobody reads (session/channel.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-icd/session/channel.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::guest {

struct CommandPool;

/// A chunk that records go to, and how far it was published.
struct WriteMemory {
  RecordMemory memory;
  std::size_t used = 0;        ///< bytes published, or skipped
  std::uint64_t sequence = 0;  ///< of the last span published from it
};

class CommandWriter {
 public:
  CommandWriter(Channel& channel, CommandPool& pool, std::uint64_t command_buffer) noexcept
      : channel_(&channel), pool_(&pool), command_buffer_(command_buffer) {}
  CommandWriter(const CommandWriter&) = delete;
  CommandWriter& operator=(const CommandWriter&) = delete;
  ~CommandWriter();

  /// Memory for one record; `size` is a multiple of 8. Null as Channel::begin_post says.
  std::byte* reserve(std::size_t size) noexcept {
    std::byte* at = cursor_;
    if (static_cast<std::size_t>(end_ - at) < size) [[unlikely]]
      return refill(size);
    cursor_ = at + size;
    transport::prefetch_for_writing(at + kAhead);
    return at;
  }

  /// Publishes what is recorded (vkEndCommandBuffer).
  void finish() noexcept;
  /// Forgets what is recorded and not yet published (vkResetCommandBuffer, vkFreeCommandBuffers).
  void discard() noexcept;

 private:
  /// The chunk's lines lie in the cache of the host's core, which read them last: each is fetched while some
  /// records before it are written.
  static constexpr std::size_t kAhead = 512;

  std::byte* refill(std::size_t size) noexcept;
  void take(const WriteMemory& from) noexcept;
  void publish(bool wake) noexcept;
  void close() noexcept;
  void hand_on() noexcept;
  std::byte* scratch(std::size_t size) noexcept;
  void leave_scratch() noexcept;

  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  std::byte* begin_ = nullptr;  ///< first byte not yet published
  WriteMemory current_;
  bool in_scratch_ = false;
  LostRecords scratch_;
  Channel* channel_;
  CommandPool* pool_;
  std::uint64_t command_buffer_;
};

}  // namespace viaduct::guest
