// A histogram of times with buckets that grow with the time: sixteen to each doubling from 65.5 µs (2^16 ns)
// to 68.7 s (2^36 ns), one below for everything shorter and one above for everything longer. A bucket is at
// most 1/16 wider than its lower edge, so what is read from the counts is exact to 6.25 %. Values only; any
// thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace viaduct {

struct LogBuckets {
  static constexpr unsigned kLowestBit = 16;
  static constexpr unsigned kHighestBit = 36;
  static constexpr std::size_t kOfDoubling = 16;
  static constexpr std::size_t kCount = 1 + (kHighestBit - kLowestBit) * kOfDoubling + 1;

  static constexpr std::size_t index_of(std::uint64_t ns) noexcept {
    if (ns < std::uint64_t{1} << kLowestBit) return 0;
    if (ns >= std::uint64_t{1} << kHighestBit) return kCount - 1;
    const auto doubling = static_cast<unsigned>(std::bit_width(ns)) - 1;
    return 1 + (doubling - kLowestBit) * kOfDoubling + ((ns >> (doubling - 4)) & (kOfDoubling - 1));
  }

  // The first time that is too long for this bucket; of the last bucket, its lower edge, as it has no upper.
  static constexpr std::uint64_t end_of(std::size_t index) noexcept {
    if (index >= kCount - 1) return std::uint64_t{1} << kHighestBit;
    const std::uint64_t steps = kOfDoubling + index % kOfDoubling;
    return steps << (kLowestBit - 4 + index / kOfDoubling);
  }

  // The upper edge of the bucket in which this share of the times (0 to 1, by rank) ends; 0 without any.
  // Counts beyond kCount are ignored.
  static std::uint64_t quantile(std::span<const std::uint64_t> counts, double share) noexcept {
    counts = counts.first(counts.size() < kCount ? counts.size() : kCount);
    double all = 0;
    for (const std::uint64_t count : counts) all += static_cast<double>(count);
    double below = 0;
    std::size_t last = kCount;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      last = i;
      below += static_cast<double>(counts[i]);
      if (below >= share * all) break;
    }
    return last == kCount ? 0 : end_of(last);
  }
};

}  // namespace viaduct
