#include "base/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace viaduct {
namespace {

TEST(Arena, GivesZeroedMemoryThatDoesNotOverlapEvenAfterItWasUsedBefore) {
  Arena arena(1 << 20);
  for (int round = 0; round < 3; ++round) {
    auto* a = arena.make_array<unsigned>(1000);
    auto* b = arena.make_array<unsigned>(1000);
    ASSERT_TRUE(a != nullptr && b != nullptr);
    EXPECT_TRUE(std::all_of(a, a + 1000, [](unsigned v) { return v == 0; }));
    EXPECT_TRUE(std::all_of(b, b + 1000, [](unsigned v) { return v == 0; }));
    std::fill(a, a + 1000, 1u);
    EXPECT_TRUE(std::all_of(b, b + 1000, [](unsigned v) { return v == 0; }));
    std::fill(b, b + 1000, 2u);
    EXPECT_TRUE(std::all_of(a, a + 1000, [](unsigned v) { return v == 1; }));
    arena.reset();
  }
}

TEST(Arena, AlignsAsAskedAcrossBlocks) {
  Arena arena(8 << 20);
  for (int i = 0; i < 3000; ++i) {
    const std::size_t align = std::size_t{1} << (i % 7);
    void* memory = arena.allocate(1 + static_cast<std::size_t>(i) % 700, align);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % align, 0u);
  }
}

TEST(Arena, StaysExhaustedPastItsCapUntilReset) {
  Arena arena(1000);
  EXPECT_NE(arena.allocate(900), nullptr);
  EXPECT_FALSE(arena.exhausted());
  EXPECT_EQ(arena.allocate(101), nullptr);
  EXPECT_TRUE(arena.exhausted());
  arena.reset();
  EXPECT_FALSE(arena.exhausted());
  EXPECT_NE(arena.allocate(1000), nullptr);
}

TEST(Arena, RefusesCountsWhoseSizeWouldWrapAround) {
  Arena arena(1 << 20);
  EXPECT_EQ(arena.make_array<std::uint64_t>(~std::size_t{0} / 4), nullptr);
  EXPECT_TRUE(arena.exhausted());
  arena.reset();
  volatile std::size_t enormous = ~std::size_t{0} - 4;  // volatile, or the compiler objects
  EXPECT_EQ(arena.allocate(enormous), nullptr);
  EXPECT_TRUE(arena.exhausted());
}

TEST(Arena, GivesAnAllocationLargerThanItsBlocksInOnePiece) {
  Arena arena(64 << 20);
  (void)arena.allocate(8);
  auto* big = static_cast<std::byte*>(arena.allocate(10 << 20));
  ASSERT_NE(big, nullptr);
  EXPECT_EQ(big[(10 << 20) - 1], std::byte{0});
  EXPECT_NE(arena.allocate(8), nullptr);
}

}  // namespace
}  // namespace viaduct
