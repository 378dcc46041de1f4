#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

namespace viaduct {
namespace {

TEST(Hash, Fnv1aGivesThePublishedValues) {
  EXPECT_EQ(fnv1a32(""), 0x811c9dc5u);
  EXPECT_EQ(fnv1a32("a"), 0xe40c292cu);
  EXPECT_EQ(fnv1a32("foobar"), 0xbf9cf968u);
}

TEST(Hash, EveryBitOfTheInputChangesTheHash) {
  for (const std::size_t size : {1u, 7u, 8u, 15u, 16u, 17u, 40u}) {
    std::vector<std::byte> bytes(size, std::byte{0x5a});
    std::set<std::uint64_t> seen{hash_bytes(bytes)};
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      EXPECT_TRUE(seen.insert(hash_bytes(bytes)).second) << "size " << size << " bit " << bit;
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST(Hash, ZerosOfDifferentLengthsDiffer) {
  const std::array<std::byte, 64> zeros{};
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size <= zeros.size(); ++size) {
    EXPECT_TRUE(seen.insert(hash_bytes(std::span(zeros).first(size))).second) << size;
  }
}

}  // namespace
}  // namespace viaduct
