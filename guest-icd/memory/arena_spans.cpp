#include "guest-icd/memory/arena_spans.hpp"

#include <new>

namespace viaduct::guest {

std::optional<std::uint64_t> ArenaSpans::allocate(std::uint64_t size, std::uint64_t alignment,
                                                  bool transport) noexcept {
  // Two threads may pass this check together; the reserve is then short by one allocation, not gone.
  if (!transport &&
      (size > allocator_.capacity() || allocator_.used() + size + reserve_ > allocator_.capacity())) {
    return std::nullopt;
  }
  return allocator_.allocate(size, alignment);
}

void ArenaSpans::release_after(std::uint64_t sequence, std::uint64_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    waiting_.push_back({sequence, offset});
  } catch (const std::bad_alloc&) {  // the span is lost to this session; nothing else breaks
  }
}

void ArenaSpans::reclaim(std::uint64_t consumed) noexcept {
  const std::lock_guard lock(mutex_);
  // Threads may have queued slightly out of order; the front one decides, which only delays.
  while (!waiting_.empty() && waiting_.front().sequence <= consumed) {
    allocator_.free(waiting_.front().offset);
    waiting_.pop_front();
  }
}

std::uint64_t ArenaSpans::oldest_waiting() const noexcept {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() ? 0 : waiting_.front().sequence;
}

}  // namespace viaduct::guest
