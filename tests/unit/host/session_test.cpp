// A session over a real ring in one process, with a driver of the test's own.
#include "tests/unit/host/guest_end.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

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

TEST(Session, TheIdleDecodeThreadSeesTheEndOfTheLastSubmission) {
  if (!transport::spinning_allowed()) GTEST_SKIP() << "one core";
  GuestEnd guest;
  guest.make_device();
  guest.submit(1);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_SUCCESS);
  EXPECT_EQ(guest.finish().end, SessionEnd::kGuestGone);
  EXPECT_GT(FakeVulkan::get().fence_looks, 0u);
}

TEST(Session, TheQueuesThreadWaitsForASubmissionThatTheDecodeThreadGaveUp) {
  GuestEnd guest;
  guest.make_device();
  FakeVulkan::get().fence_result = VK_NOT_READY;  // to who looks, not to who waits
  for (std::uint64_t value = 1; value <= 20; ++value) {
    guest.submit(value);
    EXPECT_EQ(guest.completion(GuestEnd::kSlot, value), VK_SUCCESS);
  }
  FakeVulkan::get().fence_result = VK_SUCCESS;
  guest.submit(21);
  guest.submit(22);
  guest.submit(23);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 23), VK_SUCCESS);
  EXPECT_EQ(guest.finish().end, SessionEnd::kGuestGone);
}

TEST(Session, ADeviceThatIsLostWhileTheDecodeThreadLooksIsLostInTheSlot) {
  if (!transport::spinning_allowed()) GTEST_SKIP() << "one core";
  GuestEnd guest;
  guest.make_device();
  FakeVulkan::get().fence_result = VK_ERROR_DEVICE_LOST;
  guest.submit(1);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_ERROR_DEVICE_LOST);
  EXPECT_EQ(guest.finish().end, SessionEnd::kGuestGone);
}

TEST(Session, PresentsAreCountedWithTheTimesBetweenThem) {
  GuestEnd guest;
  guest.make_device();
  Records r;
  for (int i = 0; i < 5; ++i) r.add(VIADUCT_TEST_CALL(viaductPresent, guest.queue()));
  guest.send(r);
  guest.settle();
  EXPECT_EQ(guest.stats().frames, 5u);
  std::uint64_t times = 0;
  for (const auto& count : guest.stats().frame_times) times += count;
  EXPECT_EQ(times, 4u);
  EXPECT_GT(guest.stats().frame_times_ns, 0u);
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

ProbeResult importing() {
  ProbeResult probe;
  probe.mode = SharingMode::kImport;
  probe.importable_types = 1;
  return probe;
}

std::uint32_t type_bits_of(GuestEnd& guest, std::uint32_t buffer_index) {
  const auto buffer = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer, buffer_index);
  const VkBufferMemoryRequirementsInfo2 info{VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, nullptr,
                                             buffer};
  VkMemoryRequirements2 requirements{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
  Records r;
  r.add(VIADUCT_TEST_CALL(vkGetBufferMemoryRequirements2, guest.device(), &info, &requirements), 0);
  guest.send(r);
  const std::vector<std::byte> reply = guest.reply(0);
  protocol::Reader reader(reply);
  EXPECT_TRUE(
      protocol::read_reply_vkGetBufferMemoryRequirements2(reader, guest.device(), &info, &requirements));
  return requirements.memoryRequirements.memoryTypeBits;
}

VkDeviceMemory allocate_in_arena(GuestEnd& guest, std::uint32_t index, std::uint32_t type, std::uint64_t at) {
  const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, 4096, type};
  auto memory = GuestEnd::handle<VkDeviceMemory>(ObjectType::kDeviceMemory, index);
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductAllocateArenaMemory, guest.device(), &info,
                          GuestEnd::kLayout.arena_offset() + at, 4096, &memory));
  guest.send(r);
  return memory;
}

// Types of this driver in import mode: 0 device-only, 1 imported, 2 shadowed.
TEST(Session, ABufferThatCannotBeImportedIsShadowedWhileOthersAreImported) {
  GuestEnd guest({.probes = {importing()}});
  guest.make_device();
  make_buffer(guest, 1);
  EXPECT_EQ(type_bits_of(guest, 1), 0b011u);
  FakeVulkan::get().importable_usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
  make_buffer(guest, 2);
  EXPECT_EQ(type_bits_of(guest, 2), 0b101u);

  allocate_in_arena(guest, 1, 1, 0);
  guest.settle();
  EXPECT_EQ(FakeVulkan::get().imports, 1u);
  const VkDeviceMemory shadowed = allocate_in_arena(guest, 2, 2, 4096);
  Records map;
  map.add(VIADUCT_TEST_CALL(viaductMapMemory, guest.device(), shadowed, 1), 3);
  guest.send(map);
  EXPECT_FALSE(guest.reply(3).empty());
  EXPECT_EQ(FakeVulkan::get().imports, 1u) << "shadowed memory is the driver's own";
  void* drivers = nullptr;
  auto map_driver = reinterpret_cast<PFN_vkMapMemory>(fake_get_instance_proc_addr(nullptr, "vkMapMemory"));
  map_driver(VkDevice{}, VkDeviceMemory{}, 0, VK_WHOLE_SIZE, 0, &drivers);
  guest.arena()[4096 + 17] = std::byte{0xab};
  guest.submit(1);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_SUCCESS);
  EXPECT_EQ(static_cast<std::byte*>(drivers)[17], std::byte{0xab}) << "carried over at the submission";
  static_cast<std::byte*>(drivers)[17] = std::byte{0};
}

// No timeline semaphores, no second forms of queries, no version but its own.
TEST(Session, ADriverOfVulkan10IsEnough) {
  GuestEnd guest({.api_version = VK_API_VERSION_1_0});
  guest.make_device();
  make_buffer(guest, 5);
  EXPECT_EQ(type_bits_of(guest, 5), 0b11u);
  guest.send(fill_of(5), guest.command_buffer_id());
  guest.submit(1, true);
  EXPECT_EQ(guest.completion(GuestEnd::kSlot, 1), VK_SUCCESS);
  EXPECT_EQ(FakeVulkan::get().live_devices, 1u);
  EXPECT_FALSE(guest.ended());
}

TEST(Session, OneCallAnswersWhatAnApplicationAsksOfAPhysicalDevice) {
  for (const std::uint32_t version : {VK_API_VERSION_1_0, VK_API_VERSION_1_3}) {
    GuestEnd guest({.api_version = version});
    guest.make_device();
    VkPhysicalDeviceMemoryProperties memory{};
    std::uint32_t arena = 0, shadowed = 0, families = 2;
    std::uint64_t alignment = 0;
    VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
    VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
    VkQueueFamilyProperties2 family[2] = {{VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2, nullptr, {}},
                                          {VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2, nullptr, {}}};
    const VkFormat formats[] = {VK_FORMAT_R8_UNORM, VK_FORMAT_D16_UNORM};
    VkFormatProperties2 format[2] = {{VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, nullptr, {}},
                                     {VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, nullptr, {}}};
    Records r;
    r.add(VIADUCT_TEST_CALL(viaductGetPhysicalDeviceInfo, guest.gpu(), &memory, &arena, &shadowed, &alignment,
                            &properties, &features, &families, family, 2, formats, format),
          0);
    guest.send(r);
    const std::vector<std::byte> reply = guest.reply(0);
    protocol::Reader reader(reply);
    ASSERT_TRUE(protocol::read_reply_viaductGetPhysicalDeviceInfo(
        reader, guest.gpu(), &memory, &arena, &shadowed, &alignment, &properties, &features, &families,
        family, 2, formats, format));
    EXPECT_EQ(memory.memoryTypeCount, 2u);
    EXPECT_EQ(arena, 0b10u);
    EXPECT_EQ(shadowed, 0b10u);
    EXPECT_EQ(alignment, 4096u);
    EXPECT_EQ(properties.properties.apiVersion, version);
    EXPECT_TRUE(features.features.geometryShader);
    EXPECT_EQ(families, 1u);
    EXPECT_EQ(family[0].queueFamilyProperties.timestampValidBits, 64u);
    EXPECT_EQ(format[0].formatProperties.optimalTilingFeatures,
              static_cast<std::uint32_t>(VK_FORMAT_R8_UNORM));
    EXPECT_EQ(format[1].formatProperties.optimalTilingFeatures,
              static_cast<std::uint32_t>(VK_FORMAT_D16_UNORM));
  }
}

// Guest and host may be built with different rules: what would be misread is refused instead.
TEST(Session, ACommandWithAnotherWireFormIsNotKnown) {
  GuestEnd guest({.other_form = Command::vkCreateBuffer});
  guest.make_device();
  EXPECT_FALSE(guest.ended());
  make_buffer(guest, 1);
  guest.settle();
  EXPECT_TRUE(guest.ended());
  EXPECT_EQ(guest.finish().end, SessionEnd::kBadData);
}

// An honest guest skips such a struct, so this one is not.
TEST(Session, AStructInTheWrongChainEndsTheSession) {
  GuestEnd guest;
  guest.make_device();
  VkPhysicalDeviceSynchronization2Features misplaced{};
  misplaced.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &misplaced;
  protocol::DispatchableHeader header{nullptr, GuestEnd::id(ObjectType::kDevice, 9)};
  auto device = reinterpret_cast<VkDevice>(&header);
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateDevice, guest.gpu(), &info, nullptr, &device));
  std::uint32_t* const words = reinterpret_cast<std::uint32_t*>(r.bytes.data());
  std::uint32_t* const end = words + r.bytes.size() / sizeof(std::uint32_t);
  std::uint32_t* const chained = std::find(words, end, static_cast<std::uint32_t>(misplaced.sType));
  ASSERT_NE(chained, end);
  // A struct of the same form that extends a queue's creation only.
  *chained = VK_STRUCTURE_TYPE_DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO_KHR;
  guest.send(r);
  guest.settle();
  EXPECT_EQ(guest.finish().end, SessionEnd::kBadData);
  EXPECT_NE(guest.finish().cause.find("does not extend"), std::string::npos) << guest.finish().cause;
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
  const VkDescriptorPoolSize pool_size{VK_DESCRIPTOR_TYPE_MUTABLE_EXT, 4};
  const VkDescriptorType types[] = {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER};
  const VkMutableDescriptorTypeListEXT list{2, types};
  VkMutableDescriptorTypeCreateInfoEXT mutable_types{};
  mutable_types.sType = VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT;
  mutable_types.mutableDescriptorTypeListCount = 1;
  mutable_types.pMutableDescriptorTypeLists = &list;
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  info.pNext = &mutable_types;
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
  EXPECT_EQ(FakeVulkan::get().descriptor_pools, 2u);
  EXPECT_EQ(FakeVulkan::get().mutable_types, 4u) << "the overflow pool lacks what the first was made with";
}

}  // namespace
}  // namespace viaduct::host::testing
