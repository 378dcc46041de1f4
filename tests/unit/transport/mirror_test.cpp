// What a mirror carries over, and how it ends.
#include "tests/unit/transport/mirror_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>

namespace viaduct::transport {
namespace {

TEST_F(MirrorTest, ASpanArrivesAndItsConsumptionComesBack) {
  std::memset(guest_view_.chunk(2), 0x5a, kChunkSize);
  const std::uint64_t sequence =
      ring_.publish({kLayout.chunk_offset(2), kChunkSize, SpanKind::command_buffer, 77, 0});
  ring_.wake_host();
  ASSERT_TRUE(host_gets_span());
  EXPECT_EQ(span_.offset, kLayout.chunk_offset(2));
  EXPECT_EQ(span_.command_buffer_id, 77u);
  std::vector<std::byte> copy(span_.size);
  consumer_.copy_span(span_, copy.data());
  EXPECT_EQ(std::memcmp(copy.data(), guest_view_.chunk(2), kChunkSize), 0);
  consumer_.release();
  // Nothing else is sent: going to sleep tells of it.
  const auto never = [] { return false; };
  EXPECT_EQ(host_parker_.wait(never, Deadline::after_ms(1)), HostWake::timeout);
  EXPECT_EQ(parker_.wait_consumed(sequence, Deadline::after_ms(20'000)), WaitResult::ready);
}

TEST_F(MirrorTest, ARepliesBytesArrive) {
  ReplySlots slots(guest_view_);
  ReplyWriter writer(host_view_, host_waker_);
  const std::uint32_t slot = slots.acquire();
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t sequence = slots.expect(slot);
    const std::vector<std::byte> bytes(1 + 100 * static_cast<std::size_t>(round),
                                       static_cast<std::byte>(round));
    ASSERT_TRUE(writer.write(slot, bytes, static_cast<std::uint32_t>(bytes.size())));
    ASSERT_EQ(
        parker_.wait([&] { return slots.ready(slot, sequence); }, {.deadline = Deadline::after_ms(20'000)}),
        WaitResult::ready);
    const auto reply = slots.read(slot);
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), reply.bytes.begin(), reply.bytes.end()));
    EXPECT_FALSE(reply.more);
  }
}

TEST_F(MirrorTest, RandomWritesOfBothSidesMeet) {
  constexpr std::size_t kSize = std::size_t{1} << 20;
  ASSERT_TRUE(guest_->track(9, kArena, kSize));
  guest_->map(9, true);
  ASSERT_TRUE(submit());
  std::mt19937 random(5);
  const auto scribble = [&](std::byte* at) {
    for (unsigned writes = random() % 40; writes > 0; --writes) {
      const std::size_t begin = random() % (kSize - 300);
      for (std::size_t i = 0, end = random() % 300; i < end; ++i)
        at[begin + i] = static_cast<std::byte>(random());
    }
  };
  scribble_and_compare(200, kSize, scribble);
}

TEST_F(MirrorTest, OnlyWhatChangedTravels) {
  ASSERT_TRUE(guest_->track(9, kArena, kRange));
  guest_->map(9, true);
  std::memset(guest_view_.bytes(kArena), 0x11, kRange);
  ASSERT_TRUE(submit());
  ASSERT_TRUE(complete());
  EXPECT_TRUE(equal(kRange));
  const std::uint64_t up = guest_->sent_bytes();
  const std::uint64_t down = host_->sent_bytes();
  EXPECT_GT(up, kRange);
  EXPECT_LT(down, 4096u) << "what the guest wrote does not come back";
  std::memset(guest_view_.bytes(kArena + (3 << 20)), 0x22, 5000);
  std::memset(host_view_.bytes(kArena + (9 << 20)), 0x33, 7000);
  ASSERT_TRUE(submit());
  ASSERT_TRUE(complete());
  EXPECT_TRUE(equal(kRange));
  EXPECT_LT(guest_->sent_bytes() - up, 5000u + 400);
  EXPECT_LT(host_->sent_bytes() - down, 7000u + 400);
}

TEST_F(MirrorTest, MuchInBothDirectionsAtOnceLocksNothingUp) {
  constexpr std::size_t kHalf = kRange / 2;
  ASSERT_TRUE(guest_->track(1, kArena, kHalf));
  ASSERT_TRUE(guest_->track(2, kArena + kHalf, kHalf));
  guest_->map(1, true);
  guest_->map(2, true);
  ASSERT_TRUE(submit());
  for (int round = 1; round <= 3; ++round) {
    std::memset(guest_view_.bytes(kArena), round, kHalf);
    std::memset(host_view_.bytes(kArena + kHalf), 0x40 + round, kHalf);
    std::thread down([&] { EXPECT_TRUE(complete()); });
    EXPECT_TRUE(submit());
    down.join();
    EXPECT_TRUE(equal(kRange));
  }
}

TEST_F(MirrorTest, WhatIsUnderWayForARangeThatIsGoneDoesNotReachItsSuccessor) {
  ASSERT_TRUE(guest_->track(1, kArena, kPageSize));
  guest_->map(1, true);
  ASSERT_TRUE(submit());
  // Freed and allocated anew here; the host has not heard of it and still tells of the old one.
  guest_->untrack(1);
  ASSERT_TRUE(guest_->track(2, kArena, kPageSize));
  guest_->map(2, true);
  std::memset(host_view_.bytes(kArena), 0x66, kPageSize);
  ASSERT_TRUE(complete());
  EXPECT_EQ(*guest_view_.bytes(kArena), std::byte{0});
  // The new one is zero on both sides, so that a value written here arrives there whatever was there before.
  std::memset(guest_view_.bytes(kArena), 0x66, 8);
  ASSERT_TRUE(submit());
  EXPECT_TRUE(equal(kPageSize));
  EXPECT_EQ(*host_view_.bytes(kArena), std::byte{0x66});
  EXPECT_EQ(*host_view_.bytes(kArena + 8), std::byte{0});
}

TEST_F(MirrorTest, AGuestThatDiesInMidUploadEndsTheHostsWaits) {
  ASSERT_TRUE(guest_->track(1, kArena, kRange));
  ASSERT_TRUE(submit());
  // Nobody reads this end any more: the host's sending comes to a halt, and ends with the connection.
  ::shutdown(pair_.first.get(), SHUT_RD);
  std::memset(host_view_.bytes(kArena), 1, kRange);
  std::thread sender([&] { host_->publish_memory(); });
  ::shutdown(pair_.first.get(), SHUT_RDWR);
  sender.join();
  EXPECT_EQ(host_parker_.wait([] { return false; }, Deadline::after_ms(20'000)), HostWake::peer_closed);
  EXPECT_EQ(host_->error(), nullptr);
}

TEST_F(MirrorTest, AHostThatDiesEndsTheGuestsWaitsAndSends) {
  ASSERT_TRUE(guest_->track(1, kArena, kRange));
  guest_->map(1, true);
  std::memset(guest_view_.bytes(kArena), 1, kRange);
  std::thread killer([&] {
    ::usleep(2000);
    ::shutdown(pair_.second.get(), SHUT_RDWR);
  });
  guest_->memory_due();
  ring_.publish({RegionLayout::kChunkOffset, 64, SpanKind::stream, 0, 0});
  ring_.wake_host();
  killer.join();
  EXPECT_EQ(parker_.wait([] { return false; }, {.deadline = Deadline::after_ms(20'000)}), WaitResult::lost);
  ring_.wake_host();
}

TEST_F(MirrorTest, NonsenseEndsTheSessionWithItsReason) {
  const char nonsense[] = "GET / HTTP/1.1\r\n";
  ASSERT_GT(::send(pair_.first.get(), nonsense, sizeof(nonsense), 0), 0);
  EXPECT_EQ(host_parker_.wait([] { return false; }, Deadline::after_ms(20'000)), HostWake::peer_closed);
  EXPECT_STREQ(host_->error(), "a message's size is beyond the limit");
}

}  // namespace
}  // namespace viaduct::transport
