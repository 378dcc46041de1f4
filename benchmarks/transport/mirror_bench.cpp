// What a guest's pass over mapped memory costs where nothing is shared: with the kernel's word on what was
// written (tracked) and without, for a range of so many MiB of which each pass finds one page changed, or so
// many pages that the program wrote just before. Writing counts too: to a page that the kernel watches it
// costs a fault.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "transport/mirror/page_tracker.hpp"
#include "transport/mirror/ranges.hpp"

namespace viaduct::transport {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::uint64_t kControl = 2 * kMiB;

class Pass {
 public:
  Pass(std::size_t size, bool tracked)
      : layout_{kControl + size, kControl},
        region_(tracked ? *Region::create_private(layout_)
                        : *Region::initialise(*Region::create_memfd("bench", layout_), layout_)),
        written_(tracked ? PageTracker::start(region_.view().base(), layout_.region_size) : nullptr),
        usable_(!tracked || written_ != nullptr),
        ranges_(region_, written_.get()) {
    if (!usable_) return;
    static_cast<void>(ranges_.track({1, kControl, size}, true));
    ranges_.map(1, true);
    std::memset(bytes(), 1, size);
    for (int look = 0; look < 300; ++look) run();
  }
  bool usable() const { return usable_; }
  std::byte* bytes() const { return region_.view().bytes(kControl); }
  void run() {
    MirroredRanges::Pass pass;
    pass.mapped_only = true;
    while (ranges_.collect(pass, patch_)) benchmark::DoNotOptimize(patch_.data());
  }

 private:
  const RegionLayout layout_;
  Region region_;
  std::unique_ptr<PageTracker> written_;
  const bool usable_;
  MirroredRanges ranges_;
  std::vector<std::byte> patch_;
};

// `pages` of them, each time others if `wander`.
void pass_over(benchmark::State& state, bool tracked, std::size_t pages, bool wander) {
  const std::size_t size = static_cast<std::size_t>(state.range(0)) * kMiB;
  Pass pass(size, tracked);
  if (!pass.usable()) return state.SkipWithError("no PAGEMAP_SCAN here");
  unsigned char value = 2;
  std::size_t first = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < pages; ++i) {
      const std::size_t page = (first + i) % (size / kPageSize);
      pass.bytes()[page * kPageSize + 64] = static_cast<std::byte>(value);
    }
    ++value;
    if (wander) first += pages;
    pass.run();
  }
}

void BM_PassOnePageCompared(benchmark::State& state) { pass_over(state, false, 1, true); }
void BM_PassOnePageTracked(benchmark::State& state) { pass_over(state, true, 1, true); }
void BM_PassSame256PagesCompared(benchmark::State& state) { pass_over(state, false, 256, false); }
void BM_PassSame256PagesTracked(benchmark::State& state) { pass_over(state, true, 256, false); }
void BM_PassOther256PagesCompared(benchmark::State& state) { pass_over(state, false, 256, true); }
void BM_PassOther256PagesTracked(benchmark::State& state) { pass_over(state, true, 256, true); }

BENCHMARK(BM_PassOnePageCompared)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(BM_PassOnePageTracked)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(BM_PassSame256PagesCompared)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(BM_PassSame256PagesTracked)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(BM_PassOther256PagesCompared)->Arg(16)->Arg(256);
BENCHMARK(BM_PassOther256PagesTracked)->Arg(16)->Arg(256);

}  // namespace
}  // namespace viaduct::transport
