#include "transport/mirror/ranges.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "transport/mirror/patch.hpp"

namespace viaduct::transport {

namespace {

// Below this, looking is cheaper than asking the kernel where a range has pages.
constexpr std::uint64_t kSmallRange = std::uint64_t{64} << 10;
constexpr std::size_t kMostExtents = 32;

// The next part of [from, to) that has pages, in whole pages; empty (from == to) if there is none. The rest
// was never written and still holds zeroes, which the snapshot has too.
PageTracker::Extent next_extent(int file, std::uint64_t from, std::uint64_t to) noexcept {
  const off_t data = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0 || static_cast<std::uint64_t>(data) >= to) return {to, to};
  const off_t hole = ::lseek(file, data, SEEK_HOLE);
  const auto first = static_cast<std::uint64_t>(data) / kPageSize * kPageSize;
  const auto last =
      hole < 0 ? to : (static_cast<std::uint64_t>(hole) + kPageSize - 1) / kPageSize * kPageSize;
  return {first, std::min(last, to)};
}

Mapping reserve(std::size_t size) {
  auto made = Mapping::reserve(size);
  return made ? std::move(*made) : Mapping();
}

}  // namespace

MirroredRanges::MirroredRanges(const Region& region, PageTracker* written)
    : region_(region),
      view_(region.view()),
      written_(written),
      snapshot_(reserve(region.layout().arena_size())),
      quiet_(written == nullptr ? Mapping() : reserve(region.layout().arena_size() / kPageSize)) {}

bool MirroredRanges::usable() const noexcept { return snapshot_ && (written_ == nullptr || quiet_); }

bool MirroredRanges::overlaps(const Range& range) const noexcept {
  const auto after = ends_.lower_bound(range.offset);
  if (after != ends_.end() && after->first < range.offset + range.size) return true;
  return after != ends_.begin() && std::prev(after)->second > range.offset;
}

bool MirroredRanges::clear(const Range& range) noexcept {
  if (!region_.punch(range.offset, range.size)) return false;
  return ::madvise(snapshot(range.offset), range.size, MADV_DONTNEED) == 0;
}

bool MirroredRanges::track(const MirrorTrack& asked, bool announced) {
  Range range;
  range.offset = asked.offset;
  range.size = asked.size;
  range.announced = announced;
  const bool whole = range.offset % kPageSize == 0 && range.size % kPageSize == 0 && range.size != 0;
  if (!whole || !view_.arena_contains(range.offset, range.size)) return false;
  const std::lock_guard lock(mutex_);
  if (ranges_.size() >= kMaxRanges || overlaps(range) || ranges_.count(asked.token) != 0) return false;
  if (!clear(range)) return false;
  ranges_.emplace(asked.token, range);
  ends_.emplace(range.offset, range.offset + range.size);
  return true;
}

bool MirroredRanges::untrack(std::uint64_t token) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = ranges_.find(token);
  if (found == ranges_.end()) return false;
  ends_.erase(found->second.offset);
  ranges_.erase(found);
  return true;
}

void MirroredRanges::announced(std::uint64_t token) noexcept {
  const std::lock_guard lock(mutex_);
  if (const auto found = ranges_.find(token); found != ranges_.end()) found->second.announced = true;
}

void MirroredRanges::map(std::uint64_t token, bool mapped) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = ranges_.find(token);
  if (found == ranges_.end()) return;
  if (found->second.mapped && !mapped) found->second.unmapped_since = true;
  found->second.mapped = mapped;
}

// The first parts of [from, to) that may differ from the snapshot; from and to count from the region's begin,
// as what comes out does.
PageTracker::Look MirroredRanges::may_differ(std::uint64_t from, std::uint64_t to,
                                             std::span<PageTracker::Extent> out) {
  if (to - from <= kSmallRange) {
    out[0] = {from, to};
    return {1, to};
  }
  if (written_ != nullptr) return written_->written(from, to, out);
  out[0] = next_extent(region_.fd(), from, to);
  return {1, out[0].to};
}

// Gives the place up to which it looked, counted like `part`.
std::uint64_t MirroredRanges::compare(const Range& range, const PageTracker::Extent& part,
                                      std::uint8_t* quiet, std::vector<std::byte>& patch) {
  return range.offset + append_changes(view_.bytes(range.offset), snapshot(range.offset),
                                       part.from - range.offset, part.to - part.from, patch,
                                       kMaxMirrorPayload, quiet);
}

// The same, where the kernel tells of writes: pages that have been as they were for long are given to its
// care first. So many at once as the patch has room for whatever becomes of them, since nobody tells of them
// again.
std::uint64_t MirroredRanges::compare_tracked(const Range& range, const PageTracker::Extent& extent,
                                              std::vector<std::byte>& patch) {
  auto* const quiet = reinterpret_cast<std::uint8_t*>(quiet_.data()) +
                      (range.offset - region_.layout().arena_offset()) / kPageSize;
  const auto is_quiet = [&](std::uint64_t at) {
    return quiet[(at - range.offset) / kPageSize] >= written_->looks_a_fault();
  };
  for (PageTracker::Extent part{extent.from, extent.from}; part.from < extent.to; part.from = part.to) {
    const bool calm = is_quiet(part.from);
    while (part.to < extent.to && is_quiet(part.to) == calm) part.to += kPageSize;
    if (calm) {
      const std::uint64_t room = (kMaxMirrorPayload - patch.size()) / kMaxPagePatch;
      part.to = std::min(part.to, part.from + room * kPageSize);
      if (part.from == part.to) return part.from;
      if (written_->protect(part))
        std::memset(quiet + (part.from - range.offset) / kPageSize, 0, (part.to - part.from) / kPageSize);
    }
    const std::uint64_t looked = compare(range, part, quiet, patch);
    if (looked < part.to) return looked;
  }
  return extent.to;
}

// Gives the place in the range up to which it looked.
std::uint64_t MirroredRanges::append(const Range& range, std::uint64_t from, std::vector<std::byte>& patch) {
  const std::uint64_t end = range.offset + range.size;
  const bool tracked = written_ != nullptr && range.size > kSmallRange;
  PageTracker::Extent extents[kMostExtents];
  for (std::uint64_t at = range.offset + from; at < end;) {
    const PageTracker::Look look = may_differ(at, end, extents);
    for (const PageTracker::Extent& extent : std::span(extents).first(look.extents)) {
      const std::uint64_t looked =
          tracked ? compare_tracked(range, extent, patch) : compare(range, extent, nullptr, patch);
      if (looked < extent.to) return looked - range.offset;  // the patch is full
    }
    at = look.up_to;
  }
  return range.size;
}

bool MirroredRanges::collect(Pass& pass, std::vector<std::byte>& patch) {
  const std::lock_guard lock(mutex_);
  for (auto at = ranges_.lower_bound(pass.token); at != ranges_.end(); ++at) {
    Range& range = at->second;
    if (at->first != pass.token) pass = {pass.mapped_only, at->first, 0};
    const bool looked_at = range.mapped || range.unmapped_since || !pass.mapped_only;
    if (!range.announced || !looked_at || pass.at >= range.size) continue;
    patch.resize(sizeof(at->first));
    std::memcpy(patch.data(), &at->first, sizeof(at->first));
    pass.at = append(range, pass.at, patch);
    if (pass.at >= range.size) range.unmapped_since = false;
    if (patch.size() > sizeof(at->first)) return true;
  }
  return false;
}

MirroredRanges::Applied MirroredRanges::apply(std::span<const std::byte> payload) noexcept {
  std::uint64_t token;
  if (payload.size() < sizeof(token)) return Applied::malformed;
  std::memcpy(&token, payload.data(), sizeof(token));
  const std::lock_guard lock(mutex_);
  const auto found = ranges_.find(token);
  if (found == ranges_.end()) return Applied::unknown;
  const Range& range = found->second;
  const bool good = apply_patch(payload.subspan(sizeof(token)), view_.bytes(range.offset),
                                snapshot(range.offset), range.size);
  return good ? Applied::yes : Applied::malformed;
}

}  // namespace viaduct::transport
