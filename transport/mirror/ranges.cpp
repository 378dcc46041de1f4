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

struct Extent {
  std::uint64_t from, to;
};

// The next part of [from, to) that has pages, in whole pages; empty (from == to) if there is none. The rest
// was never written and still holds zeroes, which the snapshot has too.
Extent next_extent(int file, std::uint64_t from, std::uint64_t to) noexcept {
  if (to - from <= kSmallRange) return {from, to};
  const off_t data = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0 || static_cast<std::uint64_t>(data) >= to) return {to, to};
  const off_t hole = ::lseek(file, data, SEEK_HOLE);
  const auto first = static_cast<std::uint64_t>(data) / kPageSize * kPageSize;
  const auto last =
      hole < 0 ? to : (static_cast<std::uint64_t>(hole) + kPageSize - 1) / kPageSize * kPageSize;
  return {first, std::min(last, to)};
}

}  // namespace

Reservation::Reservation(std::size_t size) noexcept : size_(size) {
  if (size == 0) return;
  void* made =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made != MAP_FAILED) data_ = static_cast<std::byte*>(made);
}

Reservation::~Reservation() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

MirroredRanges::MirroredRanges(const Region& region)
    : region_(region), view_(region.view()), snapshot_(region.layout().arena_size()) {}

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

// Gives the place in the range up to which it looked.
std::uint64_t MirroredRanges::append(const Range& range, std::uint64_t from, std::vector<std::byte>& patch) {
  const std::uint64_t end = range.offset + range.size;
  std::uint64_t at = range.offset + from;
  while (at < end) {
    const Extent extent = next_extent(region_.fd(), at, end);
    if (extent.from >= extent.to) return range.size;
    const std::uint64_t looked =
        append_changes(view_.bytes(range.offset), snapshot(range.offset), extent.from - range.offset,
                       extent.to - extent.from, patch, kMaxMirrorPayload);
    at = range.offset + looked;
    if (at < extent.to) break;  // the patch is full
  }
  return at - range.offset;
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
