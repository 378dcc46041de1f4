// The ring's consumer against a guest that writes whatever it likes.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "tests/unit/transport/plain_region.hpp"
#include "transport/ring/reply.hpp"
#include "transport/ring/ring.hpp"

namespace viaduct::transport {
namespace {

class LyingPeer : public testing::Test {
 protected:
  static constexpr std::uint32_t kMaxSpan = 64 << 10;

  RingDescriptor honest() const { return {RegionLayout::kChunkOffset, 64, 1, 0, 1}; }
  RingConsumer::Next offer(const RingDescriptor& descriptor) {
    region_.descriptor(1) = descriptor;
    region_.guest().published = 1;
    return consumer_.next(span_);
  }
  void expect_refused(const RingDescriptor& descriptor, const char* reason) {
    EXPECT_EQ(offer(descriptor), RingConsumer::Next::error);
    EXPECT_STREQ(consumer_.error().reason, reason);
    EXPECT_EQ(consumer_.error().sequence, 1u);
    // Sticky: an honest descriptor does not help any more.
    EXPECT_EQ(offer(honest()), RingConsumer::Next::error);
  }

  PlainRegion memory_;
  RegionView region_ = memory_.view();
  CountingDoorbell to_guest_;
  PeerWaker waker_{region_.guest().parked, to_guest_};
  RingConsumer consumer_{region_, waker_, kMaxSpan};
  Span span_;
};

TEST_F(LyingPeer, AnHonestDescriptorPasses) { EXPECT_EQ(offer(honest()), RingConsumer::Next::span); }

TEST_F(LyingPeer, ASpanBeyondTheRegionIsRefused) {
  RingDescriptor lie = honest();
  lie.offset = region_.layout().region_size - 32;
  expect_refused(lie, "span outside the region");
}

TEST_F(LyingPeer, AnOffsetThatWrapsAroundIsRefused) {
  RingDescriptor lie = honest();
  lie.offset = ~std::uint64_t{7};
  expect_refused(lie, "span outside the region");
}

TEST_F(LyingPeer, ASpanOverTheHostsOwnWordsIsRefused) {
  RingDescriptor lie = honest();
  lie.offset = 0;
  expect_refused(lie, "span outside the region");
}

TEST_F(LyingPeer, AnEmptySpanIsRefused) {
  RingDescriptor lie = honest();
  lie.size = 0;
  expect_refused(lie, "span is empty or not aligned");
}

TEST_F(LyingPeer, AMisalignedSpanIsRefused) {
  RingDescriptor lie = honest();
  lie.offset += 4;
  expect_refused(lie, "span is empty or not aligned");
}

TEST_F(LyingPeer, AnEnormousSpanIsRefused) {
  RingDescriptor lie = honest();
  lie.size = kMaxSpan + 8;
  expect_refused(lie, "span exceeds the limit");
}

TEST_F(LyingPeer, AnUnknownKindIsRefused) {
  RingDescriptor lie = honest();
  lie.kind = 3;
  expect_refused(lie, "unknown span kind");
}

TEST_F(LyingPeer, ACommandBufferSpanWithoutCommandBufferIsRefused) {
  RingDescriptor lie = honest();
  lie.kind = 2;
  expect_refused(lie, "command buffer id does not fit the span kind");
}

TEST_F(LyingPeer, AStaleDescriptorIsRefused) {
  RingDescriptor lie = honest();
  lie.sequence = 1 + kRingCapacity;
  expect_refused(lie, "descriptor sequence mismatch");
}

TEST_F(LyingPeer, ACounterThatRunsAheadIsRefused) {
  region_.guest().published = kRingCapacity + 1;
  EXPECT_EQ(consumer_.next(span_), RingConsumer::Next::error);
  EXPECT_STREQ(consumer_.error().reason, "published counter jumped");
}

TEST_F(LyingPeer, ACounterThatGoesBackIsRefused) {
  ASSERT_EQ(offer(honest()), RingConsumer::Next::span);
  consumer_.release();
  region_.guest().published = 0;
  EXPECT_EQ(consumer_.next(span_), RingConsumer::Next::error);
  EXPECT_STREQ(consumer_.error().reason, "published counter jumped");
}

TEST_F(LyingPeer, RewritingTheHostsCounterChangesNothing) {
  ASSERT_EQ(offer(honest()), RingConsumer::Next::span);
  region_.host().consumed = 1'000'000;
  consumer_.release();
  EXPECT_EQ(region_.host().consumed, 1u);
}

TEST_F(LyingPeer, RandomDescriptorsNeverYieldASpanOutsideChunksAndArena) {
  std::mt19937_64 random(7);
  int accepted = 0;
  for (int i = 0; i < 200000; ++i) {
    RingConsumer consumer(region_, waker_, kMaxSpan);
    RingDescriptor lie;
    // Values near the limits as well as anywhere.
    const auto pick = [&](std::uint64_t near) -> std::uint64_t {
      switch (random() % 4) {
        case 0:
          return near + random() % 64 - 32;
        case 1:
          return random() % (region_.layout().region_size * 2);
        case 2:
          return near & ~std::uint64_t{7};
        default:
          return random();
      }
    };
    lie.offset = pick(region_.layout().region_size - 64);
    lie.size = static_cast<std::uint32_t>(pick(64));
    lie.kind = static_cast<std::uint32_t>(random() % 4);
    lie.command_buffer_id = random() % 2;
    lie.sequence = random() % 8 != 0 ? 1 : random();
    region_.descriptor(1) = lie;
    region_.guest().published = random() % 8 != 0 ? 1 : random();
    Span span;
    if (consumer.next(span) != RingConsumer::Next::span) continue;
    ++accepted;
    ASSERT_GE(span.offset, RegionLayout::kChunkOffset);
    ASSERT_LE(span.offset + span.size, region_.layout().region_size);
    ASSERT_LE(span.size, kMaxSpan);
  }
  EXPECT_GT(accepted, 100);
}

TEST_F(LyingPeer, AReplySlotOutOfRangeIsRefusedAndNothingIsWritten) {
  ReplyWriter writer(region_, waker_);
  std::vector<std::byte> before(region_.base(), region_.base() + region_.layout().region_size);
  const std::byte reply[8] = {};
  EXPECT_FALSE(writer.write(kReplySlots, reply, 8));
  EXPECT_FALSE(writer.write(~0u, reply, 8));
  EXPECT_EQ(std::memcmp(before.data(), region_.base(), before.size()), 0);
}

}  // namespace
}  // namespace viaduct::transport
