#include "transport/region/arena_allocator.hpp"

#include <iterator>
#include <new>

#include "transport/region/layout.hpp"

namespace viaduct::transport {

namespace {
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }
}  // namespace

ArenaAllocator::ArenaAllocator(std::uint64_t offset, std::uint64_t size) : size_(size) {
  if (size > 0) insert_free(offset, size);
}

std::optional<std::uint64_t> ArenaAllocator::allocate(std::uint64_t size, std::uint64_t alignment) noexcept {
  if (size > size_ || alignment > size_ || (alignment & (alignment - 1)) != 0) return std::nullopt;
  if (alignment < kPageSize) alignment = kPageSize;
  size = size == 0 ? kPageSize : round_up(size, kPageSize);
  const std::lock_guard lock(mutex_);
  try {
    // The smallest span that fits; with a larger alignment some of the smallest may not, so one that surely
    // does is the fallback's lower bound.
    auto best = free_by_size_.lower_bound({size, 0});
    if (best == free_by_size_.end()) return std::nullopt;
    std::uint64_t start = round_up(best->second, alignment);
    if (start + size > best->second + best->first) {
      best = free_by_size_.lower_bound({size + alignment - kPageSize, 0});
      if (best == free_by_size_.end()) return std::nullopt;
      start = round_up(best->second, alignment);
    }
    const std::uint64_t offset = best->second;
    const std::uint64_t end = offset + best->first;
    live_.emplace(start, size);  // the first step that can fail, while nothing has changed
    try {
      if (start > offset && end > start + size) {
        insert_free(start + size, end - start - size);
      }
    } catch (const std::bad_alloc&) {
      live_.erase(start);
      return std::nullopt;
    }
    // What is left of the old span keeps its nodes: no allocation from here on.
    auto size_node = free_by_size_.extract(best);
    auto offset_node = free_by_offset_.extract(offset);
    const std::uint64_t rest_offset = start > offset ? offset : start + size;
    const std::uint64_t rest_size = start > offset ? start - offset : end - start - size;
    if (rest_size > 0) {
      size_node.value() = {rest_size, rest_offset};
      offset_node.key() = rest_offset;
      offset_node.mapped() = rest_size;
      free_by_size_.insert(std::move(size_node));
      free_by_offset_.insert(std::move(offset_node));
    }
    used_ += size;
    return start;
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

std::uint64_t ArenaAllocator::free(std::uint64_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  const auto live = live_.find(offset);
  if (live == live_.end()) return 0;
  const std::uint64_t freed = live->second;
  std::uint64_t start = offset;
  std::uint64_t size = freed;
  const auto after = free_by_offset_.lower_bound(offset);
  const bool joins_next = after != free_by_offset_.end() && after->first == offset + freed;
  const bool joins_previous =
      after != free_by_offset_.begin() && std::prev(after)->first + std::prev(after)->second == offset;
  try {
    if (!joins_next && !joins_previous) {
      insert_free(offset, freed);
    } else {
      // A neighbour's nodes are reused, so that joining allocates nothing.
      auto keep = joins_next ? after : std::prev(after);
      if (joins_next) size += after->second;
      if (joins_previous) {
        const auto previous = std::prev(after);
        start = previous->first;
        size += previous->second;
        if (joins_next) erase_free(previous);
      }
      auto size_node = free_by_size_.extract({keep->second, keep->first});
      auto offset_node = free_by_offset_.extract(keep);
      size_node.value() = {size, start};
      offset_node.key() = start;
      offset_node.mapped() = size;
      free_by_size_.insert(std::move(size_node));
      free_by_offset_.insert(std::move(offset_node));
    }
  } catch (const std::bad_alloc&) {
    return 0;  // the span stays live: leaked rather than lost
  }
  live_.erase(live);
  used_ -= freed;
  return freed;
}

void ArenaAllocator::insert_free(std::uint64_t offset, std::uint64_t size) {
  const auto [span, inserted] = free_by_offset_.emplace(offset, size);
  try {
    free_by_size_.emplace(size, offset);
  } catch (...) {
    if (inserted) free_by_offset_.erase(span);
    throw;
  }
}

void ArenaAllocator::erase_free(std::map<std::uint64_t, std::uint64_t>::iterator span) {
  free_by_size_.erase({span->second, span->first});
  free_by_offset_.erase(span);
}

std::uint64_t ArenaAllocator::used() const noexcept {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::uint64_t ArenaAllocator::largest_free() const noexcept {
  const std::lock_guard lock(mutex_);
  return free_by_size_.empty() ? 0 : free_by_size_.rbegin()->first;
}

}  // namespace viaduct::transport
