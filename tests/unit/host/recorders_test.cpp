// Sessions whose command buffers are all recorded beside the decode thread: what reaches the driver is what
// the order of publication says.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/host/guest_end.hpp"

namespace viaduct::host::testing {
namespace {

constexpr std::uint32_t kFillNs = 20'000;

// A device with pools of its own, each with two command buffers: 2 * pool and 2 * pool + 1. (This driver does
// not mind that those of all but the first are secondaries.)
class Recording : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kPools = 4;

  explicit Recording(unsigned threads = 2) {
    GuestEndOptions options;
    options.recorder_threads = threads;
    guest = std::make_unique<GuestEnd>(options);
    guest->make_device();
    Records r;
    for (std::uint32_t i = 0; i < kPools; ++i) {
      VkCommandPoolCreateInfo pool_info{};
      pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
      VkCommandPool made = pool(i);
      r.add(VIADUCT_TEST_CALL(vkCreateCommandPool, guest->device(), &pool_info, nullptr, &made));
      for (std::uint32_t j = 0; j < 2; ++j) {
        headers[2 * i + j].id = GuestEnd::id(ObjectType::kCommandBuffer, 10 + 2 * i + j);
        allocate(r, i, 2 * i + j);
      }
    }
    guest->send(r);
  }
  void TearDown() override {
    guest->finish();
    RecordingLog& log = FakeVulkan::get().recording;
    EXPECT_EQ(log.two_threads_in_a_pool, 0u);
    EXPECT_EQ(log.fills_of_destroyed_buffers, 0u);
    EXPECT_EQ(log.unfinished_submissions, 0u);
    EXPECT_EQ(log.unfinished_secondaries, 0u);
    EXPECT_EQ(FakeVulkan::get().live_devices, 0u);
  }

  static VkCommandPool pool(std::uint32_t i) {
    return GuestEnd::handle<VkCommandPool>(ObjectType::kCommandPool, 10 + i);
  }
  static VkBuffer buffer(std::uint32_t i) { return GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, i); }
  VkCommandBuffer commands(std::uint32_t i) { return reinterpret_cast<VkCommandBuffer>(&headers[i]); }

  void allocate(Records& r, std::uint32_t of_pool, std::uint32_t index) {
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool(of_pool);
    info.level = of_pool == 0 ? VK_COMMAND_BUFFER_LEVEL_PRIMARY : VK_COMMAND_BUFFER_LEVEL_SECONDARY;
    info.commandBufferCount = 1;
    VkCommandBuffer made = commands(index);
    r.add(VIADUCT_TEST_CALL(vkAllocateCommandBuffers, guest->device(), &info, &made));
  }
  void make_buffer(std::uint32_t i) {
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = 4096;
    VkBuffer made = buffer(i);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkCreateBuffer, guest->device(), &info, nullptr, &made));
    guest->send(r);
  }
  // A command buffer of `fills` fills with first, first + 1 and so on, in three spans.
  void record(std::uint32_t index, std::uint32_t of_buffer, std::uint32_t fills, std::uint32_t first) {
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    Records start, middle, last;
    start.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
    for (std::uint32_t i = 0; i < fills; ++i) {
      const std::uint32_t data = first + i;
      middle.add(VIADUCT_TEST_CALL(vkCmdFillBuffer, buffer(of_buffer), 0, VK_WHOLE_SIZE, data));
    }
    last.add(Command::vkEndCommandBuffer, [](auto&) {});
    guest->send(start, headers[index].id);
    guest->send(middle, headers[index].id);
    guest->send(last, headers[index].id);
  }
  void submit(std::uint32_t index, std::uint64_t value) {
    const VkCommandBuffer submitted = commands(index);
    VkSubmitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    info.commandBufferCount = 1;
    info.pCommandBuffers = &submitted;
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductQueueSubmit, guest->queue(), 1, &info, value));
    guest->send(r);
  }

  protocol::DispatchableHeader headers[2 * kPools]{};
  std::unique_ptr<GuestEnd> guest;
};

std::vector<std::uint32_t> run_of(std::uint32_t first, std::uint32_t count) {
  std::vector<std::uint32_t> values;
  for (std::uint32_t i = 0; i < count; ++i) values.push_back(first + i);
  return values;
}

TEST_F(Recording, FramesAreSubmittedWholeAndInOrder) {
  RecordingLog& log = FakeVulkan::get().recording;
  log.fill_ns = kFillNs;
  make_buffer(1);
  constexpr std::uint32_t kFrames = 40;
  std::vector<std::vector<std::uint32_t>> expected;
  for (std::uint32_t frame = 0; frame < kFrames; ++frame) {
    const std::uint32_t index = 2 * (frame % 3);
    // As an application does: a pool is used again once its last submission has executed.
    if (frame >= 3) {
      ASSERT_EQ(guest->completion(GuestEnd::kSlot, frame - 2), VK_SUCCESS);
    }
    Records reset;
    reset.add(VIADUCT_TEST_CALL(vkResetCommandPool, guest->device(), pool(frame % 3), 0));
    guest->send(reset);
    record(index, 1, 10, frame * 100);
    submit(index, frame + 1);
    expected.push_back(run_of(frame * 100, 10));
  }
  EXPECT_EQ(guest->completion(GuestEnd::kSlot, kFrames), VK_SUCCESS);
  EXPECT_EQ(log.submitted(), expected);
  EXPECT_EQ(guest->stats().submits, kFrames);
}

TEST_F(Recording, PoolsAreRecordedAtTheSameTime) {
  RecordingLog& log = FakeVulkan::get().recording;
  log.fill_ns = 100 * kFillNs;
  make_buffer(1);
  for (std::uint32_t i = 0; i < kPools; ++i) record(2 * i, 1, 10, 0);
  for (std::uint32_t i = 0; i < kPools; ++i) submit(2 * i, i + 1);
  EXPECT_EQ(guest->completion(GuestEnd::kSlot, kPools), VK_SUCCESS);
  EXPECT_EQ(log.most_threads, 2u);
}

TEST_F(Recording, WhatIsDestroyedWaitsForTheCommandsBeforeIt) {
  RecordingLog& log = FakeVulkan::get().recording;
  log.fill_ns = kFillNs;
  for (std::uint32_t i = 0; i < 20; ++i) {
    make_buffer(i);
    record(2 * (i % kPools), i, 5, i);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkDestroyBuffer, guest->device(), buffer(i), nullptr));
    guest->send(r);
  }
  guest->settle();
  EXPECT_EQ(FakeVulkan::get().fills, 100u);
}

TEST_F(Recording, APoolsOwnCommandsWaitForIt) {
  FakeVulkan::get().recording.fill_ns = kFillNs;
  make_buffer(1);
  for (std::uint32_t i = 0; i < 20; ++i) {
    record(0, 1, 5, i);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkResetCommandPool, guest->device(), pool(0), 0));
    guest->send(r);
    headers[1].id = GuestEnd::id(ObjectType::kCommandBuffer, 100 + i);
    Records more;
    allocate(more, 0, 1);
    guest->send(more);
  }
  guest->settle();
  EXPECT_EQ(FakeVulkan::get().fills, 100u);
}

TEST_F(Recording, SecondariesAreRecordedBeforeTheyAreExecuted) {
  RecordingLog& log = FakeVulkan::get().recording;
  log.fill_ns = kFillNs;
  make_buffer(1);
  for (std::uint32_t round = 0; round < 10; ++round) {
    // The primary may sit on either thread, before or behind its secondaries' pools.
    for (std::uint32_t i = 1; i < kPools; ++i) record(2 * i, 1, 8, 0);
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    const VkCommandBuffer secondaries[] = {commands(2), commands(4), commands(6)};
    Records r;
    r.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
    r.add(VIADUCT_TEST_CALL(vkCmdExecuteCommands, 3, secondaries));
    r.add(Command::vkEndCommandBuffer, [](auto&) {});
    guest->send(r, headers[0].id);
    submit(0, round + 1);
  }
  EXPECT_EQ(guest->completion(GuestEnd::kSlot, 10), VK_SUCCESS);
}

TEST_F(Recording, PrimariesThatExecuteEachOtherDoNotLockUp) {
  make_buffer(1);
  const auto execute = [&](std::uint32_t primary, std::uint32_t secondary) {
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    const VkCommandBuffer executed = commands(secondary);
    Records r;
    r.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
    r.add(VIADUCT_TEST_CALL(vkCmdExecuteCommands, 1, &executed));
    r.add(Command::vkEndCommandBuffer, [](auto&) {});
    guest->send(r, headers[primary].id);
  };
  for (std::uint32_t i = 0; i < 50; ++i) {
    record(0, 1, 1, i);
    record(2, 1, 1, i);
    execute(0, 2);
    execute(2, 0);
  }
  guest->settle();
  EXPECT_FALSE(guest->ended());
}

TEST_F(Recording, AFailedCommandSpoilsItsCommandBufferAlone) {
  make_buffer(1);
  record(0, 1, 3, 0);
  record(2, 999, 3, 0);  // a buffer that does not exist
  submit(0, 1);
  EXPECT_EQ(guest->completion(GuestEnd::kSlot, 1), VK_SUCCESS);
  submit(2, 2);
  EXPECT_EQ(guest->completion(GuestEnd::kSlot, 2), VK_ERROR_DEVICE_LOST);
}

TEST_F(Recording, NonsenseEndsTheSessionThoughTheDecodeThreadSleeps) {
  guest->settle();
  guest->send_raw(std::vector<std::byte>(64, std::byte{0xff}), headers[0].id);
  // Nothing is sent after it: the recorder itself must wake the decode thread.
  const Deadline deadline = Deadline::after_ms(20'000);
  while (!guest->ended() && !deadline.expired()) std::this_thread::yield();
  EXPECT_TRUE(guest->ended());
  const SessionOutcome& outcome = guest->finish();
  EXPECT_EQ(outcome.end, SessionEnd::kBadData);
  EXPECT_NE(outcome.cause.find("bad data"), std::string::npos) << outcome.cause;
}

TEST_F(Recording, AGuestThatPublishesFasterThanTheDriverRecordsIsHeldUp) {
  FakeVulkan::get().recording.fill_ns = kFillNs;
  make_buffer(1);
  for (std::uint32_t i = 0; i < 1500; ++i) record(2 * (i % kPools), 1, 1, i);
  guest->settle();
  EXPECT_EQ(FakeVulkan::get().fills, 1500u);
}

TEST_F(Recording, AGuestThatGoesLeavesNothingBehind) {
  FakeVulkan::get().recording.fill_ns = kFillNs;
  make_buffer(1);
  for (std::uint32_t i = 0; i < 200; ++i) record(2 * (i % kPools), 1, 5, i);
  submit(0, 1);
  EXPECT_EQ(guest->finish().end, SessionEnd::kGuestGone);
}

}  // namespace
}  // namespace viaduct::host::testing
