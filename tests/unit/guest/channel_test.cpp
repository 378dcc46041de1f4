#include <gtest/gtest.h>

#include "guest-icd/session/channel.hpp"

#include <cstring>
#include <map>
#include <thread>

#include "protocol/wire/record.hpp"
#include "protocol/wire/writer.hpp"
#include "tests/unit/guest/fake_host.hpp"

namespace viaduct::guest {
namespace {

using test::FakeHost;
using test::Record;

void post(Channel& channel, std::uint32_t command, std::uint32_t value, std::size_t size = 16) {
  std::byte* at = channel.begin_post(size);
  std::memset(at, 0, size);
  protocol::store_u32(at, command);
  protocol::store_u32(at + 4, static_cast<std::uint32_t>(size));
  protocol::store_u32(at + 8, value);
  channel.end_post();
}

Reply call(Channel& channel, std::uint32_t command, std::uint64_t value) {
  std::uint32_t slot = 0;
  std::byte* at = channel.begin_call(24, slot);
  protocol::store_u32(at, command | protocol::kReplyWanted);
  protocol::store_u32(at + 4, 24);
  protocol::store_u32(at + 8, slot);
  protocol::store_u32(at + 12, 0);
  protocol::store_u64(at + 16, value);
  return channel.end_call(slot);
}

// Answers with the request's value repeated as often as its command says.
std::vector<std::byte> repeat(const Record& record) {
  std::vector<std::byte> bytes(record.command * 8);
  const std::uint64_t value = record.u64(16);
  for (std::size_t i = 0; i < record.command; ++i) std::memcpy(bytes.data() + i * 8, &value, 8);
  return bytes;
}

TEST(Channel, PostsArriveInOrderAndOnlyAfterAPublish) {
  FakeHost host;
  for (std::uint32_t i = 0; i < 100; ++i) post(host.channel(), 1, i);
  EXPECT_TRUE(host.records().empty());  // nothing told the host yet
  host.channel().flush();
  const auto records = host.records();
  ASSERT_EQ(records.size(), 100u);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(records[i].u32(8), i);
}

TEST(Channel, ThreadsPostsKeepTheirOwnOrder) {
  FakeHost host;
  constexpr std::uint32_t kThreads = 3, kPosts = 5000;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kPosts; ++i) post(host.channel(), t, i);
    });
  }
  for (auto& thread : threads) thread.join();
  host.channel().flush();
  std::map<std::uint32_t, std::uint32_t> next;
  for (const Record& record : host.records()) ASSERT_EQ(record.u32(8), next[record.command]++);
  for (std::uint32_t t = 0; t < kThreads; ++t) EXPECT_EQ(next[t], kPosts);
}

TEST(Channel, ACallComesAfterWhatWasPostedAndBringsItsOwnReply) {
  FakeHost host(repeat);
  post(host.channel(), 7, 1);
  // Any command but the one that the fake host answers by itself.
  constexpr auto kWords = static_cast<std::uint32_t>(protocol::Command::viaductFetchReply) + 1;
  const Reply reply = call(host.channel(), kWords, 0x1122334455667788);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply.bytes().size(), kWords * 8u);
  std::uint64_t value;
  std::memcpy(&value, reply.bytes().data() + (kWords - 1) * 8, 8);
  EXPECT_EQ(value, 0x1122334455667788u);
  EXPECT_EQ(host.records()[0].command, 7u);
}

TEST(Channel, RepliesLargerThanASlotAreFetchedInPieces) {
  FakeHost host(repeat);
  constexpr std::uint32_t kCount = 3 * transport::kReplyPayload / 8 + 5;
  const Reply reply = call(host.channel(), kCount, 42);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply.bytes().size(), kCount * 8u);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    std::uint64_t value;
    std::memcpy(&value, reply.bytes().data() + i * 8, 8);
    ASSERT_EQ(value, 42u);
  }
}

TEST(Channel, ManyThreadsCallAtOnceAndGetTheirOwnReplies) {
  FakeHost host(repeat);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        const Reply reply = call(host.channel(), 2, t << 32 | i);
        ASSERT_TRUE(reply);
        std::uint64_t value;
        std::memcpy(&value, reply.bytes().data() + 8, 8);
        ASSERT_EQ(value, t << 32 | i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Channel, RecordsLargerThanAChunkGoThroughTheArenaAndGiveItBack) {
  FakeHost host;
  constexpr std::size_t kSize = 1u << 20;
  // Many times what the arena holds: it must come back.
  for (std::uint32_t i = 0; i < 12; ++i) {
    post(host.channel(), 1, i, kSize);
    post(host.channel(), 2, i);
  }
  host.channel().flush();
  const auto records = host.records();
  ASSERT_EQ(records.size(), 24u);
  for (std::uint32_t i = 0; i < 24; ++i) {
    EXPECT_EQ(records[i].u32(8), i / 2);
    EXPECT_EQ(records[i].bytes.size(), i % 2 == 0 ? kSize : 16u);
  }
}

TEST(Channel, AFullRegionMakesThePosterWaitInsteadOfFailing) {
  FakeHost host;
  host.hold(true);
  std::atomic<std::uint32_t> posted{0};
  constexpr std::uint32_t kPosts = 2000;
  std::thread poster([&] {
    for (std::uint32_t i = 0; i < kPosts; ++i) {
      post(host.channel(), 1, i, 8192);
      posted.fetch_add(1);
    }
    host.channel().flush();
  });
  // 4 MiB of arena and 8 chunks hold fewer than 600 such records.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LT(posted.load(), 700u);
  EXPECT_FALSE(host.channel().lost());
  host.hold(false);
  poster.join();
  const auto records = host.records();
  ASSERT_EQ(records.size(), kPosts);
  for (std::uint32_t i = 0; i < kPosts; ++i) ASSERT_EQ(records[i].u32(8), i);
}

TEST(Channel, AfterTheHostDiedCallsFailAndPostsGoNowhere) {
  FakeHost host(repeat);
  host.hold(true);
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    host.die();
  });
  EXPECT_FALSE(call(host.channel(), 1, 1));  // was waiting when the host died
  killer.join();
  EXPECT_TRUE(host.channel().lost());
  for (std::uint32_t i = 0; i < 10000; ++i) post(host.channel(), 1, i, 4096);
  post(host.channel(), 1, 0, 8u << 20);
  EXPECT_FALSE(call(host.channel(), 1, 1));
}

TEST(Channel, AWaiterBlockedOnAFullRegionIsFreedByTheHostsDeath) {
  FakeHost host;
  host.hold(true);
  std::thread poster([&] {
    for (std::uint32_t i = 0; i < 2000; ++i) post(host.channel(), 1, i, 8192);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  host.die();
  poster.join();
  EXPECT_TRUE(host.channel().lost());
}

TEST(Channel, AnAbandonedChannelNeverTouchesTheRegion) {
  FakeHost host(repeat);
  host.channel().abandon();
  for (std::uint32_t i = 0; i < 1000; ++i) post(host.channel(), 1, i);
  host.channel().flush();
  EXPECT_FALSE(call(host.channel(), 1, 1));
  EXPECT_TRUE(host.records().empty());
}

}  // namespace
}  // namespace viaduct::guest
