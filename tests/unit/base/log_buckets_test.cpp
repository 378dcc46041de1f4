#include "base/log_buckets.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace viaduct {
namespace {

constexpr uint64_t kShortest = uint64_t{1} << LogBuckets::kLowestBit;
constexpr uint64_t kLongest = uint64_t{1} << LogBuckets::kHighestBit;

TEST(LogBuckets, join_without_gaps) {
  EXPECT_EQ(LogBuckets::end_of(0), kShortest);
  for (std::size_t i = 0; i + 1 < LogBuckets::kCount; ++i) {
    EXPECT_EQ(LogBuckets::index_of(LogBuckets::end_of(i) - 1), i);
    EXPECT_EQ(LogBuckets::index_of(LogBuckets::end_of(i)), i + 1);
  }
  EXPECT_EQ(LogBuckets::end_of(LogBuckets::kCount - 2), kLongest);
}

TEST(LogBuckets, take_every_time) {
  EXPECT_EQ(LogBuckets::index_of(0), 0u);
  EXPECT_EQ(LogBuckets::index_of(kShortest - 1), 0u);
  EXPECT_EQ(LogBuckets::index_of(kLongest), LogBuckets::kCount - 1);
  EXPECT_EQ(LogBuckets::index_of(std::numeric_limits<uint64_t>::max()), LogBuckets::kCount - 1);
}

TEST(LogBuckets, are_a_sixteenth_wide_at_most) {
  for (std::size_t i = 1; i + 1 < LogBuckets::kCount; ++i) {
    const uint64_t begin = LogBuckets::end_of(i - 1);
    EXPECT_LE((LogBuckets::end_of(i) - begin) * 16, begin) << i;
  }
}

TEST(LogBuckets, tell_quantiles_by_rank) {
  std::array<uint64_t, LogBuckets::kCount> counts{};
  EXPECT_EQ(LogBuckets::quantile(counts, 0.99), 0u);
  counts[100] = 99;
  counts[200] = 1;
  EXPECT_EQ(LogBuckets::quantile(counts, 0.5), LogBuckets::end_of(100));
  EXPECT_EQ(LogBuckets::quantile(counts, 0.99), LogBuckets::end_of(100));
  EXPECT_EQ(LogBuckets::quantile(counts, 0.995), LogBuckets::end_of(200));
  EXPECT_EQ(LogBuckets::quantile(counts, 1), LogBuckets::end_of(200));
}

TEST(LogBuckets, a_liars_counts_give_some_time) {
  std::array<uint64_t, LogBuckets::kCount + 5> counts{};
  counts.fill(std::numeric_limits<uint64_t>::max());
  EXPECT_LE(LogBuckets::quantile(counts, 0.99), kLongest);
}

}  // namespace
}  // namespace viaduct
