// Spans of the region's arena, for application memory and for the transport's own large records.
//
// Spans come back in two ways: release() at once, or release_after(sequence) where the host still reads the
// span until it has consumed the ring descriptor of that number; such spans rest in a queue until reclaim().
// Part of the arena is kept for the transport: allocations with `transport` = false leave it alone, so that
// an application that fills the arena cannot stop its own commands. Thread-safe. Failure: nullopt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "transport/region/arena_allocator.hpp"

namespace viaduct::guest {

class ArenaSpans {
 public:
  ArenaSpans(std::uint64_t offset, std::uint64_t size, std::uint64_t reserve)
      : allocator_(offset, size), reserve_(reserve < size ? reserve : 0) {}

  std::optional<std::uint64_t> allocate(std::uint64_t size, std::uint64_t alignment,
                                        bool transport = false) noexcept;
  void release(std::uint64_t offset) noexcept { allocator_.free(offset); }
  void release_after(std::uint64_t sequence, std::uint64_t offset) noexcept;
  /// Frees what waited for sequence numbers up to `consumed`.
  void reclaim(std::uint64_t consumed) noexcept;
  /// The sequence number that the longest waiting span waits for; 0 when none waits.
  std::uint64_t oldest_waiting() const noexcept;

 private:
  struct Waiting {
    std::uint64_t sequence, offset;
  };
  transport::ArenaAllocator allocator_;
  const std::uint64_t reserve_;
  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_;
};

}  // namespace viaduct::guest
