#include "transport/ring/ring.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "tests/unit/transport/plain_region.hpp"
#include "transport/ring/completion.hpp"

namespace viaduct::transport {
namespace {

Span a_span(std::uint64_t i = 0) {
  return {.offset = RegionLayout::kChunkOffset + (i % 16) * 1024, .size = 64, .kind = SpanKind::stream};
}

class Ring : public testing::Test {
 protected:
  PlainRegion memory_;
  RegionView region_ = memory_.view();
  CountingDoorbell to_host_;
  CountingDoorbell to_guest_;
  PeerWaker guest_waker_{region_.guest().parked, to_guest_};
  RingProducer producer_{region_, to_host_};
  RingConsumer consumer_{region_, guest_waker_};
};

TEST_F(Ring, SpansArriveInOrderAndUnchanged) {
  EXPECT_FALSE(consumer_.has_work());
  Span got;
  EXPECT_EQ(consumer_.next(got), RingConsumer::Next::empty);
  EXPECT_EQ(producer_.publish(a_span(1)), 1u);
  EXPECT_EQ(producer_.publish({region_.layout().arena_offset(), 4096, SpanKind::command_buffer, 77}), 2u);
  EXPECT_TRUE(consumer_.has_work());
  ASSERT_EQ(consumer_.next(got), RingConsumer::Next::span);
  EXPECT_EQ(got.offset, a_span(1).offset);
  EXPECT_EQ(got.sequence, 1u);
  EXPECT_EQ(got.kind, SpanKind::stream);
  consumer_.release();
  ASSERT_EQ(consumer_.next(got), RingConsumer::Next::span);
  EXPECT_EQ(got.offset, region_.layout().arena_offset());
  EXPECT_EQ(got.size, 4096u);
  EXPECT_EQ(got.command_buffer_id, 77u);
  EXPECT_EQ(got.sequence, 2u);
  consumer_.release();
  EXPECT_EQ(consumer_.next(got), RingConsumer::Next::empty);
  EXPECT_EQ(producer_.consumed(), 2u);
}

TEST_F(Ring, AFullRingTakesNoMoreUntilTheOldestIsReleased) {
  for (std::uint32_t i = 0; i < kRingCapacity; ++i) ASSERT_NE(producer_.publish(a_span(i)), 0u);
  EXPECT_TRUE(producer_.full());
  EXPECT_EQ(producer_.publish(a_span()), 0u);
  EXPECT_EQ(producer_.oldest_pending(), 1u);
  Span got;
  ASSERT_EQ(consumer_.next(got), RingConsumer::Next::span);
  EXPECT_EQ(producer_.publish(a_span()), 0u);
  consumer_.release();
  EXPECT_EQ(producer_.publish(a_span()), kRingCapacity + 1);
}

TEST_F(Ring, WrapsAroundManyTimesWithoutLosingOrRepeatingASpan) {
  std::uint64_t published = 0;
  std::uint64_t consumed = 0;
  while (consumed < 5 * kRingCapacity) {
    for (int i = 0; i < 1000 && published < 5 * kRingCapacity; ++i) {
      if (producer_.publish(a_span(published)) == 0) break;
      ++published;
    }
    for (int i = 0; i < 700; ++i) {
      Span got;
      const auto next = consumer_.next(got);
      if (next == RingConsumer::Next::empty) break;
      ASSERT_EQ(next, RingConsumer::Next::span);
      ASSERT_EQ(got.sequence, consumed + 1);
      ASSERT_EQ(got.offset, a_span(consumed).offset);
      consumer_.release();
      ++consumed;
    }
  }
}

TEST_F(Ring, ACopiedSpanNoLongerFollowsTheGuestsMemory) {
  std::memset(region_.bytes(a_span().offset), 1, 64);
  producer_.publish(a_span());
  Span got;
  ASSERT_EQ(consumer_.next(got), RingConsumer::Next::span);
  std::vector<std::byte> own(got.size);
  consumer_.copy_span(got, own.data());
  std::memset(region_.bytes(a_span().offset), 2, 64);
  EXPECT_EQ(own.front(), std::byte{1});
  EXPECT_EQ(own.back(), std::byte{1});
}

TEST_F(Ring, TheHostIsRungOnlyIfItSleepsAndOnceASleep) {
  producer_.publish(a_span());
  producer_.wake_host();
  EXPECT_EQ(to_host_.rings, 0);
  store_relaxed(region_.host().parked, 1);
  for (int i = 0; i < 10; ++i) producer_.wake_host();
  EXPECT_EQ(to_host_.rings, 1);
  store_relaxed(region_.host().parked, 2);
  producer_.wake_host();
  EXPECT_EQ(to_host_.rings, 2);
}

TEST_F(Ring, ASleepingGuestIsRungForConsumedSpansOnlyWhenItWaitsForThem) {
  for (int i = 0; i < 4; ++i) producer_.publish(a_span());
  store_relaxed(region_.guest().parked, 1);
  Span got;
  for (int i = 1; i <= 4; ++i) {
    ASSERT_EQ(consumer_.next(got), RingConsumer::Next::span);
    if (i == 2) store_relaxed(region_.guest().consumed_wanted, 3);
    consumer_.release();
    EXPECT_EQ(to_guest_.rings, i < 3 ? 0 : 1);
  }
}

TEST_F(Ring, MemoryThatIsCopiedLaterComesBackInTheRingsOrder) {
  // All around the ring, and a little further.
  for (std::uint64_t base = 0; base < 2 * kRingCapacity; base += 4) {
    Span got[4];
    for (Span& span : got) {
      ASSERT_NE(producer_.publish(a_span()), 0u);
      ASSERT_EQ(consumer_.next(span), RingConsumer::Next::span);
      consumer_.release_later();
    }
    EXPECT_FALSE(consumer_.has_work());
    consumer_.release(got[2].sequence);
    consumer_.release(got[1].sequence);
    EXPECT_EQ(producer_.consumed(), base);
    consumer_.release(got[0].sequence);
    EXPECT_EQ(producer_.consumed(), base + 3);
    consumer_.release(got[3].sequence);
    EXPECT_EQ(producer_.consumed(), base + 4);
  }
}

TEST_F(Ring, BytesWrittenBeforePublishingAreSeenByTheOtherThread) {
  constexpr std::uint64_t kSpans = 20000;
  constexpr std::uint64_t kSlots = 8;
  std::thread guest([&] {
    for (std::uint64_t i = 0; i < kSpans; ++i) {
      while (i >= kSlots && producer_.consumed() < i - kSlots + 1) std::this_thread::yield();
      const Span span{RegionLayout::kChunkOffset + (i % kSlots) * 64, 64, SpanKind::command_buffer, i + 1};
      for (int word = 0; word < 8; ++word) std::memcpy(region_.bytes(span.offset) + word * 8, &i, 8);
      EXPECT_NE(producer_.publish(span), 0u);
    }
  });
  for (std::uint64_t i = 0; i < kSpans;) {
    Span got;
    const auto next = consumer_.next(got);
    if (next == RingConsumer::Next::empty) {
      std::this_thread::yield();
      continue;
    }
    if (next != RingConsumer::Next::span) {
      ADD_FAILURE() << consumer_.error().reason;
      break;
    }
    std::uint64_t words[8];
    consumer_.copy_span(got, reinterpret_cast<std::byte*>(words));
    for (const std::uint64_t word : words) EXPECT_EQ(word, i);
    consumer_.release();
    ++i;
  }
  guest.join();
}

TEST(Completion, AReaderThatSeesAValueSeesAResultAtLeastAsNew) {
  const PlainRegion memory;
  CompletionSlot& slot = memory.view().completion(5);
  std::thread host([&] {
    for (std::uint64_t value = 1; value <= 20000; ++value)
      store_completion(slot, value, value >= 20000 ? -4 : 0);
  });
  for (;;) {
    const Completion completion = load_completion(slot);
    if (completion.value == 20000) {
      EXPECT_EQ(completion.result, -4);
      break;
    }
    std::this_thread::yield();
  }
  host.join();
}

}  // namespace
}  // namespace viaduct::transport
