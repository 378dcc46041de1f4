#include "transport/region/arena_allocator.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>
#include <vector>

namespace viaduct::transport {
namespace {

constexpr std::uint64_t kBase = 8u << 20;
constexpr std::uint64_t kSize = 64u << 20;

TEST(ArenaAllocator, RoundsUpToPagesAndGivesOffsetsInTheRegion) {
  ArenaAllocator arena(kBase, kSize);
  const auto first = arena.allocate(1);
  const auto second = arena.allocate(4097);
  ASSERT_TRUE(first && second);
  EXPECT_GE(*first, kBase);
  EXPECT_EQ(arena.used(), 3u * 4096);
  EXPECT_EQ(arena.free(*second), 2u * 4096);
  EXPECT_EQ(arena.free(*first), 4096u);
  EXPECT_EQ(arena.used(), 0u);
}

TEST(ArenaAllocator, AFreedArenaIsOneSpanAgain) {
  ArenaAllocator arena(kBase, kSize);
  std::vector<std::uint64_t> spans;
  while (const auto span = arena.allocate(1 << 20)) spans.push_back(*span);
  EXPECT_EQ(spans.size(), 64u);
  EXPECT_EQ(arena.largest_free(), 0u);
  for (std::size_t i = 0; i < spans.size(); i += 2) arena.free(spans[i]);
  EXPECT_EQ(arena.largest_free(), 1u << 20);
  for (std::size_t i = 1; i < spans.size(); i += 2) arena.free(spans[i]);
  EXPECT_EQ(arena.largest_free(), kSize);
}

TEST(ArenaAllocator, PrefersTheSmallestSpanThatFits) {
  ArenaAllocator arena(kBase, kSize);
  const auto small = arena.allocate(64 << 10);
  (void)arena.allocate(4096);
  const auto large = arena.allocate(1 << 20);
  (void)arena.allocate(4096);
  arena.free(*small);
  arena.free(*large);
  EXPECT_EQ(arena.allocate(64 << 10), small);
  EXPECT_EQ(arena.allocate(1 << 20), large);
}

TEST(ArenaAllocator, HonoursLargeAlignments) {
  ArenaAllocator arena(kBase + 4096, kSize);
  (void)arena.allocate(4096);
  for (const std::uint64_t alignment : {4096u, 65536u, 2u << 20}) {
    const auto span = arena.allocate(12345, alignment);
    ASSERT_TRUE(span);
    EXPECT_EQ(*span % alignment, 0u);
  }
}

TEST(ArenaAllocator, RefusesWhatCannotFitAndOddAlignments) {
  ArenaAllocator arena(kBase, kSize);
  EXPECT_FALSE(arena.allocate(kSize + 1));
  EXPECT_FALSE(arena.allocate(~std::uint64_t{0}));
  EXPECT_FALSE(arena.allocate(4096, 12345));
  EXPECT_FALSE(arena.allocate(4096, std::uint64_t{1} << 63));
  EXPECT_TRUE(arena.allocate(kSize));
  EXPECT_FALSE(arena.allocate(1));
}

TEST(ArenaAllocator, IgnoresFreesOfWhatIsNotLive) {
  ArenaAllocator arena(kBase, kSize);
  const auto span = arena.allocate(8192);
  EXPECT_EQ(arena.free(*span + 4096), 0u);
  EXPECT_EQ(arena.free(*span), 8192u);
  EXPECT_EQ(arena.free(*span), 0u);
  EXPECT_EQ(arena.largest_free(), kSize);
}

TEST(ArenaAllocator, SpansNeverOverlapInAnyOrderOfCalls) {
  ArenaAllocator arena(kBase, kSize);
  std::map<std::uint64_t, std::uint64_t> live;
  std::mt19937_64 random(1);
  std::uint64_t used = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 5 < 3 || live.empty()) {
      const std::uint64_t size = (1 + random() % 64) * 4096;
      const std::uint64_t alignment = std::uint64_t{4096} << (random() % 6);
      const auto span = arena.allocate(size, alignment);
      if (!span) continue;
      EXPECT_EQ(*span % alignment, 0u);
      EXPECT_TRUE(*span >= kBase && *span + size <= kBase + kSize);
      const auto after = live.lower_bound(*span);
      if (after != live.end()) {
        EXPECT_LE(*span + size, after->first);
      }
      if (after != live.begin()) {
        EXPECT_LE(std::prev(after)->first + std::prev(after)->second, *span);
      }
      live[*span] = size;
      used += size;
    } else {
      auto victim = std::next(live.begin(), static_cast<long>(random() % live.size()));
      EXPECT_EQ(arena.free(victim->first), victim->second);
      used -= victim->second;
      live.erase(victim);
    }
    ASSERT_EQ(arena.used(), used);
  }
  for (const auto& [offset, size] : live) EXPECT_EQ(arena.free(offset), size);
  EXPECT_EQ(arena.largest_free(), kSize);
}

TEST(ArenaAllocator, MayBeUsedFromManyThreads) {
  ArenaAllocator arena(kBase, kSize);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&arena, t] {
      for (std::uint64_t i = 0; i < 2000; ++i) {
        const auto span = arena.allocate((i % 9 + static_cast<std::uint64_t>(t)) * 4096);
        if (span) {
          EXPECT_NE(arena.free(*span), 0u);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(arena.largest_free(), kSize);
}

}  // namespace
}  // namespace viaduct::transport
