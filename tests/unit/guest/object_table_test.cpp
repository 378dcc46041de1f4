#include <gtest/gtest.h>

#include "guest-icd/objects/object_table.hpp"

#include <memory>
#include <thread>

namespace viaduct::guest {
namespace {

TEST(ObjectTable, FindsWhatWasMadeAndNothingElse) {
  auto table = std::make_unique<ObjectTable<int>>();
  EXPECT_EQ(table->find(0), nullptr);
  EXPECT_EQ(table->find((1ull << 32) | 5), nullptr);
  int* made = table->make((1ull << 32) | 5);
  ASSERT_NE(made, nullptr);
  *made = 42;
  EXPECT_EQ(*table->find((1ull << 32) | 5), 42);
  EXPECT_EQ(table->find((1ull << 32) | 0xffffff), nullptr);
}

TEST(ObjectTable, TwoThreadsMakingInOneBlockGetTheSameBlock) {
  auto table = std::make_unique<ObjectTable<int>>();
  std::thread other([&] {
    for (std::uint64_t i = 0; i < 4000; i += 2) *table->make((1ull << 32) | i) = static_cast<int>(i);
  });
  for (std::uint64_t i = 1; i < 4000; i += 2) *table->make((1ull << 32) | i) = static_cast<int>(i);
  other.join();
  for (std::uint64_t i = 1; i < 4000; ++i) ASSERT_EQ(*table->find((1ull << 32) | i), static_cast<int>(i));
}

}  // namespace
}  // namespace viaduct::guest
