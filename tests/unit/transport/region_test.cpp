#include "transport/region/region.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace viaduct::transport {
namespace {

constexpr RegionLayout kLayout{kDefaultControlSize + (64u << 20), kDefaultControlSize};

TEST(Region, BothSidesSeeTheSameBytes) {
  auto fd = Region::create_memfd("region_test", kLayout);
  ASSERT_TRUE(fd);
  auto copy = fd->dup();
  ASSERT_TRUE(copy);
  auto host = Region::initialise(std::move(*fd), kLayout);
  ASSERT_TRUE(host) << to_string(host.error());
  auto guest = Region::attach(std::move(*copy), kLayout);
  ASSERT_TRUE(guest) << to_string(guest.error());
  guest->view().guest().published = 7;
  host->view().host().consumed = 6;
  host->view().bytes(kLayout.arena_offset())[3] = std::byte{9};
  EXPECT_EQ(host->view().guest().published, 7u);
  EXPECT_EQ(guest->view().host().consumed, 6u);
  EXPECT_EQ(guest->view().bytes(kLayout.arena_offset())[3], std::byte{9});
}

TEST(Region, NobodyCanShrinkOrGrowIt) {
  const auto fd = Region::create_memfd("region_test", kLayout);
  ASSERT_TRUE(fd);
  EXPECT_EQ(::ftruncate(fd->get(), 4096), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd->get(), static_cast<off_t>(kLayout.region_size * 2)), -1);
  EXPECT_EQ(::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_WRITE), -1);
}

TEST(Region, IsSparseAndGivesPunchedPagesBack) {
  auto fd = Region::create_memfd("region_test", kLayout);
  auto region = Region::initialise(std::move(*fd), kLayout);
  ASSERT_TRUE(region);
  struct stat info;
  ASSERT_EQ(::fstat(region->fd(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  const std::uint64_t offset = kLayout.arena_offset();
  std::memset(region->view().bytes(offset), 1, 4 << 20);
  ASSERT_EQ(::fstat(region->fd(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 4 << 20);
  ASSERT_TRUE(region->punch(offset, 4 << 20));
  ASSERT_EQ(::fstat(region->fd(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  EXPECT_EQ(region->view().bytes(offset)[5], std::byte{0});
}

TEST(Region, PunchesNothingOutsideTheArena) {
  auto fd = Region::create_memfd("region_test", kLayout);
  auto region = Region::initialise(std::move(*fd), kLayout);
  ASSERT_TRUE(region);
  EXPECT_FALSE(region->punch(0, kPageSize));
  EXPECT_FALSE(region->punch(kLayout.region_size - kPageSize, 2 * kPageSize));
  EXPECT_FALSE(region->punch(kLayout.arena_offset() + 8, kPageSize));
  EXPECT_FALSE(region->punch(kLayout.arena_offset(), ~std::uint64_t{4095}));
}

TEST(Region, RefusesAFileOfAnotherSizeOrWithoutSeals) {
  auto fd = Region::create_memfd("region_test", kLayout);
  const RegionLayout larger{kLayout.region_size + kPageSize, kLayout.control_size};
  const auto wrong_size = Region::initialise(std::move(*fd), larger);
  ASSERT_FALSE(wrong_size);
  EXPECT_EQ(wrong_size.error().code, Errc::bad_data);

  UniqueFd bare(::memfd_create("region_test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(bare.get(), static_cast<off_t>(kLayout.region_size)), 0);
  const auto unsealed = Region::initialise(std::move(bare), kLayout);
  ASSERT_FALSE(unsealed);
  EXPECT_EQ(unsealed.error().code, Errc::bad_data);
}

TEST(Region, AGuestRefusesARegionOfAnotherVersionOrShape) {
  auto fd = Region::create_memfd("region_test", kLayout);
  auto first = fd->dup();
  auto second = fd->dup();
  auto third = fd->dup();
  const auto blank = Region::attach(std::move(*first), kLayout);
  ASSERT_FALSE(blank);
  EXPECT_EQ(blank.error().code, Errc::bad_data);
  auto host = Region::initialise(std::move(*fd), kLayout);
  ASSERT_TRUE(host);
  host->view().header().version = 99;
  EXPECT_EQ(Region::attach(std::move(*second), kLayout).error().code, Errc::incompatible);
  host->view().header().version = kRegionVersion;
  host->view().header().ring_capacity = 8;
  EXPECT_EQ(Region::attach(std::move(*third), kLayout).error().code, Errc::bad_data);
}

TEST(RegionLayout, SizesThatMakeNoRegionAreInvalid) {
  EXPECT_TRUE(kLayout.valid());
  EXPECT_FALSE((RegionLayout{0, 0}.valid()));
  EXPECT_FALSE((RegionLayout{kDefaultControlSize - kPageSize, kDefaultControlSize}.valid()));
  EXPECT_FALSE((RegionLayout{kDefaultControlSize + 1, kDefaultControlSize}.valid()));
  EXPECT_FALSE((RegionLayout{~std::uint64_t{4095}, kDefaultControlSize}.valid()));
  EXPECT_FALSE((RegionLayout{1 << 20, 64 << 10}.valid()));
}

TEST(RegionView, BoundsAreCheckedWithoutWrappingAround) {
  const RegionView view(nullptr, kLayout);
  EXPECT_TRUE(view.contains(0, kLayout.region_size));
  EXPECT_FALSE(view.contains(1, kLayout.region_size));
  EXPECT_FALSE(view.contains(~std::uint64_t{0}, 2));
  EXPECT_FALSE(view.contains(8, ~std::uint64_t{0}));
  EXPECT_FALSE(view.arena_contains(kLayout.arena_offset() - 8, 8));
  EXPECT_TRUE(view.arena_contains(kLayout.arena_offset(), 8));
}

}  // namespace
}  // namespace viaduct::transport
