#include "host-renderer/memory/shadow.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

namespace viaduct::host {
namespace {

constexpr std::size_t kSize = 3 * 4096 + 21;  // whole pages, a tail of words and of bytes

struct Sides {
  alignas(64) std::byte region[kSize]{};
  alignas(64) std::byte driver[kSize]{};
  Shadow shadow;

  Sides() { EXPECT_TRUE(shadow.map(1, region, driver, kSize)); }
};

TEST(Shadow, MappingShowsWhatTheDriverHolds) {
  alignas(64) std::byte region[kSize]{};
  alignas(64) std::byte driver[kSize];
  std::memset(driver, 0x5a, kSize);
  Shadow shadow;
  ASSERT_TRUE(shadow.map(1, region, driver, kSize));
  EXPECT_EQ(std::memcmp(region, driver, kSize), 0);
}

TEST(Shadow, CarriesChangesOfEverySizeAndPlaceInBothDirections) {
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{7}, std::size_t{4095}, std::size_t{4096}, kSize - 1}) {
    Sides s;
    s.region[at] = std::byte{0x11};
    s.shadow.guest_to_driver();
    EXPECT_EQ(s.driver[at], std::byte{0x11}) << at;
    s.driver[at] = std::byte{0x22};
    s.shadow.driver_to_guest();
    EXPECT_EQ(s.region[at], std::byte{0x22}) << at;
  }
}

TEST(Shadow, NeighbouringBytesOfOneWordMayBeWrittenByBothSides) {
  Sides s;
  s.region[16] = std::byte{1};
  s.driver[17] = std::byte{2};
  s.shadow.guest_to_driver();
  EXPECT_EQ(s.driver[17], std::byte{2}) << "the device's byte must survive the guest's";
  s.shadow.driver_to_guest();
  for (const std::byte* side : {s.region, s.driver}) {
    EXPECT_EQ(side[16], std::byte{1});
    EXPECT_EQ(side[17], std::byte{2});
  }
}

TEST(Shadow, DoesNotWriteWhatNobodyChanged) {
  Sides s;
  s.driver[100] = std::byte{9};  // not carried over yet
  s.shadow.guest_to_driver();
  EXPECT_EQ(s.driver[100], std::byte{9});
  EXPECT_EQ(s.region[100], std::byte{0});
}

TEST(Shadow, UnmappingCarriesTheLastWritesAndStopsTracking) {
  Sides s;
  s.region[5] = std::byte{3};
  s.shadow.unmap(1);
  EXPECT_EQ(s.driver[5], std::byte{3});
  EXPECT_EQ(s.shadow.tracked(), 0u);
  s.region[6] = std::byte{4};
  s.shadow.guest_to_driver();
  EXPECT_EQ(s.driver[6], std::byte{0});
}

TEST(Shadow, MappingAgainReplacesTheEntry) {
  Sides s;
  ASSERT_TRUE(s.shadow.map(1, s.region, s.driver, kSize));
  EXPECT_EQ(s.shadow.tracked(), 1u);
  s.shadow.unmap(2);
  EXPECT_EQ(s.shadow.tracked(), 1u);
}

TEST(MergeChanges, CountsWhatItCarried) {
  alignas(8) std::byte to[64]{};
  alignas(8) std::byte from[64]{};
  alignas(8) std::byte snapshot[64]{};
  EXPECT_EQ(merge_changes(to, from, snapshot, 64), 0u);
  std::memset(from + 8, 0xff, 8);
  from[32] = std::byte{1};
  EXPECT_EQ(merge_changes(to, from, snapshot, 64), 9u);
  EXPECT_EQ(std::memcmp(to, from, 64), 0);
  EXPECT_EQ(merge_changes(to, from, snapshot, 64), 0u);
}

// Completion threads and the decode thread call it at the same time.
TEST(Shadow, BothDirectionsMayRunAtOnceWithoutLosingAWrite) {
  Sides s;
  std::thread completion([&] {
    for (int i = 0; i < 2000; ++i) s.shadow.driver_to_guest();
  });
  for (int i = 0; i < 2000; ++i) s.shadow.guest_to_driver();
  completion.join();
  s.region[0] = std::byte{7};
  s.shadow.guest_to_driver();
  EXPECT_EQ(s.driver[0], std::byte{7});
}

}  // namespace
}  // namespace viaduct::host
