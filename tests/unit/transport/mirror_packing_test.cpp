// Mirrors whose messages are packed: who agrees to it, and that all arrives as it would otherwise.
#include <gtest/gtest.h>

#include <random>

#include "base/switches.hpp"
#include "tests/unit/transport/mirror_fixture.hpp"
#include "transport/mirror/linked_lz4.hpp"

namespace viaduct::transport {
namespace {

class PackedMirror : public MirrorTest {
 protected:
  explicit PackedMirror(const Lz4* guest = loaded_lz4(), const Lz4* host = &linked_lz4())
      : MirrorTest(guest, host) {
    set_switches_for_test("compression", "");
  }
  ~PackedMirror() override { set_switches_for_test("", ""); }

  // Both have heard what the other unpacks.
  void settle() {
    ASSERT_TRUE(guest_->track(9, kArena, kRange));
    guest_->map(9, true);
    ASSERT_TRUE(submit());
    ASSERT_TRUE(complete());
    ASSERT_TRUE(submit());
  }
  // Bytes that travel for 4 MiB of one value, there and back.
  std::pair<std::uint64_t, std::uint64_t> cost() {
    constexpr std::size_t kMuch = std::size_t{4} << 20;
    const std::uint64_t up = guest_->sent_bytes();
    const std::uint64_t down = host_->sent_bytes();
    std::memset(guest_view_.bytes(kArena), 0x11, kMuch);
    EXPECT_TRUE(submit());
    std::memset(host_view_.bytes(kArena), 0x22, kMuch);
    EXPECT_TRUE(complete());
    EXPECT_TRUE(equal(kMuch));
    return {guest_->sent_bytes() - up, host_->sent_bytes() - down};
  }
};

TEST_F(PackedMirror, WhatShrinksTravelsPackedInBothDirections) {
  settle();
  const auto [up, down] = cost();
  EXPECT_LT(up, 100'000u);
  EXPECT_LT(down, 100'000u);
}

TEST_F(PackedMirror, RandomWritesOfBothSidesMeet) {
  constexpr std::size_t kSize = std::size_t{1} << 20;
  settle();
  std::mt19937 random(5);
  const auto scribble = [&](std::byte* at) {
    for (unsigned writes = random() % 40; writes > 0; --writes) {
      const std::size_t begin = random() % (kSize - 30'000);
      const std::size_t size = random() % 30'000;
      const bool noise = random() % 2 == 0;
      for (std::size_t i = 0; i < size; ++i)
        at[begin + i] = static_cast<std::byte>(noise ? random() : begin + i / 100);
    }
  };
  scribble_and_compare(60, kSize, scribble);
}

TEST_F(PackedMirror, AHostSaysWhyWhenAPackedMessageMakesNoSense) {
  settle();
  const std::uint32_t message[] = {10, 8, 100'000, 0xffffffff};
  ASSERT_EQ(::send(pair_.first.get(), message, sizeof(message), 0), static_cast<ssize_t>(sizeof(message)));
  EXPECT_EQ(host_parker_.wait([] { return false; }, Deadline::after_ms(20'000)), HostWake::peer_closed);
  EXPECT_STREQ(host_->error(), "a packed message is no LZ4 block of the size that it says");
}

TEST_F(PackedMirror, AHostsPackedNonsenseEndsTheGuestsSession) {
  settle();
  const std::uint32_t message[] = {10, 8, 100'000, 0xffffffff};
  ASSERT_EQ(::send(pair_.second.get(), message, sizeof(message), 0), static_cast<ssize_t>(sizeof(message)));
  EXPECT_EQ(parker_.wait([] { return false; }, {.deadline = Deadline::after_ms(20'000)}), WaitResult::lost);
}

class GuestWithoutLz4 : public PackedMirror {
 protected:
  GuestWithoutLz4() : PackedMirror(nullptr, &linked_lz4()) {}
};

TEST_F(GuestWithoutLz4, EverythingTravelsAsItIs) {
  settle();
  const auto [up, down] = cost();
  EXPECT_GT(up, 4u << 20);
  EXPECT_GT(down, 4u << 20);
}

class HostWithoutLz4 : public PackedMirror {
 protected:
  HostWithoutLz4() : PackedMirror(loaded_lz4(), nullptr) {}
};

TEST_F(HostWithoutLz4, EverythingTravelsAsItIs) {
  settle();
  const auto [up, down] = cost();
  EXPECT_GT(up, 4u << 20);
  EXPECT_GT(down, 4u << 20);
}

TEST_F(HostWithoutLz4, AGuestThatPacksAllTheSameIsSentAway) {
  settle();
  const std::uint32_t message[] = {9, 4, kPackedAsLz4};
  ASSERT_EQ(::send(pair_.first.get(), message, sizeof(message), 0), static_cast<ssize_t>(sizeof(message)));
  EXPECT_EQ(host_parker_.wait([] { return false; }, Deadline::after_ms(20'000)), HostWake::peer_closed);
  EXPECT_STREQ(host_->error(), "packing that was not offered");
}

}  // namespace
}  // namespace viaduct::transport
