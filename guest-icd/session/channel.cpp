#include "guest-icd/session/channel.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/log.hpp"
#include "base/switches.hpp"
#include "generated/protocol/commands.hpp"
#include "guest-icd/objects/dispatchable.hpp"
#include "protocol/wire/record.hpp"
#include "protocol/wire/writer.hpp"

namespace viaduct::guest {
namespace {

// A stream span is published early once it holds this much, so that the host works while the guest goes on.
constexpr std::size_t kEarlyPublish = 4096;
// Replies beyond this are a host gone wrong.
constexpr std::uint32_t kMaxReply = 256u << 20;
// No record is larger: its size travels in 32 bits, and a host copies a span as a whole.
constexpr std::size_t kMaxRecord = std::size_t{1} << 30;
// What stands in for a chunk where the pool has none.
constexpr std::size_t kChunkFallback = transport::kChunkSize;

}  // namespace

std::span<std::byte> LostRecords::memory(std::size_t size) noexcept {
  constexpr std::size_t kLeast = 64 * 1024;
  if (size > size_) {
    release();
    const std::size_t wanted = std::max(size, kLeast);
    heap_ = static_cast<std::byte*>(std::malloc(wanted));
    if (heap_ != nullptr) size_ = wanted;
  }
  if (heap_ != nullptr) return {heap_, size_};
  return size <= kSinkBytes ? std::span<std::byte>(sink_) : std::span<std::byte>();
}

void LostRecords::release() noexcept {
  std::free(heap_);
  heap_ = nullptr;
  size_ = 0;
}

Reply::~Reply() {
  if (channel_ != nullptr) channel_->parts_.replies.release(slot_);
}

Channel::Channel(const Parts& parts) noexcept
    : parts_(parts), memo_(std::size_t{32} << 20, perf_enabled(PerfSwitch::memo)) {}

Channel& Channel::from_dispatchable(void* handle) noexcept {
  return *static_cast<Dispatchable*>(handle)->channel;
}

// ---- records ----

std::byte* Channel::begin_post(std::size_t size) noexcept {
  mutex_.lock();
  pending_ = size;
  if (static_cast<std::size_t>(end_ - cursor_) >= size && !lost()) [[likely]]
    return cursor_;
  return begin_slow(size);
}

void Channel::end_post() noexcept {
  commit();
  if (static_cast<std::size_t>(cursor_ - begin_) >= kEarlyPublish && publish_open() &&
      perf_enabled(PerfSwitch::early_publish)) {
    parts_.ring.wake_host();
  }
  if (!perf_enabled(PerfSwitch::post)) [[unlikely]] {
    publish_open();
    const std::uint64_t sequence = parts_.ring.published();
    parts_.ring.wake_host();
    mutex_.unlock();
    wait_consumed(sequence);
    return;
  }
  mutex_.unlock();
}

std::byte* Channel::begin_call(std::size_t size, std::uint32_t& slot) noexcept {
  slot = parts_.replies.acquire();
  std::byte* at = begin_post(size);
  if (at == nullptr) parts_.replies.release(slot);
  return at;
}

Reply Channel::end_call(std::uint32_t slot) noexcept {
  const bool alive = !in_scratch_;
  commit();
  const std::uint64_t sequence = parts_.replies.expect(slot);
  publish_open();
  mutex_.unlock();
  if (alive) parts_.ring.wake_host();
  if (!alive || !wait_reply(slot, sequence)) {
    parts_.replies.release(slot);
    return {};
  }
  const auto first = parts_.replies.read(slot);
  if (!first.more) return Reply(*this, slot, first.bytes, nullptr);

  // Larger than its slot: fetched piece by piece into private memory.
  const std::uint32_t total = first.total_size;
  std::unique_ptr<std::uint64_t[]> whole;
  if (total <= kMaxReply) whole.reset(new (std::nothrow) std::uint64_t[(total + 7) / 8]);
  auto* bytes = reinterpret_cast<std::byte*>(whole.get());
  std::uint32_t have = 0;
  for (auto piece = first; whole != nullptr;) {
    const std::size_t size = std::min<std::size_t>(piece.bytes.size(), total - have);
    if (size == 0) break;  // no progress: the host misbehaves
    std::memcpy(bytes + have, piece.bytes.data(), size);
    have += static_cast<std::uint32_t>(size);
    if (have == total) return Reply(*this, slot, {bytes, total}, std::move(whole));
    if (!fetch(slot, have)) break;
    piece = parts_.replies.read(slot);
  }
  if (!lost()) give_up("a reply", total);
  parts_.replies.release(slot);
  return {};
}

void Channel::flush() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!lost()) publish_open();
  }
  if (!lost()) parts_.ring.wake_host();
}

void Channel::commit() noexcept {
  if (!in_scratch_) cursor_ += pending_;
  in_scratch_ = false;
  pending_ = 0;
}

// Called with the lock: the record does not fit what is open, or the session is lost.
std::byte* Channel::begin_slow(std::size_t size) noexcept {
  if (lost()) return scratch(size);
  close_memory();
  memory_ = acquire_memory(size);
  if (memory_.data == nullptr) return scratch(size);
  begin_ = cursor_ = memory_.data;
  end_ = memory_.data + memory_.size;
  return cursor_;
}

std::byte* Channel::scratch(std::size_t size) noexcept {
  std::byte* at = scratch_.memory(size).data();
  in_scratch_ = at != nullptr;
  if (at == nullptr) {
    pending_ = 0;
    mutex_.unlock();
  }
  return at;
}

bool Channel::publish_open() noexcept {
  const auto size = static_cast<std::uint32_t>(cursor_ - begin_);
  if (size == 0) return false;
  transport::Span span;
  span.offset = memory_.offset + static_cast<std::uint64_t>(begin_ - memory_.data);
  span.size = size;
  span.kind = transport::SpanKind::stream;
  const std::uint64_t sequence = publish(span);
  begin_ = cursor_;
  if (sequence == 0) return false;
  last_sequence_ = sequence;
  // A span of the arena (a large record) is not kept open: its memory goes back as soon as it is read.
  if (memory_.chunk == RecordMemory::kArena) close_memory();
  return true;
}

void Channel::close_memory() noexcept {
  if (memory_.data == nullptr) return;
  const RecordMemory closing = memory_;
  if (cursor_ != begin_) publish_open();  // may have closed it
  if (memory_.data == nullptr) return;
  memory_ = {};
  begin_ = cursor_ = end_ = nullptr;
  retire_memory(closing, last_sequence_);
  last_sequence_ = 0;
}

std::uint64_t Channel::publish(const transport::Span& span) noexcept {
  for (;;) {
    if (lost()) return 0;
    const std::uint64_t sequence = parts_.ring.publish(span);
    if (sequence != 0) return sequence;
    parts_.ring.wake_host();
    if (parts_.parker.wait_consumed(parts_.ring.oldest_pending()) == transport::WaitResult::lost) return 0;
  }
}

std::uint64_t Channel::publish_commands(std::uint64_t offset, std::uint32_t size,
                                        std::uint64_t command_buffer, bool wake) noexcept {
  std::uint64_t sequence = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lost()) return 0;
    publish_open();
    sequence = publish({offset, size, transport::SpanKind::command_buffer, command_buffer, 0});
  }
  if (wake && sequence != 0) parts_.ring.wake_host();
  return sequence;
}

std::uint64_t Channel::sequence_of_posts() noexcept {
  const std::lock_guard lock(mutex_);
  return parts_.ring.published() + (cursor_ != begin_ ? 1 : 0);
}

bool Channel::wait_consumed(std::uint64_t sequence) noexcept {
  if (lost()) return false;
  return parts_.parker.wait_consumed(sequence) == transport::WaitResult::ready;
}

// ---- memory for records ----

RecordMemory Channel::acquire_memory(std::size_t size) noexcept {
  if (size > kMaxRecord) {
    give_up("a record", size);
    return {};
  }
  const std::size_t arena_size = std::max<std::size_t>((size + 4095) & ~std::size_t{4095}, kChunkFallback);
  while (!lost()) {
    if (size <= transport::kChunkSize) {
      if (const auto chunk = parts_.chunks.acquire()) {
        return {chunk->data, chunk->offset, transport::kChunkSize, chunk->index};
      }
    }
    std::uint64_t wanted = size <= transport::kChunkSize ? parts_.chunks.oldest_retired() : 0;
    if (wanted == 0) {
      parts_.arena.reclaim(parts_.ring.consumed());
      if (const auto offset = parts_.arena.allocate(arena_size, 4096, true)) {
        return {parts_.region.bytes(*offset), *offset, arena_size, RecordMemory::kArena};
      }
      wanted = parts_.arena.oldest_waiting();
      if (wanted > parts_.ring.published()) flush();
    }
    if (wanted == 0) {
      give_up("a record", size);
      break;
    }
    parts_.ring.wake_host();
    if (parts_.parker.wait_consumed(wanted) == transport::WaitResult::lost) break;
  }
  return {};
}

void Channel::retire_memory(const RecordMemory& memory, std::uint64_t sequence) noexcept {
  if (memory.data == nullptr) return;
  if (memory.chunk == RecordMemory::kArena) {
    if (sequence == 0) {
      parts_.arena.release(memory.offset);
    } else {
      parts_.arena.release_after(sequence, memory.offset);
    }
    return;
  }
  const transport::Chunk chunk{memory.chunk, memory.offset, memory.data};
  if (sequence == 0) {
    parts_.chunks.release(chunk);
  } else {
    parts_.chunks.retire(chunk, sequence);
  }
}

void Channel::give_up(const char* what, std::size_t size) noexcept {
  VIADUCT_LOG_ERROR("channel", "%s of %zu bytes has no room in the region; the session is lost", what, size);
  parts_.parker.set_lost();
}

// ---- replies ----

bool Channel::wait_reply(std::uint32_t slot, std::uint64_t sequence) noexcept {
  const auto ready = [&] { return parts_.replies.ready(slot, sequence); };
  return parts_.parker.wait(ready, {.spin = &reply_spin_}) == transport::WaitResult::ready;
}

bool Channel::fetch(std::uint32_t slot, std::uint64_t offset) noexcept {
  constexpr std::size_t kSize = protocol::kCallHeaderSize + 8;
  std::byte* at = begin_post(kSize);
  protocol::store_u32(
      at, static_cast<std::uint32_t>(protocol::Command::viaductFetchReply) | protocol::kReplyWanted);
  protocol::store_u32(at + 4, kSize);
  protocol::store_u32(at + 8, slot);
  protocol::store_u32(at + 12, 0);
  protocol::store_u64(at + 16, offset);
  const bool alive = !in_scratch_;
  commit();
  const std::uint64_t sequence = parts_.replies.expect(slot);
  publish_open();
  mutex_.unlock();
  if (!alive) return false;
  parts_.ring.wake_host();
  return wait_reply(slot, sequence);
}

}  // namespace viaduct::guest
