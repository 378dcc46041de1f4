// A session over a real ring in one process, with a driver of the test's own.
#include "tests/unit/host/guest_end.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace viaduct::host::testing {
namespace {

VkBufferCreateInfo buffer_info() {
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = 4096;
  info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  return info;
}

// Begin, one fill of the buffer with this index, end; as a command buffer's span.
Records fill_of(std::uint32_t buffer_index) {
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  const auto buffer = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, buffer_index);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
  r.add(VIADUCT_TEST_CALL(vkCmdFillBuffer, buffer, 0, VK_WHOLE_SIZE, 7));
  r.add(Command::vkEndCommandBuffer, [](auto&) {});
  return r;
}

void make_buffer(GuestEnd& guest, std::uint32_t index) {
  const VkBufferCreateInfo info = buffer_info();
  VkBuffer buffer = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, index);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateBuffer, guest.device(), &info, nullptr, &buffer));
  guest.send(r);
}

TEST(Session, ASubmissionReachesItsValueInTheCompletionSlot) {
  GuestEnd guest;
  guest.make_device();
  make_buffer(guest, 5);
  guest.send(fill_of(5), guest.command_buffer_id());
  guest.submit(1, true);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_SUCCESS);
  guest.submit(9);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 9), VK_SUCCESS);
  EXPECT_EQ(FakeVulkan::get().fills, 1u);
  EXPECT_EQ(FakeVulkan::get().submits, 2u);
  EXPECT_EQ(guest.finish().end, SessionEnd::kGuestGone);
  EXPECT_EQ(FakeVulkan::get().live_devices, 0u) << "what the guest left behind is destroyed";
}

TEST(Session, ACallGetsItsAnswer) {
  GuestEnd guest;
  guest.make_device();
  make_buffer(guest, 1);
  const auto buffer = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, 1);
  VkMemoryRequirements requirements{};
  Records r;
  r.add(VIADUCT_TEST_CALL(vkGetBufferMemoryRequirements, guest.device(), buffer, &requirements), 0);
  guest.send(r);
  const std::vector<std::byte> reply = guest.reply(0);
  protocol::Reader reader(reply);
  ASSERT_TRUE(
      protocol::read_reply_vkGetBufferMemoryRequirements(reader, guest.device(), buffer, &requirements));
  EXPECT_EQ(requirements.size, 4096u);
  EXPECT_EQ(requirements.memoryTypeBits, 0b11u) << "one type of the host is two of the guest's";
}

TEST(Session, AFailedCreateSpoilsOnlyWhatUsesIt) {
  GuestEnd guest;
  guest.make_device();
  FakeVulkan::get().buffer_result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  make_buffer(guest, 5);
  guest.send(fill_of(5), guest.command_buffer_id());
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().fills, 0u);
  EXPECT_FALSE(guest.ended());
  guest.submit(1, true);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_ERROR_DEVICE_LOST);
  EXPECT_EQ(FakeVulkan::get().submits, 0u) << "the driver never sees the command buffer";
  EXPECT_FALSE(guest.ended());
}

TEST(Session, BeginningAgainMakesACommandBufferWhole) {
  GuestEnd guest;
  guest.make_device();
  guest.send(fill_of(99), guest.command_buffer_id());
  make_buffer(guest, 5);
  guest.send(fill_of(5), guest.command_buffer_id());
  guest.submit(1, true);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_SUCCESS);
}

TEST(Session, DeviceLossIsLatchedInTheSlot) {
  GuestEnd guest;
  guest.make_device();
  FakeVulkan::get().submit_result = VK_ERROR_DEVICE_LOST;
  guest.submit(1);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_ERROR_DEVICE_LOST);
  FakeVulkan::get().submit_result = VK_SUCCESS;
  guest.submit(2);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().submits, 0u) << "nothing is given to a device that is lost";
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 2), VK_ERROR_DEVICE_LOST);
  EXPECT_FALSE(guest.ended());
}

TEST(Session, ASubmissionOfAnUnknownSemaphoreLosesTheDeviceInsteadOfHanging) {
  GuestEnd guest;
  guest.make_device();
  const auto semaphore = GuestEnd::handle<VkSemaphore>(ObjectType::kSemaphore, 77);
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore;
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductQueueSubmit, guest.queue(), 1, &info, 1));
  guest.send(r);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_ERROR_DEVICE_LOST);
}

void make_timeline(GuestEnd& guest, VkSemaphore semaphore) {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateSemaphore, guest.device(), &info, nullptr, &semaphore));
  guest.send(r);
}

void post_wait(GuestEnd& guest, VkSemaphore semaphore, std::uint64_t value, int slot) {
  VkSemaphoreWaitInfo wait{};
  wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  wait.semaphoreCount = 1;
  wait.pSemaphores = &semaphore;
  wait.pValues = &value;
  Records r;
  r.add(VIADUCT_TEST_CALL(vkWaitSemaphores, guest.device(), &wait, UINT64_MAX), slot);
  guest.send(r);
}

VkResult result_of(const std::vector<std::byte>& reply) {
  std::int32_t result = VK_ERROR_UNKNOWN;
  if (reply.size() >= sizeof(result)) std::memcpy(&result, reply.data(), sizeof(result));
  return static_cast<VkResult>(result);
}

// Decision 1: one ring, and yet a wait does not keep a later signal from being executed.
TEST(Session, AWaitIsAnsweredByASignalThatComesLater) {
  GuestEnd guest;
  guest.make_device();
  const auto semaphore = GuestEnd::handle<VkSemaphore>(ObjectType::kSemaphore);
  make_timeline(guest, semaphore);
  post_wait(guest, semaphore, 4, 1);
  guest.settle();  // the decode thread is free while the wait stands
  VkSemaphoreSignalInfo signal{};
  signal.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO;
  signal.semaphore = semaphore;
  signal.value = 4;
  Records r;
  r.add(VIADUCT_TEST_CALL(vkSignalSemaphore, guest.device(), &signal));
  guest.send(r);
  EXPECT_EQ(result_of(guest.reply(1)), VK_SUCCESS);
}

TEST(Session, DestroyingADeviceEndsTheWaitsOnIt) {
  GuestEnd guest;
  guest.make_device();
  const auto semaphore = GuestEnd::handle<VkSemaphore>(ObjectType::kSemaphore);
  make_timeline(guest, semaphore);
  post_wait(guest, semaphore, 4, 1);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkDestroyDevice, guest.device(), nullptr));
  guest.send(r);
  EXPECT_EQ(result_of(guest.reply(1)), VK_ERROR_DEVICE_LOST);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().live_devices, 0u);
}

TEST(Session, ALongReplyIsFetchedInPieces) {
  GuestEnd guest;
  guest.make_device();
  const std::size_t size = 3 * transport::kReplyPayload + 100;
  FakeVulkan::get().cache_size = size;
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  auto cache = GuestEnd::handle<VkPipelineCache>(ObjectType::kPipelineCache);
  std::vector<std::byte> data(size);
  std::size_t capacity = size;
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreatePipelineCache, guest.device(), &info, nullptr, &cache));
  r.add(VIADUCT_TEST_CALL(vkGetPipelineCacheData, guest.device(), cache, &capacity, data.data()), 2);
  guest.send(r);
  std::vector<std::byte> whole = guest.reply(2);
  ASSERT_EQ(whole.size(), transport::kReplyPayload);
  while (whole.size() < size) {
    Records more;
    more.add(VIADUCT_TEST_CALL(viaductFetchReply, whole.size()), 2);
    guest.send(more);
    const std::vector<std::byte> piece = guest.reply(2);
    ASSERT_FALSE(piece.empty());
    whole.insert(whole.end(), piece.begin(), piece.end());
  }
  protocol::Reader reader(whole);
  VkResult result = VK_ERROR_UNKNOWN;
  ASSERT_TRUE(protocol::read_reply_vkGetPipelineCacheData(reader, result, guest.device(), cache, &capacity,
                                                          data.data()));
  EXPECT_EQ(result, VK_SUCCESS);
  EXPECT_EQ(data[size - 1], static_cast<std::byte>((size - 1) * 7));
}

TEST(Session, AFragmentedDescriptorPoolGetsAnOverflowPool) {
  GuestEnd guest;
  guest.make_device();
  const VkDescriptorPoolSize pool_size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 4};
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  info.maxSets = 4;
  info.poolSizeCount = 1;
  info.pPoolSizes = &pool_size;
  auto pool = GuestEnd::handle<VkDescriptorPool>(ObjectType::kDescriptorPool);
  VkDescriptorSetLayoutCreateInfo layout_info{};
  layout_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  auto layout = GuestEnd::handle<VkDescriptorSetLayout>(ObjectType::kDescriptorSetLayout);
  VkDescriptorSetAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  allocate.descriptorPool = pool;
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &layout;
  FakeVulkan::get().descriptor_result = VK_ERROR_FRAGMENTED_POOL;
  auto first = GuestEnd::handle<VkDescriptorSet>(ObjectType::kDescriptorSet, 1);
  auto second = GuestEnd::handle<VkDescriptorSet>(ObjectType::kDescriptorSet, 2);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateDescriptorPool, guest.device(), &info, nullptr, &pool));
  r.add(VIADUCT_TEST_CALL(vkCreateDescriptorSetLayout, guest.device(), &layout_info, nullptr, &layout));
  r.add(VIADUCT_TEST_CALL(vkAllocateDescriptorSets, guest.device(), &allocate, &first), 0);
  r.add(VIADUCT_TEST_CALL(vkAllocateDescriptorSets, guest.device(), &allocate, &second), 1);
  r.add(VIADUCT_TEST_CALL(vkFreeDescriptorSets, guest.device(), pool, 1, &first), 2);
  guest.send(r);
  EXPECT_EQ(result_of(guest.reply(0)), VK_SUCCESS);
  EXPECT_EQ(result_of(guest.reply(1)), VK_SUCCESS);
  EXPECT_EQ(result_of(guest.reply(2)), VK_SUCCESS);
  guest.settle();
  const ObjectTables& objects = guest.session().objects();
  EXPECT_EQ(objects.find(ObjectType::kDescriptorSet, GuestEnd::id(ObjectType::kDescriptorSet, 1)), nullptr);
  EXPECT_NE(objects.find(ObjectType::kDescriptorSet, GuestEnd::id(ObjectType::kDescriptorSet, 2)), nullptr);
}

}  // namespace
}  // namespace viaduct::host::testing
