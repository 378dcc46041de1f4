#include "host-renderer/daemon/region_choice.hpp"

#include <gtest/gtest.h>

namespace viaduct::host::daemon {
namespace {

using protocol::RegionKind;

protocol::Hello takes(uint32_t kinds) {
  protocol::Hello hello;
  hello.regions = kinds;
  return hello;
}
constexpr uint32_t kMemfd = 1, kIvshmem = 2, kNone = 4, kAll = 7;

TEST(RegionChoice, a_unix_socket_has_the_best_of_what_the_guest_takes) {
  EXPECT_EQ(choose_region(takes(kAll), {.local = true, .served = kAll}), RegionKind::memfd);
  EXPECT_EQ(choose_region(takes(kIvshmem | kNone), {.local = true, .memory = true, .served = kAll}),
            RegionKind::none);
  EXPECT_FALSE(choose_region(takes(kIvshmem), {.local = true, .memory = true, .served = kAll}));
}

TEST(RegionChoice, a_stream_between_machines_carries_no_descriptors) {
  EXPECT_EQ(choose_region(takes(kAll), {.memory = true, .served = kAll}), RegionKind::ivshmem);
  EXPECT_EQ(choose_region(takes(kAll), {.served = kAll}), RegionKind::none);
  EXPECT_EQ(choose_region(takes(kMemfd | kNone), {.memory = true, .served = kAll}), RegionKind::none);
  EXPECT_FALSE(choose_region(takes(kMemfd), {.memory = true, .served = kAll}));
}

TEST(RegionChoice, a_refusal_says_what_there_is_and_what_to_do) {
  const auto without = choose_region(takes(kIvshmem), {.served = kAll});
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().find("the guest takes ivshmem"), std::string::npos) << without.error();
  EXPECT_NE(without.error().find("could have none"), std::string::npos) << without.error();
  EXPECT_NE(without.error().find("give it `memory`"), std::string::npos) << without.error();
  const auto old = choose_region(takes(kNone), {.served = kMemfd});
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().find("install the same Viaduct"), std::string::npos) << old.error();
}

}  // namespace
}  // namespace viaduct::host::daemon
