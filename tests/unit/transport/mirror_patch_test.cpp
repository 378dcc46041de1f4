// Patches and ranges on plain memory.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "transport/mirror/patch.hpp"
#include "transport/mirror/ranges.hpp"

namespace viaduct::transport {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kSize = 16 * kPageSize;
constexpr RegionLayout kLayout{(2 << 20) + (4 << 20), 2 << 20};
constexpr std::uint64_t kArena = kLayout.control_size;

Bytes changes(const Bytes& bytes, Bytes& snapshot) {
  Bytes patch;
  EXPECT_EQ(append_changes(bytes.data(), snapshot.data(), 0, bytes.size(), patch, std::size_t{16} << 20),
            bytes.size());
  return patch;
}

TEST(MirrorPatch, WhatDidNotChangeIsNotInThePatch) {
  Bytes bytes(kSize), snapshot(kSize);
  EXPECT_TRUE(changes(bytes, snapshot).empty());
  bytes[5 * kPageSize + 17] = std::byte{1};
  EXPECT_EQ(changes(bytes, snapshot).size(), 8u + 1 + 1);
  EXPECT_TRUE(changes(bytes, snapshot).empty());
}

TEST(MirrorPatch, ManyRandomWritesArriveExactly) {
  std::mt19937 random(11);
  Bytes bytes(kSize), snapshot(kSize), other(kSize), other_snapshot(kSize);
  for (int round = 0; round < 300; ++round) {
    std::size_t written = 0;
    for (unsigned writes = random() % 20; writes > 0; --writes) {
      const std::size_t at = random() % kSize;
      const std::size_t length =
          std::min<std::size_t>(random() % 5 == 0 ? random() % 9000 : random() % 9, kSize - at);
      for (std::size_t i = 0; i < length; ++i) bytes[at + i] = static_cast<std::byte>(random());
      written += length;
    }
    const Bytes patch = changes(bytes, snapshot);
    EXPECT_LE(patch.size(), 2 * written + 20 * 16);
    ASSERT_TRUE(apply_patch(patch, other.data(), other_snapshot.data(), kSize));
    ASSERT_EQ(bytes, other);
    ASSERT_EQ(bytes, other_snapshot);
  }
}

TEST(MirrorPatch, NeighbouringBytesOfTheOtherSideStay) {
  Bytes here(kSize), here_snapshot(kSize), there(kSize), there_snapshot(kSize);
  for (std::size_t i = 0; i < kSize; i += 2) here[i] = std::byte{0xaa};
  for (std::size_t i = 1; i < kSize; i += 2) there[i] = std::byte{0x55};
  const Bytes to_there = changes(here, here_snapshot);
  const Bytes to_here = changes(there, there_snapshot);
  ASSERT_TRUE(apply_patch(to_there, there.data(), there_snapshot.data(), kSize));
  ASSERT_TRUE(apply_patch(to_here, here.data(), here_snapshot.data(), kSize));
  EXPECT_EQ(here, there);
  EXPECT_EQ(here[6], std::byte{0xaa});
  EXPECT_EQ(here[7], std::byte{0x55});
  EXPECT_TRUE(changes(here, here_snapshot).empty()) << "what was received is not sent back";
}

TEST(MirrorPatch, AFullPatchStopsAtAPageAndGoesOnThere) {
  Bytes bytes(kSize, std::byte{7}), snapshot(kSize), other(kSize), other_snapshot(kSize);
  std::size_t at = 0;
  int patches = 0;
  while (at < kSize) {
    Bytes patch;
    const std::size_t next = append_changes(bytes.data(), snapshot.data(), at, kSize - at, patch, 24 * 1024);
    ASSERT_GT(next, at);
    EXPECT_LE(patch.size(), 24u * 1024);
    ASSERT_TRUE(apply_patch(patch, other.data(), other_snapshot.data(), kSize));
    at = next;
    ++patches;
  }
  EXPECT_GT(patches, 1);
  EXPECT_EQ(bytes, other);
}

TEST(MirrorPatch, RunsBeyondTheRangeAreRefused) {
  Bytes bytes(kSize), snapshot(kSize);
  const auto refused = [&](std::uint32_t word, std::uint32_t count, std::size_t payload) {
    Bytes patch(8 + payload, std::byte{0xff});
    std::memcpy(patch.data(), &word, 4);
    std::memcpy(patch.data() + 4, &count, 4);
    return !apply_patch(patch, bytes.data(), snapshot.data(), kSize);
  };
  constexpr std::uint32_t kWords = kSize / 8;
  EXPECT_FALSE(refused(kWords - 1, 1 | kWholeWords, 8));
  EXPECT_TRUE(refused(kWords, 1 | kWholeWords, 8));
  EXPECT_TRUE(refused(kWords - 1, 2 | kWholeWords, 16));
  EXPECT_TRUE(refused(~0u, ~0u, 64));
  EXPECT_TRUE(refused(0, 0, 0)) << "an empty run would never end";
  EXPECT_TRUE(refused(0, 2 | kWholeWords, 15)) << "cut off";
  EXPECT_TRUE(refused(0, 1, 8)) << "eight bytes announced, seven there";
  EXPECT_TRUE(refused(0, 1, 0));
  EXPECT_FALSE(apply_patch(Bytes(7), bytes.data(), snapshot.data(), kSize));
}

class MirrorRanges : public testing::Test {
 protected:
  Region region_ = *Region::initialise(*Region::create_memfd("test", kLayout), kLayout);
  MirroredRanges ranges_{region_};
};

TEST_F(MirrorRanges, OnlyWholePagesOfTheArenaThatNobodyHasAreTracked) {
  EXPECT_TRUE(ranges_.track({1, kArena, 2 * kPageSize}, true));
  EXPECT_TRUE(ranges_.track({2, kArena + 4 * kPageSize, kPageSize}, true));
  EXPECT_FALSE(ranges_.track({1, kArena + 2 * kPageSize, kPageSize}, true)) << "a token twice";
  EXPECT_FALSE(ranges_.track({3, kArena + kPageSize, kPageSize}, true)) << "overlaps the first";
  EXPECT_FALSE(ranges_.track({3, kArena + 2 * kPageSize, 3 * kPageSize}, true)) << "overlaps the second";
  EXPECT_FALSE(ranges_.track({3, kArena - kPageSize, kPageSize}, true)) << "the control area";
  EXPECT_FALSE(ranges_.track({3, kLayout.region_size - kPageSize, 2 * kPageSize}, true));
  EXPECT_FALSE(
      ranges_.track({3, kLayout.region_size - kPageSize, ~std::uint64_t{0} & ~std::uint64_t{4095}}, true));
  EXPECT_FALSE(ranges_.track({3, kArena + 2 * kPageSize, 100}, true));
  EXPECT_FALSE(ranges_.track({3, kArena + 2 * kPageSize, 0}, true));
  EXPECT_TRUE(ranges_.track({3, kArena + 2 * kPageSize, 2 * kPageSize}, true));
  EXPECT_TRUE(ranges_.untrack(1));
  EXPECT_FALSE(ranges_.untrack(1));
  EXPECT_TRUE(ranges_.track({4, kArena, 2 * kPageSize}, true));
}

TEST_F(MirrorRanges, ANewRangeBeginsAsZeroes) {
  std::byte* at = region_.view().bytes(kArena);
  std::memset(at, 0x77, kPageSize);
  ASSERT_TRUE(ranges_.track({1, kArena, kPageSize}, true));
  EXPECT_EQ(at[100], std::byte{0});
  MirroredRanges::Pass pass;
  std::vector<std::byte> patch;
  EXPECT_FALSE(ranges_.collect(pass, patch));
}

TEST_F(MirrorRanges, AGuestsPassLooksAtWhatIsMappedAndOnceMoreAfterwards) {
  ASSERT_TRUE(ranges_.track({1, kArena, kPageSize}, true));
  std::byte* at = region_.view().bytes(kArena);
  std::vector<std::byte> patch;
  const auto finds = [&] {
    MirroredRanges::Pass pass;
    pass.mapped_only = true;
    return ranges_.collect(pass, patch);
  };
  at[0] = std::byte{1};
  EXPECT_FALSE(finds()) << "not mapped";
  ranges_.map(1, true);
  EXPECT_TRUE(finds());
  EXPECT_FALSE(finds());
  at[0] = std::byte{2};
  ranges_.map(1, false);
  EXPECT_TRUE(finds());
  at[0] = std::byte{3};
  EXPECT_FALSE(finds());
}

}  // namespace
}  // namespace viaduct::transport
