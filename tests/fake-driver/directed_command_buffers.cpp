// Command pools and command buffers, which live through allocation, recording, reset and their pool's end.
#include <cstring>

#include "generated/protocol/args.hpp"
#include "protocol/wire/object_id.hpp"
#include "tests/fake-driver/guest_directed.hpp"

namespace viaduct::fake {
namespace {

using protocol::handle_bits;

VkCommandPool make_pool(Guest& guest, Check& check, uint64_t seed) {
  Args args(guest, subject_of("vkCreateCommandPool"), seed);
  check.same(args);
  const VkCommandPool pool = *args.passed<protocol::vkCreateCommandPool_args>().pCommandPool;
  guest.forget(protocol::ObjectType::kCommandPool, handle_bits(pool));
  return pool;
}

std::vector<VkCommandBuffer> allocate_buffers(Guest& guest, Check& check, VkCommandPool pool,
                                              VkCommandBufferLevel level) {
  const VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool, level,
                                         3};
  std::vector<VkCommandBuffer> buffers(3);
  protocol::ObjectId ids[3] = {};
  Args args(guest, subject_of("vkAllocateCommandBuffers"), 1);
  args.both<protocol::vkAllocateCommandBuffers_args>([&](auto& a) {
    a.pAllocateInfo = &info;
    a.pCommandBuffers = buffers.data();
    a.pCommandBuffers_ids = ids;
  });
  check.log();
  args.call(guest.find("vkAllocateCommandBuffers"));
  const std::vector<LoggedCall> calls = check.log();
  const LoggedCall* logged = find_last(calls, "vkAllocateCommandBuffers");
  check.same(args, logged);
  check.that(logged != nullptr && logged->handles.size() == buffers.size(), "three command buffers");
  for (std::size_t i = 0; logged != nullptr && i < logged->handles.size(); ++i) {
    guest.know(handle_bits(buffers[i]), logged->handles[i]);
  }
  return buffers;
}

// Begin, end and reset of one command buffer, each with arguments of chance.
void record(Guest& guest, Check& check, VkCommandBuffer buffer, bool primary, uint64_t seed) {
  VkCommandBufferInheritanceInfo garbage;
  std::memset(&garbage, 0xee, sizeof(garbage));
  Args begin(guest, subject_of("vkBeginCommandBuffer"), seed);
  check.that(!begin.missing(), "no render pass or framebuffer to inherit");
  begin.both<protocol::vkBeginCommandBuffer_args>([&](auto& a) {
    a.commandBuffer = buffer;
    if (primary) mine(a.pBeginInfo).pInheritanceInfo = nullptr;
  });
  begin.expected_inputs();
  // What a primary command buffer has no use for may be anything.
  if (primary)
    mine(begin.passed<protocol::vkBeginCommandBuffer_args>().pBeginInfo).pInheritanceInfo = &garbage;
  begin.call(guest.find("vkBeginCommandBuffer"));
  if (primary)
    mine(begin.passed<protocol::vkBeginCommandBuffer_args>().pBeginInfo).pInheritanceInfo = nullptr;
  Args end(guest, subject_of("vkEndCommandBuffer"), seed);
  end.both<protocol::vkEndCommandBuffer_args>([&](auto& a) { a.commandBuffer = buffer; });
  end.call(guest.find("vkEndCommandBuffer"));
  Args reset(guest, subject_of("vkResetCommandBuffer"), seed);
  reset.both<protocol::vkResetCommandBuffer_args>([&](auto& a) { a.commandBuffer = buffer; });
  reset.call(guest.find("vkResetCommandBuffer"));
  const std::vector<LoggedCall> calls = check.log();
  check.same(begin, find_last(calls, "vkBeginCommandBuffer"));
  check.same(end, find_last(calls, "vkEndCommandBuffer"));
  check.same(reset, find_last(calls, "vkResetCommandBuffer"));
}

// The host frees one at a time, because its driver's pool must not hear of names that it does not know.
void free_buffers(Guest& guest, Check& check, VkCommandPool pool, std::vector<VkCommandBuffer> buffers) {
  check.log();
  std::vector<VkCommandBuffer> asked = buffers;
  asked.push_back(VK_NULL_HANDLE);
  guest.get<PFN_vkFreeCommandBuffers>("vkFreeCommandBuffers")(
      guest.device, pool, static_cast<uint32_t>(asked.size()), asked.data());
  const std::vector<LoggedCall> calls = check.log();
  check.that(count_calls(calls, "vkFreeCommandBuffers") == buffers.size(), "each buffer is freed once");
  for (std::size_t i = 0; i < calls.size() && i < buffers.size(); ++i) {
    Args args(guest, subject_of("vkFreeCommandBuffers"), 1);
    args.both<protocol::vkFreeCommandBuffers_args>([&](auto& a) {
      a.commandPool = pool;
      a.commandBufferCount = 1;
      a.pCommandBuffers = &buffers[i];
    });
    check.same(args, &calls[i]);
  }
}

void lives(Guest& guest, Check& check) {
  const VkCommandPool pool = make_pool(guest, check, 3);
  const std::vector<VkCommandBuffer> primaries =
      allocate_buffers(guest, check, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
  const std::vector<VkCommandBuffer> secondaries =
      allocate_buffers(guest, check, pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
  for (uint64_t seed = 1; seed < 24; ++seed) {
    record(guest, check, primaries[seed % 3], true, seed);
    record(guest, check, secondaries[seed % 3], false, seed);
  }
  free_buffers(guest, check, pool, primaries);

  Args reset(guest, subject_of("vkResetCommandPool"), 5);
  reset.both<protocol::vkResetCommandPool_args>([&](auto& a) { a.commandPool = pool; });
  check.same(reset);
  Args end(guest, subject_of("vkDestroyCommandPool"), 6);
  end.both<protocol::vkDestroyCommandPool_args>([&](auto& a) { a.commandPool = pool; });
  check.same(end);
}

}  // namespace

std::vector<Case> command_buffer_cases() {
  return {{{"vkAllocateCommandBuffers", "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer",
            "vkFreeCommandBuffers", "vkResetCommandPool", "vkDestroyCommandPool"},
           lives}};
}

}  // namespace viaduct::fake
