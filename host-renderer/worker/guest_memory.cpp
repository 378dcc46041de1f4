#include "host-renderer/worker/guest_memory.hpp"

#include "base/clock.hpp"
#include "transport/ring/completion.hpp"
#include "transport/wait/atomics.hpp"

#include <algorithm>
#include <new>
#include <thread>

namespace viaduct::host {

using transport::kReplyPayload;

std::byte* GuestMemory::arena(std::uint64_t offset, std::uint64_t size) const noexcept {
  const bool aligned = offset % transport::kPageSize == 0 && size % transport::kPageSize == 0 && size != 0;
  return aligned && region_.arena_contains(offset, size) ? region_.bytes(offset) : nullptr;
}

bool GuestMemory::claim(std::uint32_t slot) noexcept {
  if (slot >= replies_.size()) {
    return false;
  }
  // The guest may see an answer, and ask again, a moment before its writer has let go of the buffer.
  const Deadline deadline = Deadline::after_ms(1000);
  while (replies_[slot].busy.load(std::memory_order_acquire)) {
    if (deadline.expired()) {
      return false;
    }
    std::this_thread::yield();
  }
  replies_[slot].busy.store(true, std::memory_order_relaxed);
  return true;
}

bool GuestMemory::resize(Pending& pending, std::size_t capacity) noexcept {
  kept_.fetch_sub(pending.capacity, std::memory_order_relaxed);
  pending.buffer.reset();
  pending.capacity = 0;
  pending.size = 0;
  if (capacity == 0) {
    return true;
  }
  if (kept_.fetch_add(capacity, std::memory_order_relaxed) + capacity <= kMaxKept) {
    pending.buffer.reset(new (std::nothrow) std::byte[capacity]);
  }
  if (!pending.buffer) {
    kept_.fetch_sub(capacity, std::memory_order_relaxed);
    return false;
  }
  pending.capacity = capacity;
  return true;
}

std::byte* GuestMemory::reserve_reply(std::uint32_t slot, std::size_t size) noexcept {
  Pending& pending = replies_[slot];
  const bool too_small = size > pending.capacity;
  const bool too_large = pending.capacity > kReplyPayload && size <= kReplyPayload;
  if (size > kMaxReply || ((too_small || too_large) && !resize(pending, std::max(size, kReplyPayload)))) {
    return nullptr;
  }
  return pending.buffer.get();
}

void GuestMemory::commit_reply(std::uint32_t slot, std::size_t size) noexcept {
  Pending& pending = replies_[slot];
  pending.size = pending.buffer ? size : 0;
  const std::size_t first = std::min(pending.size, kReplyPayload);
  const std::span<const std::byte> piece(pending.buffer.get(), first);
  const auto total = static_cast<std::uint32_t>(pending.size);
  (void)writer_.write(slot, piece, total);
  pending.busy.store(false, std::memory_order_release);
}

void GuestMemory::send_piece(std::uint32_t slot, std::uint64_t offset) noexcept {
  Pending& pending = replies_[slot];
  std::span<const std::byte> piece;
  if (offset < pending.size) {
    piece = {pending.buffer.get() + offset,
             std::min(kReplyPayload, pending.size - static_cast<std::size_t>(offset))};
  }
  const std::uint64_t at = piece.empty() ? pending.size : offset;
  (void)writer_.write(slot, piece, static_cast<std::uint32_t>(pending.size), static_cast<std::uint32_t>(at));
  if (!piece.empty() && at + piece.size() == pending.size && pending.capacity > kReplyPayload) {
    (void)resize(pending, 0);  // that was the last one
  }
  pending.busy.store(false, std::memory_order_release);
}

void GuestMemory::complete(std::uint32_t slot, std::uint64_t value) noexcept {
  // The result stays as it is: success, or latched by fail().
  transport::store_release(region_.completion(slot).value, value);
  waker_.wake_if_parked();
}

void GuestMemory::fail(std::uint32_t slot, std::int32_t result) noexcept {
  transport::store_release(region_.completion(slot).result, result);
  waker_.wake_if_parked();
}

void GuestMemory::end(transport::SessionStatus status) noexcept {
  transport::store_release(region_.host().session_status, static_cast<std::uint32_t>(status));
  waker_.wake_if_parked();
}

void GuestMemory::tell_messages(std::uint32_t count) noexcept {
  transport::store_release(region_.host().messages, count);
}

}  // namespace viaduct::host
