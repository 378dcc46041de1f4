// Good sessions with bytes changed, records repeated and spans in the wrong order, through the whole worker:
// ring, executor, objects, completions. Whatever happens, the session ends in order and the process lives
// (the sanitizers look on). The same inputs everywhere; VIADUCT_FUZZ_SECONDS lets it run on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "tests/unit/host/guest_end.hpp"

namespace viaduct::host::testing {
namespace {

struct SpanBytes {
  std::vector<std::byte> bytes;
  bool recorded = false;
};

Records memory_records(GuestEnd& guest) {
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.allocationSize = 5000;
  info.memoryTypeIndex = 1;
  auto arena = GuestEnd::handle<VkDeviceMemory>(ObjectType::kDeviceMemory, 1);
  auto local = GuestEnd::handle<VkDeviceMemory>(ObjectType::kDeviceMemory, 2);
  Records r;
  r.add(VIADUCT_TEST_CALL(viaductAllocateArenaMemory, guest.device(), &info, GuestEnd::kLayout.arena_offset(),
                          8192, &arena));
  info.memoryTypeIndex = 0;
  r.add(VIADUCT_TEST_CALL(vkAllocateMemory, guest.device(), &info, nullptr, &local), 4);
  r.add(VIADUCT_TEST_CALL(viaductMapMemory, guest.device(), arena, 1), 5);
  r.add(VIADUCT_TEST_CALL(viaductMapMemory, guest.device(), arena, 0));
  r.add(VIADUCT_TEST_CALL(vkFreeMemory, guest.device(), arena, nullptr));
  return r;
}

Records descriptor_records(GuestEnd& guest) {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 4};
  VkDescriptorPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool_info.maxSets = 4;
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorSetLayoutCreateInfo layout_info{};
  layout_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  auto pool = GuestEnd::handle<VkDescriptorPool>(ObjectType::kDescriptorPool);
  auto layout = GuestEnd::handle<VkDescriptorSetLayout>(ObjectType::kDescriptorSetLayout);
  const VkDescriptorSetLayout layouts[] = {layout, layout};
  VkDescriptorSetAllocateInfo sets_info{};
  sets_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  sets_info.descriptorPool = pool;
  sets_info.descriptorSetCount = 2;
  sets_info.pSetLayouts = layouts;
  VkDescriptorSet sets[] = {GuestEnd::handle<VkDescriptorSet>(ObjectType::kDescriptorSet, 1),
                            GuestEnd::handle<VkDescriptorSet>(ObjectType::kDescriptorSet, 2)};
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateDescriptorPool, guest.device(), &pool_info, nullptr, &pool));
  r.add(VIADUCT_TEST_CALL(vkCreateDescriptorSetLayout, guest.device(), &layout_info, nullptr, &layout));
  r.add(VIADUCT_TEST_CALL(vkAllocateDescriptorSets, guest.device(), &sets_info, sets));
  r.add(VIADUCT_TEST_CALL(vkFreeDescriptorSets, guest.device(), pool, 1, sets));
  r.add(VIADUCT_TEST_CALL(vkResetDescriptorPool, guest.device(), pool, 0));
  r.add(VIADUCT_TEST_CALL(vkDestroyDescriptorPool, guest.device(), pool, nullptr));
  return r;
}

Records wait_records(GuestEnd& guest) {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  auto semaphore = GuestEnd::handle<VkSemaphore>(ObjectType::kSemaphore);
  const std::uint64_t value = 3;
  VkSemaphoreWaitInfo wait{};
  wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  wait.semaphoreCount = 1;
  wait.pSemaphores = &semaphore;
  wait.pValues = &value;
  VkSemaphoreSignalInfo signal{};
  signal.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO;
  signal.semaphore = semaphore;
  signal.value = value;
  Records r;
  r.add(VIADUCT_TEST_CALL(vkCreateSemaphore, guest.device(), &info, nullptr, &semaphore));
  r.add(VIADUCT_TEST_CALL(vkWaitSemaphores, guest.device(), &wait, UINT64_MAX), 6);
  r.add(VIADUCT_TEST_CALL(vkSignalSemaphore, guest.device(), &signal));
  return r;
}

std::vector<SpanBytes> good_session(GuestEnd& guest) {
  VkBufferCreateInfo buffer_info{};
  buffer_info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  buffer_info.size = 4096;
  auto buffer = GuestEnd::handle<VkBuffer>(ObjectType::kBuffer);
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  const VkCommandBuffer commands = guest.command_buffer();
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  Records buffers;
  buffers.add(VIADUCT_TEST_CALL(vkCreateBuffer, guest.device(), &buffer_info, nullptr, &buffer));
  Records recorded;
  recorded.add(VIADUCT_TEST_CALL(vkBeginCommandBuffer, &begin));
  recorded.add(VIADUCT_TEST_CALL(vkCmdFillBuffer, buffer, 0, VK_WHOLE_SIZE, 7));
  recorded.add(Command::vkEndCommandBuffer, [](auto&) {});
  Records submitted;
  submitted.add(VIADUCT_TEST_CALL(viaductQueueSubmit, guest.queue(), 1, &submit, 1));
  submitted.add(VIADUCT_TEST_CALL(viaductPresent, guest.queue()));
  Records last;
  last.add(VIADUCT_TEST_CALL(vkFreeCommandBuffers, guest.device(),
                             GuestEnd::handle<VkCommandPool>(ObjectType::kCommandPool), 1, &commands));
  last.add(VIADUCT_TEST_CALL(vkDestroyDevice, guest.device(), nullptr));
  last.add(VIADUCT_TEST_CALL(vkDestroyInstance, guest.instance(), nullptr));
  return {{guest.device_records().bytes, false},
          {buffers.bytes, false},
          {recorded.bytes, true},
          {submitted.bytes, false},
          {memory_records(guest).bytes, false},
          {descriptor_records(guest).bytes, false},
          {wait_records(guest).bytes, false},
          {last.bytes, false}};
}

void spoil(std::vector<SpanBytes>& spans, std::minstd_rand& random) {
  static constexpr std::uint32_t kTelling[] = {0, 1, 2, 7, 8, 64, 0x7fffffff, 0x80000000, 0xffffffff};
  for (std::uint32_t changes = 1 + random() % 4; changes != 0; --changes) {
    SpanBytes& span = spans[random() % spans.size()];
    std::uint32_t* const words = reinterpret_cast<std::uint32_t*>(span.bytes.data());
    const std::size_t count = span.bytes.size() / 4;
    switch (random() % 6) {
      case 0:
        words[random() % count] ^= 1u << (random() % 32);
        break;
      case 1:
        words[random() % count] = kTelling[random() % std::size(kTelling)];
        break;
      case 2:
        words[random() % count] = words[random() % count];
        break;
      case 3:
        std::swap(span, spans[random() % spans.size()]);
        break;
      case 4:
        span.recorded = !span.recorded;
        break;
      default:
        spans.push_back(spans[random() % spans.size()]);
        break;
    }
  }
}

// Plays the spans; true if the worker called them bad.
bool play(const std::vector<SpanBytes>& spans, GuestEnd& guest) {
  for (const SpanBytes& span : spans) {
    guest.send_raw(span.bytes, span.recorded ? guest.command_buffer_id() : 0);
  }
  guest.settle();
  const bool ended = guest.ended();
  const SessionOutcome& outcome = guest.finish();
  EXPECT_EQ(outcome.end, ended ? SessionEnd::kBadData : SessionEnd::kGuestGone);
  EXPECT_EQ(ended, outcome.cause.find("bad data") == 0);
  return ended;
}

TEST(SessionFuzz, AGoodSessionIsGood) {
  GuestEnd guest;
  EXPECT_FALSE(play(good_session(guest), guest));
  EXPECT_EQ(FakeVulkan::get().fills, 1u);
  EXPECT_EQ(FakeVulkan::get().submits, 1u);
  EXPECT_EQ(FakeVulkan::get().live_devices, 0u);
}

TEST(SessionFuzz, SpoiledSessionsEndInOrder) {
  log_configure_for_test("off", 2);
  const char* seconds = std::getenv("VIADUCT_FUZZ_SECONDS");
  const Deadline deadline = Deadline::after_ms(seconds != nullptr ? std::atoi(seconds) * 1000 : 0);
  std::minstd_rand random(1);
  int bad = 0;
  for (int round = 0; round < 200 || !deadline.expired(); ++round) {
    GuestEnd guest;
    std::vector<SpanBytes> spans = good_session(guest);
    spoil(spans, random);
    bad += play(spans, guest) ? 1 : 0;
  }
  EXPECT_GT(bad, 20) << "the changes must matter";
}

}  // namespace
}  // namespace viaduct::host::testing
