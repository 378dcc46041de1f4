// ArenaAllocator: which spans of the arena are in use. Bookkeeping only: it never touches the memory.
//
// The guest allocates, the host checks bounds and nothing else. Best fit over coalesced free spans; sizes are
// rounded up to pages (4 KiB). Thread-safe; each call takes O(log n) for n spans. Offsets are relative to the
// region, so they can go on the wire as they are. A span may be handed out again as soon as it is freed: the
// ring's order makes the host see the free first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace viaduct::transport {

class ArenaAllocator {
 public:
  // Manages [offset, offset + size), page-aligned: layout.arena_offset(), layout.arena_size().
  ArenaAllocator(std::uint64_t offset, std::uint64_t size);

  // A span of at least `size` bytes (at least a page); alignment is a power of two and at least a page is
  // given. Empty when no free span is large enough, or the bookkeeping has no memory.
  std::optional<std::uint64_t> allocate(std::uint64_t size, std::uint64_t alignment = 4096) noexcept;

  // Frees a span that allocate gave; gives its size rounded up to pages, 0 if the offset is not that of a
  // live span.
  std::uint64_t free(std::uint64_t offset) noexcept;

  std::uint64_t used() const noexcept;
  std::uint64_t capacity() const noexcept { return size_; }
  // The largest span that allocate could give now.
  std::uint64_t largest_free() const noexcept;

 private:
  void insert_free(std::uint64_t offset, std::uint64_t size);
  void erase_free(std::map<std::uint64_t, std::uint64_t>::iterator span);

  mutable std::mutex mutex_;
  const std::uint64_t size_;
  std::uint64_t used_ = 0;
  std::map<std::uint64_t, std::uint64_t> free_by_offset_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> free_by_size_;  // (size, offset)
  std::unordered_map<std::uint64_t, std::uint64_t> live_;           // offset -> size
};

}  // namespace viaduct::transport
