#include <gtest/gtest.h>

#include "guest-icd/queue/submit.hpp"

#include <thread>

#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/commands.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/unit/guest/device_fixture.hpp"

namespace viaduct::guest {
namespace {

using test::DeviceFixture;
using test::Record;

struct Submit : ::testing::Test {
  DeviceFixture fixture;
  VkDevice device = fixture.device.handle();

  VkSemaphore semaphore() {
    const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, nullptr, 0};
    VkSemaphore made = VK_NULL_HANDLE;
    EXPECT_EQ(entry::vkCreateSemaphore(device, &info, nullptr, &made), VK_SUCCESS);
    return made;
  }
  std::vector<Record> submissions() {
    fixture.host.channel().flush();
    std::vector<Record> found;
    for (Record& record : fixture.host.records()) {
      if (record.command == static_cast<std::uint32_t>(protocol::Command::viaductQueueSubmit)) {
        found.push_back(std::move(record));
      }
    }
    return found;
  }
  static bool names(const Record& record, VkSemaphore semaphore) {
    const std::uint64_t id = protocol::id_of(semaphore);
    for (std::size_t at = 8; at + 8 <= record.bytes.size(); at += 4) {
      if (record.u64(at) == id) return true;
    }
    return false;
  }
};

TEST_F(Submit, TakesRisingValuesAndAssignsTheFence) {
  Fence fence(false);
  std::uint64_t value = 0;
  const VkSubmitInfo info{
      VK_STRUCTURE_TYPE_SUBMIT_INFO, nullptr, 0, nullptr, nullptr, 0, nullptr, 0, nullptr};
  ASSERT_EQ(submit(fixture.queue(), 1, &info, nullptr, &value), VK_SUCCESS);
  EXPECT_EQ(value, 1u);
  ASSERT_EQ(submit(fixture.queue(), 0, static_cast<const VkSubmitInfo*>(nullptr), &fence), VK_SUCCESS);
  EXPECT_EQ(submissions().size(), 2u);
  EXPECT_EQ(fence.status(fixture.device), VK_NOT_READY);
  fixture.host.complete(fixture.queue().slot, 2);
  EXPECT_EQ(fence.status(fixture.device), VK_SUCCESS);
}

TEST_F(Submit, WaitsThatTheWindowSystemSatisfiedAreStrippedOnce) {
  VkSemaphore acquired = semaphore(), ordinary = semaphore();
  const VkSemaphore waits[2] = {acquired, ordinary};
  const VkPipelineStageFlags stages[2] = {VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT};
  const std::uint64_t values[2] = {0, 77};
  const VkTimelineSemaphoreSubmitInfo timeline{
      VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, nullptr, 2, values, 0, nullptr};
  const VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, &timeline, 2, waits, stages, 0, nullptr, 0, nullptr};
  signal_from_wsi(fixture.device, acquired, VK_NULL_HANDLE);
  ASSERT_EQ(submit(fixture.queue(), 1, &info, nullptr), VK_SUCCESS);
  ASSERT_EQ(submit(fixture.queue(), 1, &info, nullptr), VK_SUCCESS);
  const auto sent = submissions();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_FALSE(names(sent[0], acquired));
  EXPECT_TRUE(names(sent[0], ordinary));
  EXPECT_TRUE(names(sent[1], acquired));  // the mark was used up
  // A semaphore, a stage and a value fewer; records are multiples of 8.
  EXPECT_GE(sent[1].bytes.size() - sent[0].bytes.size(), 16u);
  EXPECT_LE(sent[1].bytes.size() - sent[0].bytes.size(), 32u);
}

TEST_F(Submit, ThreadsOnTwoQueuesKeepValuesInPublicationOrder) {
  const auto slot = fixture.host.session().take_queue_slot();
  fixture.device.queues.push_back(std::make_unique<Queue>(fixture.device, 1ull << 32 | 5, slot->index));
  constexpr int kSubmits = 1000;
  const auto work = [&](Queue& queue) {
    for (int i = 0; i < kSubmits; ++i) {
      std::uint64_t value = 0;
      ASSERT_EQ(submit(queue, 0, static_cast<const VkSubmitInfo*>(nullptr), nullptr, &value), VK_SUCCESS);
      ASSERT_EQ(value, static_cast<std::uint64_t>(i + 1));
    }
  };
  std::thread other([&] { work(*fixture.device.queues[1]); });
  work(fixture.queue());
  other.join();
  std::uint64_t last[2] = {0, 0};
  for (const Record& record : submissions()) {
    // Body: the queue's id first, the value last.
    const int which = record.u64(8) == fixture.queue().header.id ? 0 : 1;
    bool found = false;
    for (std::size_t at = 16; at + 8 <= record.bytes.size(); at += 4)
      found |= record.u64(at) == last[which] + 1;
    ASSERT_TRUE(found);
    ++last[which];
  }
  EXPECT_EQ(last[0], static_cast<std::uint64_t>(kSubmits));
  EXPECT_EQ(last[1], static_cast<std::uint64_t>(kSubmits));
}

TEST_F(Submit, AHostSignalMakesLaterWaitsFree) {
  const VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr,
                                       VK_SEMAPHORE_TYPE_TIMELINE, 3};
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  VkSemaphore made = VK_NULL_HANDLE;
  ASSERT_EQ(entry::vkCreateSemaphore(device, &info, nullptr, &made), VK_SUCCESS);
  fixture.host.hold(true);  // a wait that asks the host would hang
  const VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, made, 9};
  ASSERT_EQ(entry::vkSignalSemaphore(device, &signal), VK_SUCCESS);
  const std::uint64_t value = 9;
  const VkSemaphoreWaitInfo wait{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &made, &value};
  EXPECT_EQ(entry::vkWaitSemaphores(device, &wait, UINT64_MAX), VK_SUCCESS);
  fixture.host.hold(false);
}

}  // namespace
}  // namespace viaduct::guest
