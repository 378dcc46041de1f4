// What the kernel tells of writes, and what a mirror makes of it. Skipped where the kernel tells nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "base/switches.hpp"
#include "base/unique_fd.hpp"
#include "transport/mirror/page_tracker.hpp"
#include "transport/mirror/patch.hpp"
#include "transport/mirror/ranges.hpp"

namespace viaduct::transport {
namespace {

constexpr std::size_t kPages = 512;
constexpr RegionLayout kLayout{(2 << 20) + kPages * kPageSize, 2 << 20};
constexpr std::uint64_t kArena = kLayout.control_size;

class PageTracking : public testing::Test {
 protected:
  void SetUp() override {
    if (tracker_ == nullptr) GTEST_SKIP() << "this kernel, or this container, has no PAGEMAP_SCAN";
  }
  std::byte* page(std::size_t index) const { return region_.view().bytes(kArena + index * kPageSize); }
  // The pages of the arena that count as written, in order.
  std::vector<std::size_t> written() const {
    std::vector<std::size_t> pages;
    PageTracker::Extent extents[4];
    for (std::uint64_t at = kArena; at < kLayout.region_size;) {
      const PageTracker::Look look = tracker_->written(at, kLayout.region_size, extents);
      for (std::size_t i = 0; i < look.extents; ++i) {
        for (std::uint64_t one = extents[i].from; one < extents[i].to; one += kPageSize)
          pages.push_back((one - kArena) / kPageSize);
      }
      at = look.up_to;
    }
    return pages;
  }
  void protect(std::size_t first, std::size_t count) const {
    EXPECT_TRUE(tracker_->protect({kArena + first * kPageSize, kArena + (first + count) * kPageSize}));
  }

  Region region_ = *Region::create_private(kLayout);
  std::unique_ptr<PageTracker> tracker_ = PageTracker::start(region_.view().base(), kLayout.region_size);
};

using Pages = std::vector<std::size_t>;

TEST_F(PageTracking, AWrittenPageIsToldUntilItIsProtectedAndAgainAfterTheNextWrite) {
  EXPECT_EQ(written(), Pages{});
  for (const std::size_t at : {3, 4, 77, 511}) *page(at) = std::byte{1};
  EXPECT_EQ(written(), (Pages{3, 4, 77, 511}));
  EXPECT_EQ(written(), (Pages{3, 4, 77, 511}));
  protect(3, 100);
  EXPECT_EQ(written(), Pages{511});
  EXPECT_EQ(*page(4), std::byte{1});
  *page(4) = std::byte{2};
  EXPECT_EQ(written(), (Pages{4, 511}));
}

TEST_F(PageTracking, MoreExtentsThanTheCallerHasRoomForAreToldByTheNextCall) {
  Pages odd;
  for (std::size_t at = 1; at < kPages; at += 2) {
    *page(at) = std::byte{1};
    odd.push_back(at);
  }
  EXPECT_EQ(written(), odd);
}

TEST_F(PageTracking, WhatASystemCallOrAnotherThreadsCopyWritesIsTold) {
  std::memset(page(0), 1, kPages * kPageSize);
  protect(0, kPages);
  const UniqueFd zeroes(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::read(zeroes.get(), page(9) + 100, kPageSize), static_cast<ssize_t>(kPageSize));
  EXPECT_EQ(written(), (Pages{9, 10}));
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const UniqueFd first(pair[0]), second(pair[1]);
  ASSERT_EQ(::send(first.get(), "12345", 5, 0), 5);
  ASSERT_EQ(::recv(second.get(), page(200), 5, 0), 5);
  EXPECT_EQ(written(), (Pages{9, 10, 200}));
}

TEST_F(PageTracking, PagesThatAreGivenBackAreToldWhenTheyAreWrittenAnew) {
  std::memset(page(0), 1, kPages * kPageSize);
  protect(0, kPages);
  ASSERT_TRUE(region_.punch(kArena, 4 * kPageSize));
  EXPECT_EQ(*page(3), std::byte{0}) << "read, which is not written";
  *page(2) = std::byte{5};
  const Pages told = written();
  EXPECT_TRUE(std::find(told.begin(), told.end(), 2u) != told.end());
  EXPECT_TRUE(std::all_of(told.begin(), told.end(), [](std::size_t at) { return at < 4; }));
}

TEST_F(PageTracking, TheParentOfAForkIsToldOfItsOwnWritesAlone) {
  std::memset(page(0), 1, kPages * kPageSize);
  protect(0, kPages);
  const pid_t child = ::fork();
  if (child == 0) {
    *page(7) = std::byte{9};
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(written(), Pages{});
  *page(8) = std::byte{9};
  EXPECT_EQ(written(), Pages{8});
  EXPECT_EQ(*page(7), std::byte{1});
}

TEST_F(PageTracking, IsOffWhereTheUserSaysSo) {
  set_switches_for_test("", "no_page_tracking");
  EXPECT_EQ(PageTracker::start(region_.view().base(), kLayout.region_size), nullptr);
  set_switches_for_test("", "");
}

class TrackedRanges : public PageTracking {
 protected:
  void SetUp() override {
    PageTracking::SetUp();
    ASSERT_TRUE(ranges_.usable());
    ASSERT_TRUE(ranges_.track({1, kArena, kPages * kPageSize}, true));
    ranges_.map(1, true);
  }
  // What a pass sends is put into `there_`.
  std::size_t pass() {
    MirroredRanges::Pass pass;
    pass.mapped_only = true;
    std::vector<std::byte> patch;
    std::size_t sent = 0;
    while (ranges_.collect(pass, patch)) {
      sent += patch.size();
      const std::span<const std::byte> runs =
          std::span<const std::byte>(patch).subspan(sizeof(std::uint64_t));
      EXPECT_TRUE(apply_patch(runs, there_.data(), snapshot_.data(), there_.size()));
    }
    return sent;
  }
  // So many passes that the kernel watches what nobody has written since.
  void rest() {
    for (int look = 0; look <= tracker_->looks_a_fault(); ++look) EXPECT_EQ(pass(), 0u);
  }
  bool same() const { return std::memcmp(page(0), there_.data(), there_.size()) == 0; }

  MirroredRanges ranges_{region_, tracker_.get()};
  std::vector<std::byte> there_ = std::vector<std::byte>(kPages * kPageSize);
  std::vector<std::byte> snapshot_ = there_;
};

TEST_F(TrackedRanges, APageThatStaysAsItWasIsLookedAtNoMore) {
  std::memset(page(0), 1, 64 * kPageSize);
  EXPECT_GT(pass(), 64 * kPageSize);
  EXPECT_EQ(written().size(), 64u) << "it may well be written again";
  rest();
  EXPECT_EQ(written(), Pages{});
  *page(40) = std::byte{2};
  EXPECT_EQ(written(), Pages{40});
  EXPECT_GT(pass(), 0u);
  EXPECT_TRUE(same());
}

TEST_F(TrackedRanges, RandomWritesArriveHoweverLongTheyStayAway) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    // Most go to a few pages, so that others are left in peace for long.
    const std::size_t at = random() % 10 != 0 ? random() % 8 : random() % kPages;
    for (unsigned writes = random() % 4; writes > 0; --writes)
      std::memset(page(at) + random() % 4000, static_cast<int>(random()), random() % 90);
    if (random() % 500 == 0) std::memset(page(0), static_cast<int>(random()), kPages * kPageSize);
    pass();
    ASSERT_TRUE(same()) << "round " << round;
  }
}

TEST_F(TrackedRanges, PagesThatAreDueForTheKernelsCareArriveWhenThePatchIsFullBeforeThem) {
  const int due = tracker_->looks_a_fault();
  for (int looks = due - 3; looks < due + 4; ++looks) {
    SCOPED_TRACE(looks);
    std::memset(page(0), looks, kPages * kPageSize);
    for (int look = 0; look <= looks; ++look) pass();
    std::memset(page(0), looks + 100, kPages * kPageSize);
    pass();
    ASSERT_TRUE(same());
  }
}

TEST_F(TrackedRanges, WhatTheOtherSideWritesIsNotSentBack) {
  std::memset(page(0), 1, kPages * kPageSize);
  pass();
  rest();
  std::vector<std::byte> other(kPages * kPageSize, std::byte{7}), known(kPages * kPageSize, std::byte{1});
  std::vector<std::byte> patch(sizeof(std::uint64_t));
  patch[0] = std::byte{1};
  append_changes(other.data(), known.data(), 0, 8 * kPageSize, patch, std::size_t{1} << 20);
  ASSERT_EQ(ranges_.apply(patch), MirroredRanges::Applied::yes);
  EXPECT_EQ(*page(5), std::byte{7});
  EXPECT_EQ(pass(), 0u);
}

}  // namespace
}  // namespace viaduct::transport
