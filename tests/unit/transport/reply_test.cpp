#include "transport/ring/reply.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "tests/unit/transport/plain_region.hpp"

namespace viaduct::transport {
namespace {

class ReplyTest : public testing::Test {
 protected:
  PlainRegion memory_;
  RegionView region_ = memory_.view();
  CountingDoorbell to_guest_;
  PeerWaker waker_{region_.guest().parked, to_guest_};
  ReplySlots slots_{region_};
  ReplyWriter writer_{region_, waker_};
};

TEST_F(ReplyTest, AReplyIsReadyOnceWrittenAndNotBefore) {
  const std::uint32_t slot = slots_.acquire();
  const std::uint64_t sequence = slots_.expect(slot);
  EXPECT_FALSE(slots_.ready(slot, sequence));
  const std::vector<std::byte> bytes(40, std::byte{3});
  ASSERT_TRUE(writer_.write(slot, bytes, 40));
  ASSERT_TRUE(slots_.ready(slot, sequence));
  const auto reply = slots_.read(slot);
  EXPECT_TRUE(std::equal(reply.bytes.begin(), reply.bytes.end(), bytes.begin(), bytes.end()));
  EXPECT_FALSE(reply.more);
  EXPECT_FALSE(slots_.ready(slot, slots_.expect(slot)));
}

TEST_F(ReplyTest, ALongReplyArrivesInPiecesThatSayThatThereIsMore) {
  std::vector<std::byte> whole(kReplyPayload * 2 + 100);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::byte>(i * 7);
  const std::uint32_t slot = slots_.acquire();
  std::vector<std::byte> got;
  for (int piece = 0; piece < 3; ++piece) {
    const std::uint64_t sequence = slots_.expect(slot);
    const auto offset = static_cast<std::uint32_t>(got.size());
    ASSERT_TRUE(writer_.write(slot, std::span(whole).subspan(offset),
                              static_cast<std::uint32_t>(whole.size()), offset));
    ASSERT_TRUE(slots_.ready(slot, sequence));
    const auto reply = slots_.read(slot);
    EXPECT_EQ(reply.total_size, whole.size());
    EXPECT_EQ(reply.more, piece < 2);
    got.insert(got.end(), reply.bytes.begin(), reply.bytes.end());
  }
  EXPECT_EQ(got, whole);
}

TEST_F(ReplyTest, WhereNothingIsCachedAReplyIsReadIntoPrivateMemory) {
  ReplySlots slots(memory_.view(Caching::write_combined));
  for (int round = 0; round < 2; ++round) {
    const std::uint32_t slot = slots.acquire();
    std::vector<std::byte> bytes(kReplyPayload - 8, static_cast<std::byte>(round + 5));
    bytes.front() = std::byte{1};
    bytes.back() = std::byte{2};
    const std::uint64_t sequence = slots.expect(slot);
    ASSERT_TRUE(writer_.write(slot, bytes, static_cast<std::uint32_t>(bytes.size())));
    ASSERT_TRUE(slots.ready(slot, sequence));
    const auto reply = slots.read(slot);
    EXPECT_TRUE(std::equal(reply.bytes.begin(), reply.bytes.end(), bytes.begin(), bytes.end()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(reply.bytes.data()) % 8, 0u);
    const bool in_region = reply.bytes.data() >= region_.base() &&
                           reply.bytes.data() < region_.base() + region_.layout().region_size;
    EXPECT_FALSE(in_region);
    slots.release(slot);
  }
}

TEST_F(ReplyTest, ASizeThatTheSlotCannotHoldIsCut) {
  region_.reply(2).size = 0xffffffff;
  EXPECT_EQ(slots_.read(2).bytes.size(), kReplyPayload);
}

TEST_F(ReplyTest, ThreadsBeyondTheLastSlotWaitForOne) {
  std::set<std::uint32_t> taken;
  for (std::uint32_t i = 0; i < kReplySlots; ++i) taken.insert(slots_.acquire());
  EXPECT_EQ(taken.size(), kReplySlots);
  std::atomic<bool> got{false};
  std::thread late([&] {
    slots_.release(slots_.acquire());
    got = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(got);
  slots_.release(17);
  late.join();
  EXPECT_TRUE(got);
}

TEST_F(ReplyTest, SlotsThatComeFreeTogetherWakeAThreadEach) {
  for (std::uint32_t i = 0; i < kReplySlots; ++i) slots_.acquire();
  constexpr std::uint32_t kLate = 16;
  std::atomic<std::uint32_t> got{0};
  std::vector<std::thread> late;
  for (std::uint32_t i = 0; i < kLate; ++i) {
    late.emplace_back([&] {
      slots_.acquire();  // and keeps it
      ++got;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (std::uint32_t i = 0; i < kLate; ++i) slots_.release(i);
  for (int i = 0; i < 500 && got < kLate; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(got, kLate);
  for (std::uint32_t i = 0; i < kLate; ++i) slots_.release(i + kLate);  // so that a failure ends
  for (std::thread& thread : late) thread.join();
}

TEST_F(ReplyTest, WritingAReplyRingsASleepingGuestOnce) {
  const std::byte bytes[8] = {};
  EXPECT_TRUE(writer_.write(0, bytes, 8));
  EXPECT_EQ(to_guest_.rings, 0);
  store_relaxed(region_.guest().parked, 5);
  EXPECT_TRUE(writer_.write(0, bytes, 8));
  EXPECT_TRUE(writer_.write(1, bytes, 8));
  EXPECT_EQ(to_guest_.rings, 1);
}

}  // namespace
}  // namespace viaduct::transport
