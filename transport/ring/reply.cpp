#include "transport/ring/reply.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/uncached.hpp"

namespace viaduct::transport {

ReplySlots::ReplySlots(RegionView region) : region_(region) {
  if (!region.cached()) copies_.reset(new Copy[kReplySlots]);
}

std::uint32_t ReplySlots::acquire() noexcept {
  std::unique_lock lock(mutex_);
  // Whoever holds a slot gives it back when its call ends, which the parker guarantees: no deadline is needed
  // here.
  freed_.wait(lock, [this] { return free_ != 0; });
  const auto slot = static_cast<std::uint32_t>(std::countr_zero(free_));
  free_ &= free_ - 1;
  return slot;
}

void ReplySlots::release(std::uint32_t slot) noexcept {
  {
    const std::lock_guard lock(mutex_);
    free_ |= std::uint64_t{1} << slot;
  }
  // Each time: a slot that comes free before the thread woken for another one has run is a second thread's.
  freed_.notify_one();
}

ReplySlots::Reply ReplySlots::read(std::uint32_t slot) const noexcept {
  const ReplySlot& shared = region_.reply(slot);
  const std::size_t size = std::min<std::size_t>(load_relaxed(shared.size), kReplyPayload);
  Reply reply;
  reply.bytes = {shared.payload, size};
  if (copies_) {
    std::byte* copy = copies_[slot].bytes;
    copy_from_uncached(copy, shared.payload, size);
    reply.bytes = {copy, size};
  }
  reply.total_size = load_relaxed(shared.total_size);
  reply.more = (load_relaxed(shared.flags) & kReplyMore) != 0;
  return reply;
}

bool ReplyWriter::write(std::uint32_t slot, std::span<const std::byte> bytes, std::uint32_t total_size,
                        std::uint32_t offset) noexcept {
  if (slot >= kReplySlots) return false;
  ReplySlot& shared = region_.reply(slot);
  const std::size_t size = std::min(bytes.size(), kReplyPayload);
  if (size > 0) std::memcpy(shared.payload, bytes.data(), size);
  store_relaxed(shared.size, static_cast<std::uint32_t>(size));
  store_relaxed(shared.total_size, total_size);
  store_relaxed(shared.flags, std::uint64_t{offset} + size < total_size ? kReplyMore : 0);
  const std::uint64_t sequence = written_[slot].fetch_add(1, std::memory_order_relaxed) + 1;
  store_release(shared.sequence, sequence);
  to_guest_.wake_if_parked();
  return true;
}

}  // namespace viaduct::transport
