#include <gtest/gtest.h>

#include "guest-icd/memory/arena_spans.hpp"

namespace viaduct::guest {
namespace {

constexpr std::uint64_t kBase = 8u << 20;
constexpr std::uint64_t kSize = 1u << 20;

TEST(ArenaSpans, ApplicationsCannotTakeTheTransportsReserve) {
  ArenaSpans arena(kBase, kSize, 256 << 10);
  EXPECT_TRUE(arena.allocate(768 << 10, 4096));
  EXPECT_FALSE(arena.allocate(4096, 4096));
  EXPECT_TRUE(arena.allocate(256 << 10, 4096, true));
  EXPECT_FALSE(arena.allocate(4096, 4096, true));
}

TEST(ArenaSpans, ASpanTheHostStillReadsIsNotHandedOut) {
  ArenaSpans arena(kBase, kSize, 0);
  const auto all = arena.allocate(kSize, 4096);
  ASSERT_TRUE(all);
  arena.release_after(7, *all);
  EXPECT_EQ(arena.oldest_waiting(), 7u);
  arena.reclaim(6);
  EXPECT_FALSE(arena.allocate(4096, 4096));
  arena.reclaim(7);
  EXPECT_EQ(arena.oldest_waiting(), 0u);
  EXPECT_TRUE(arena.allocate(kSize, 4096));
}

TEST(ArenaSpans, AbsurdSizesAreRefused) {
  ArenaSpans arena(kBase, kSize, 4096);
  EXPECT_FALSE(arena.allocate(~std::uint64_t{0}, 4096));
  EXPECT_FALSE(arena.allocate(~std::uint64_t{0} - 4095, 4096));
  EXPECT_FALSE(arena.allocate(kSize + 1, 4096, true));
}

}  // namespace
}  // namespace viaduct::guest
