#include "transport/mirror/page_tracker.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "base/clock.hpp"
#include "base/switches.hpp"
#include "transport/region/layout.hpp"

namespace viaduct::transport {

namespace {

// Of linux/userfaultfd.h and linux/fs.h of Linux 6.7; older headers have not got them.
constexpr int kUserModeOnly = 1;                   // UFFD_USER_MODE_ONLY: for everybody, whatever the sysctl
constexpr std::uint64_t kAsync = 1u << 15;         // UFFD_FEATURE_WP_ASYNC
constexpr std::uint64_t kRequireAsync = 1u << 1;   // PM_SCAN_CHECK_WPASYNC
constexpr std::uint64_t kPageIsWritten = 1u << 1;  // PAGE_IS_WRITTEN
constexpr std::uint64_t kPageIsPresent = 1u << 3;  // PAGE_IS_PRESENT
constexpr std::uint64_t kPageIsSwapped = 1u << 4;  // PAGE_IS_SWAPPED

struct PageRegion {
  std::uint64_t start, end, categories;
};
struct ScanArgument {
  std::uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  std::uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
static_assert(sizeof(PageRegion) == 24 && sizeof(ScanArgument) == 96);
const unsigned long kPagemapScan = _IOWR('f', 16, ScanArgument);

constexpr std::size_t kMostExtents = 32;

// What it takes to compare a page with another, both from memory: 0.17 us on the machine of
// benchmarks/RESULTS.md.
constexpr std::uint64_t kCompareNs = 200;

std::uint64_t address(const std::byte* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }

UniqueFd open_faults(std::byte* memory, std::size_t size) noexcept {
  UniqueFd faults(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly)));
  if (!faults) return {};
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = kAsync;
  if (::ioctl(faults.get(), UFFDIO_API, &api) != 0) return {};
  uffdio_register range{};
  range.range = {address(memory), size};
  range.mode = UFFDIO_REGISTER_MODE_WP;
  if (::ioctl(faults.get(), UFFDIO_REGISTER, &range) != 0) return {};
  return faults;
}

}  // namespace

std::unique_ptr<PageTracker> PageTracker::start(std::byte* memory, std::size_t size) noexcept {
  if (!perf_enabled(PerfSwitch::page_tracking)) return nullptr;
  UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap) return nullptr;
  UniqueFd faults = open_faults(memory, size);
  if (!faults) return nullptr;
  std::unique_ptr<PageTracker> tracker(new (std::nothrow)
                                           PageTracker(memory, std::move(faults), std::move(pagemap)));
  // Kernels before 6.7 do not answer.
  Extent first[1];
  if (tracker != nullptr && !tracker->scan(0, size, first)) return nullptr;
  if (tracker != nullptr) {
    const std::uint64_t looks = tracker->fault_ns(size - kPageSize) / kCompareNs;
    tracker->looks_a_fault_ = static_cast<std::uint8_t>(std::clamp<std::uint64_t>(looks, 4, 0xff));
  }
  return tracker;
}

// The least of a few, on a page that nobody uses yet and that is untouched again afterwards.
std::uint64_t PageTracker::fault_ns(std::uint64_t page) noexcept {
  auto* const word = reinterpret_cast<std::uint64_t*>(memory_ + page);
  std::uint64_t least = ~std::uint64_t{0};
  for (int round = 0; round < 4; ++round) {
    __atomic_store_n(word, std::uint64_t{0}, __ATOMIC_RELAXED);
    if (!protect({page, page + kPageSize})) break;
    const std::uint64_t begin = now_ns();
    __atomic_store_n(word, std::uint64_t{0}, __ATOMIC_RELAXED);
    least = std::min(least, now_ns() - begin);
  }
  ::madvise(memory_ + page, kPageSize, MADV_DONTNEED);
  return least;
}

PageTracker::Look PageTracker::written(std::uint64_t from, std::uint64_t to, std::span<Extent> out) noexcept {
  if (const auto look = scan(from, to, out)) return *look;
  out[0] = {from, to};
  return {1, to};
}

std::optional<PageTracker::Look> PageTracker::scan(std::uint64_t from, std::uint64_t to,
                                                   std::span<Extent> out) noexcept {
  PageRegion found[kMostExtents];
  ScanArgument scan{};
  scan.size = sizeof(scan);
  scan.flags = kRequireAsync;
  scan.start = address(memory_) + from;
  scan.end = address(memory_) + to;
  scan.vec = reinterpret_cast<std::uintptr_t>(found);
  scan.vec_len = std::min(kMostExtents, out.size());
  scan.category_mask = kPageIsWritten;
  scan.category_anyof_mask = kPageIsPresent | kPageIsSwapped;
  scan.return_mask = kPageIsWritten;
  const int count = ::ioctl(pagemap_.get(), kPagemapScan, &scan);
  if (count < 0) return std::nullopt;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    out[i] = {found[i].start - address(memory_), found[i].end - address(memory_)};
  return Look{static_cast<std::size_t>(count), scan.walk_end - address(memory_)};
}

bool PageTracker::protect(Extent pages) noexcept {
  uffdio_writeprotect protect{};
  protect.range = {address(memory_) + pages.from, pages.to - pages.from};
  protect.mode = UFFDIO_WRITEPROTECT_MODE_WP;
  return ::ioctl(faults_.get(), UFFDIO_WRITEPROTECT, &protect) == 0;
}

}  // namespace viaduct::transport
