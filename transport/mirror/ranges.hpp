// MirroredRanges: the parts of the arena that both sides keep alike, and a snapshot of what they last agreed
// on.
//
// A range is named by a token of the guest's that is never used twice, so that what is under way for one that
// is gone does not reach its successor at the same place. Ranges begin as zeroes on both sides. Any thread;
// the lock is never held while anything waits, and the receiving thread takes it too: collect() fills a
// bounded buffer, which the caller sends without the lock.
//
// Which pages may differ from the snapshot, which is all that a pass looks at, somebody else knows: the file
// of the region, where it has pages at all; or, with a region of this process alone, the kernel, where they
// were written (transport/mirror/page_tracker.hpp). To be told of a write costs the writer a fault, so a page
// is only given to the kernel's care when several looks have found it as it was, and what is written all the
// time is simply compared: as long as watching it would have cost more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/result.hpp"
#include "transport/mirror/message.hpp"
#include "transport/mirror/page_tracker.hpp"
#include "transport/region/region.hpp"

namespace viaduct::transport {

class MirroredRanges {
 public:
  static constexpr std::size_t kMaxRanges = std::size_t{1} << 20;

  // The region outlives this, as `written` does; it has a file if that is null.
  explicit MirroredRanges(const Region& region, PageTracker* written = nullptr);
  // Whether there was address space for the snapshot.
  bool usable() const noexcept;

  // Host: at once. Guest: announced() tells that the host has heard of it; before, collect() leaves it out.
  // False: not inside the arena, not whole pages, overlapping another one, a token twice, or too many.
  [[nodiscard]] bool track(const MirrorTrack& range, bool announced);
  // False: there is none of that token.
  bool untrack(std::uint64_t token) noexcept;
  void announced(std::uint64_t token) noexcept;
  // Guest: whether the application can write to it. One that is no longer mapped is looked at once more.
  void map(std::uint64_t token, bool mapped) noexcept;

  // Which ranges a pass looks at, and how far it is.
  struct Pass {
    bool mapped_only = false;
    std::uint64_t token = 0;
    std::uint64_t at = 0;  // in the range of that token
  };
  // Replaces `patch` by the payload of the next patch message, and advances; false: nothing more changed.
  bool collect(Pass& pass, std::vector<std::byte>& patch);

  enum class Applied { yes, unknown, malformed };
  // A patch message's payload.
  Applied apply(std::span<const std::byte> payload) noexcept;

 private:
  struct Range {
    std::uint64_t offset = 0;  // in the region
    std::uint64_t size = 0;
    bool announced = false;
    bool mapped = false;
    bool unmapped_since = false;  // written to, perhaps, since the last pass
  };

  std::byte* snapshot(std::uint64_t offset) const noexcept {
    return snapshot_.data() + (offset - region_.layout().arena_offset());
  }
  bool clear(const Range& range) noexcept;
  bool overlaps(const Range& range) const noexcept;
  std::uint64_t append(const Range& range, std::uint64_t from, std::vector<std::byte>& patch);
  PageTracker::Look may_differ(std::uint64_t from, std::uint64_t to, std::span<PageTracker::Extent> out);
  std::uint64_t compare(const Range& range, const PageTracker::Extent& part, std::uint8_t* quiet,
                        std::vector<std::byte>& patch);
  std::uint64_t compare_tracked(const Range& range, const PageTracker::Extent& extent,
                                std::vector<std::byte>& patch);

  const Region& region_;
  const RegionView view_;
  PageTracker* const written_;
  Mapping snapshot_;  // of the arena
  Mapping quiet_;     // of each of its pages, a byte (patch.hpp); with a tracker
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Range> ranges_;        // by token
  std::map<std::uint64_t, std::uint64_t> ends_;  // of ranges, by offset
};

}  // namespace viaduct::transport
