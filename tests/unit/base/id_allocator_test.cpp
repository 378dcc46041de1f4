#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "base/slot_map.hpp"

namespace viaduct {
namespace {

TEST(IdAllocator, NeverGivesZeroNorTheSameNameTwice) {
  IdAllocator ids;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t id = ids.allocate();
    EXPECT_NE(id, 0u);
    EXPECT_TRUE(seen.insert(id).second);
    if (i % 3 == 0) ids.release(id);
  }
}

TEST(IdAllocator, ReusesTheIndexWithAnotherGeneration) {
  IdAllocator ids;
  const std::uint64_t first = ids.allocate();
  ids.release(first);
  const std::uint64_t second = ids.allocate();
  EXPECT_EQ(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(second));
  EXPECT_EQ((second >> 32) - (first >> 32), 1u);
}

TEST(IdAllocator, IgnoresReleasesOfNamesThatAreNotAlive) {
  IdAllocator ids;
  const std::uint64_t first = ids.allocate();
  ids.release(first);
  ids.release(first);
  ids.release(12345);
  ids.release(0);
  const std::uint64_t a = ids.allocate();
  const std::uint64_t b = ids.allocate();
  EXPECT_NE(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
  EXPECT_EQ(ids.alive(), 2u);
}

TEST(IdAllocator, GivesZeroAtItsLimitAndRecoversAfterARelease) {
  IdAllocator ids(2);
  const std::uint64_t a = ids.allocate();
  EXPECT_NE(a, 0u);
  EXPECT_NE(ids.allocate(), 0u);
  EXPECT_EQ(ids.allocate(), 0u);
  ids.release(a);
  EXPECT_NE(ids.allocate(), 0u);
}

TEST(IdAllocator, KeepsNamesDistinctAmongThreads) {
  constexpr int kThreads = 4;
  IdAllocator ids;
  std::atomic<std::uint8_t> in_use[kThreads * 2 + 1] = {};
  std::atomic<int> clashes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        const std::uint64_t id = ids.allocate();
        const auto index = static_cast<std::uint32_t>(id);
        if (index > kThreads * 2 || in_use[index].exchange(1) != 0) {
          ++clashes;
          continue;
        }
        in_use[index].store(0);
        ids.release(id);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(clashes.load(), 0);
  EXPECT_EQ(ids.alive(), 0u);
}

}  // namespace
}  // namespace viaduct
