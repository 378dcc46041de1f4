// Copies out of memory that may be uncached: the bytes are right whatever the alignment and the size.
#include "base/uncached.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace viaduct {
namespace {

TEST(Uncached, EveryAlignmentAndSizeIsCopiedWholeAndNothingElse) {
  constexpr std::size_t kRoom = 512;
  alignas(64) std::byte from[kRoom];
  for (std::size_t i = 0; i < kRoom; ++i) from[i] = static_cast<std::byte>(i * 37 + 11);
  for (std::size_t source = 0; source < 65; ++source) {
    for (const std::size_t target : {0u, 1u, 8u, 33u}) {
      for (std::size_t size = 0; size <= 260; size += size < 130 ? 1 : 13) {
        std::vector<std::byte> to(kRoom, std::byte{0xee});
        copy_from_uncached(to.data() + target, from + source, size);
        ASSERT_EQ(std::memcmp(to.data() + target, from + source, size), 0) << source << " " << size;
        for (std::size_t i = 0; i < target; ++i) ASSERT_EQ(to[i], std::byte{0xee});
        for (std::size_t i = target + size; i < kRoom; ++i) ASSERT_EQ(to[i], std::byte{0xee});
      }
    }
  }
}

}  // namespace
}  // namespace viaduct
