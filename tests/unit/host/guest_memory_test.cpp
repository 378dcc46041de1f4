// Replies and their caps, on a region of plain memory.
#include "host-renderer/worker/guest_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>

namespace viaduct::host {
namespace {

constexpr transport::RegionLayout kLayout{transport::kDefaultControlSize + (1u << 20),
                                          transport::kDefaultControlSize};

class GuestMemoryTest : public testing::Test {
 protected:
  GuestMemoryTest()
      : bytes_(static_cast<std::byte*>(::mmap(nullptr, kLayout.region_size, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        view_(bytes_, kLayout),
        bell_(*transport::EventDoorbell::create_eventfd()),
        waker_(view_.guest().parked, bell_),
        memory_(view_, waker_),
        guest_(view_) {}
  ~GuestMemoryTest() override { ::munmap(bytes_, kLayout.region_size); }

  // A reply of `size` bytes of this value; false when there was no memory for it.
  bool answer(std::uint32_t slot, std::size_t size, int value) {
    EXPECT_TRUE(memory_.claim(slot));
    ReplyBuilder reply(memory_, slot);
    std::byte* to = reply.reserve(size);
    if (to != nullptr) std::memset(to, value, size);
    reply.commit();
    return to != nullptr;
  }

  std::byte* bytes_;
  transport::RegionView view_;
  transport::EventDoorbell bell_;
  transport::PeerWaker waker_;
  GuestMemory memory_;
  transport::ReplySlots guest_;
};

TEST_F(GuestMemoryTest, AReplyThatFitsIsThereAtOnce) {
  const std::uint64_t sequence = guest_.expect(7);
  ASSERT_TRUE(answer(7, 100, 0x31));
  ASSERT_TRUE(guest_.ready(7, sequence));
  const auto reply = guest_.read(7);
  ASSERT_EQ(reply.bytes.size(), 100u);
  EXPECT_FALSE(reply.more);
  EXPECT_EQ(reply.bytes[99], std::byte{0x31});
}

TEST_F(GuestMemoryTest, ADroppedReplyAnswersEmpty) {
  const std::uint64_t sequence = guest_.expect(0);
  ASSERT_TRUE(memory_.claim(0));
  { const ReplyBuilder dropped(memory_, 0); }
  ASSERT_TRUE(guest_.ready(0, sequence)) << "a guest's thread must not wait for ever";
  EXPECT_TRUE(guest_.read(0).bytes.empty());
}

TEST_F(GuestMemoryTest, ASlotIsNotGivenTwiceAndNotOutOfRange) {
  EXPECT_FALSE(memory_.claim(transport::kReplySlots));
  ASSERT_TRUE(memory_.claim(5));
  EXPECT_FALSE(memory_.claim(5)) << "its request is still being answered";
  ReplyBuilder(memory_, 5).commit();
  EXPECT_TRUE(memory_.claim(5));
}

TEST_F(GuestMemoryTest, PiecesBeyondTheEndAreEmpty) {
  ASSERT_TRUE(answer(1, transport::kReplyPayload + 10, 0x42));
  for (const std::uint64_t offset : {std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    ASSERT_TRUE(memory_.claim(1));
    memory_.send_piece(1, offset);
    EXPECT_TRUE(guest_.read(1).bytes.empty());
  }
  ASSERT_TRUE(memory_.claim(1));
  memory_.send_piece(1, transport::kReplyPayload);
  EXPECT_EQ(guest_.read(1).bytes.size(), 10u);
}

TEST_F(GuestMemoryTest, RepliesThatNobodyFetchesStayBounded) {
  const std::size_t large = GuestMemory::kMaxKept / 4;
  EXPECT_FALSE(answer(0, GuestMemory::kMaxReply + 1, 0));
  std::uint32_t slot = 1;
  while (slot < 8) {
    ASSERT_TRUE(memory_.claim(slot));
    ReplyBuilder reply(memory_, slot);
    const bool given = reply.reserve(large) != nullptr;  // untouched, so that the test needs no such memory
    if (!given) break;
    ++slot;
  }
  EXPECT_LE(slot, 5u);
  EXPECT_GE(slot, 4u);
}

TEST_F(GuestMemoryTest, OnlyWholePagesOfTheArenaAreGiven) {
  const std::uint64_t arena = kLayout.arena_offset();
  EXPECT_EQ(memory_.arena(arena, 4096), bytes_ + arena);
  EXPECT_EQ(memory_.arena(arena - 4096, 4096), nullptr);
  EXPECT_EQ(memory_.arena(arena + 1, 4096), nullptr);
  EXPECT_EQ(memory_.arena(arena, 0), nullptr);
  EXPECT_EQ(memory_.arena(kLayout.region_size - 4096, 8192), nullptr);
  EXPECT_EQ(memory_.arena(~std::uint64_t{0} - 4095, 8192), nullptr);
}

}  // namespace
}  // namespace viaduct::host
