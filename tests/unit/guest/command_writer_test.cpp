#include <gtest/gtest.h>

#include "guest-icd/objects/command_writer.hpp"

#include <cstring>
#include <memory>
#include <thread>

#include "guest-icd/objects/command_buffer.hpp"
#include "protocol/wire/writer.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;
using test::Record;

void record(CommandWriter& writer, std::uint32_t value, std::size_t size = 16) {
  std::byte* at = writer.reserve(size);
  std::memset(at, 0, size);
  protocol::store_u32(at, 1);
  protocol::store_u32(at + 4, static_cast<std::uint32_t>(size));
  protocol::store_u32(at + 8, value);
}

void post(Channel& channel, std::uint32_t value) {
  std::byte* at = channel.begin_post(16);
  protocol::store_u32(at, 2);
  protocol::store_u32(at + 4, 16);
  protocol::store_u64(at + 8, value);
  channel.end_post();
}

struct Writers : ::testing::Test {
  DeviceFixture fixture;
  CommandPool pool;
  std::unique_ptr<CommandBuffer> make(std::uint64_t id) {
    return std::make_unique<CommandBuffer>(fixture.device, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, id);
  }
  std::vector<Record> recorded() {
    fixture.host.channel().flush();
    return fixture.host.records();
  }
  void TearDown() override {
    fixture.host.channel().retire_memory(pool.leftover.memory, pool.leftover.sequence);
  }
};

TEST_F(Writers, SpansNameTheirCommandBufferAndComeAfterEarlierPosts) {
  auto commands = make(77);
  post(fixture.host.channel(), 5);
  record(commands->writer(), 6);
  post(fixture.host.channel(), 7);
  commands->writer().finish();
  const auto got = recorded();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].u32(8), 5u);
  EXPECT_EQ(got[1].u32(8), 7u);
  EXPECT_EQ(got[2].u32(8), 6u);
  EXPECT_EQ(got[2].command_buffer, 77u);
  EXPECT_EQ(got[0].command_buffer, 0u);
}

TEST_F(Writers, ALongRecordingIsPublishedWhileItGoesOn) {
  auto commands = make(77);
  constexpr std::uint32_t kCount = 100'000;  // many times all chunks together
  for (std::uint32_t i = 0; i < kCount; ++i) record(commands->writer(), i);
  commands->writer().finish();
  const auto got = recorded();
  ASSERT_EQ(got.size(), kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(got[i].u32(8), i);
}

TEST_F(Writers, RecordsLargerThanAChunkKeepTheirPlace) {
  auto commands = make(77);
  record(commands->writer(), 0);
  record(commands->writer(), 1, 100'000);
  record(commands->writer(), 2);
  commands->writer().finish();
  const auto got = recorded();
  ASSERT_EQ(got.size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(got[i].u32(8), i);
}

TEST_F(Writers, WhatIsDiscardedNeverReachesTheHost) {
  auto commands = make(77);
  record(commands->writer(), 1);
  commands->writer().discard();
  record(commands->writer(), 2);
  commands->writer().finish();
  const auto got = recorded();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].u32(8), 2u);
}

TEST_F(Writers, SmallCommandBuffersShareAChunk) {
  // The region of this test has 8 chunks and more command buffers than that, all with something recorded.
  std::vector<std::unique_ptr<CommandBuffer>> all;
  for (std::uint32_t i = 0; i < 64; ++i) {
    all.push_back(make(100 + i));
    record(all.back()->writer(), i);
    all.back()->writer().finish();
  }
  const auto got = recorded();
  ASSERT_EQ(got.size(), 64u);
  for (std::uint32_t i = 0; i < 64; ++i) {
    EXPECT_EQ(got[i].command_buffer, 100u + i);
    EXPECT_EQ(got[i].u32(8), i);
  }
}

TEST_F(Writers, MoreOpenCommandBuffersThanChunksStillRecord) {
  std::vector<std::unique_ptr<CommandBuffer>> all;
  for (std::uint32_t i = 0; i < 40; ++i) {
    all.push_back(make(100 + i));
    record(all.back()->writer(), i);  // none finished: no chunk comes back
  }
  EXPECT_FALSE(fixture.host.channel().lost());
  for (auto& commands : all) commands->writer().finish();
  EXPECT_EQ(recorded().size(), 40u);
}

TEST_F(Writers, ThreadsRecordInParallelWithPoolsOfTheirOwn) {
  constexpr std::uint32_t kThreads = 3, kCount = 20'000;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      CommandPool own;
      CommandBuffer commands(fixture.device, own, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1000 + t);
      for (std::uint32_t i = 0; i < kCount; ++i) record(commands.writer(), i);
      commands.writer().finish();
      fixture.host.channel().retire_memory(own.leftover.memory, own.leftover.sequence);
    });
  }
  for (auto& thread : threads) thread.join();
  std::uint32_t next[kThreads] = {};
  for (const Record& got : recorded()) ASSERT_EQ(got.u32(8), next[got.command_buffer - 1000]++);
  for (std::uint32_t t = 0; t < kThreads; ++t) EXPECT_EQ(next[t], kCount);
}

TEST_F(Writers, RecordingOnALostSessionNeitherFailsNorGrows) {
  auto commands = make(77);
  record(commands->writer(), 1);
  fixture.host.die();
  while (!fixture.host.channel().check_lost()) std::this_thread::yield();
  for (std::uint32_t i = 0; i < 200'000; ++i) record(commands->writer(), i);
  record(commands->writer(), 1, 1u << 20);
  commands->writer().finish();
  for (std::uint32_t i = 0; i < 1000; ++i) record(commands->writer(), i);
  commands->writer().discard();
}

}  // namespace
}  // namespace viaduct::guest
