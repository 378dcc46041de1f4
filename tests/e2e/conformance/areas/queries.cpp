// query_pool.*: results in every form, availability, host reset; of occlusion-free kinds that every driver
// has.
#include <thread>

#include "area.hpp"

using namespace conformance;

namespace {

VkQueryPool make_pool(Context& ctx, VkQueryType type, uint32_t count) {
  const VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, nullptr, 0, type, count};
  VkQueryPool pool = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateQueryPool(ctx.device, &info, nullptr, &pool));
  ctx.defer([&ctx, pool] { vkDestroyQueryPool(ctx.device, pool, nullptr); });
  return pool;
}

// Words that a result did not touch keep the pattern.
void read(Context& ctx, const char* what, VkQueryPool pool, uint32_t first, uint32_t count,
          VkDeviceSize stride, VkQueryResultFlags flags) {
  std::vector<uint32_t> words(64, 0xa5a5a5a5);
  const bool wide = (flags & VK_QUERY_RESULT_64_BIT) != 0;
  const size_t values = (flags & VK_QUERY_RESULT_WITH_AVAILABILITY_BIT) != 0 ? 2 : 1;
  const size_t size = stride * (count - 1) + values * (wide ? 8 : 4);
  const VkResult result =
      vkGetQueryPoolResults(ctx.device, pool, first, count, size, words.data(), stride, flags);
  std::string line;
  for (size_t i = 0; i < size / 4 + 2; ++i)
    line += words[i] == 0xa5a5a5a5 ? " -" : " " + std::to_string(words[i]);
  say("%s: %s%s", what, name(result), line.c_str());
}

void occlusion(Context& ctx) {
  const VkQueryPool pool = make_pool(ctx, VK_QUERY_TYPE_OCCLUSION, 4);
  ctx.submit([&](VkCommandBuffer commands) { vkCmdResetQueryPool(commands, pool, 0, 4); });
  read(ctx, "reset", pool, 0, 4, 4, 0);
  read(ctx, "reset, availability", pool, 0, 4, 8, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
  read(ctx, "reset, partial, 64 bits", pool, 0, 2, 24, VK_QUERY_RESULT_PARTIAL_BIT | VK_QUERY_RESULT_64_BIT);
  ctx.submit([&](VkCommandBuffer commands) {
    for (uint32_t query : {0u, 2u}) {
      vkCmdBeginQuery(commands, pool, query, 0);
      vkCmdEndQuery(commands, pool, query);
    }
  });
  read(ctx, "two of four", pool, 0, 4, 8, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
  read(ctx, "one", pool, 2, 1, 0, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  read(ctx, "one, wide, with a stride", pool, 0, 1, 48,
       VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
  if (!ctx.features12.hostQueryReset) return;
  vkResetQueryPool(ctx.device, pool, 0, 3);
  read(ctx, "reset by the host", pool, 0, 4, 8, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
}

void timestamps(Context& ctx) {
  const VkQueryPool pool = make_pool(ctx, VK_QUERY_TYPE_TIMESTAMP, 3);
  ctx.submit([&](VkCommandBuffer commands) {
    vkCmdResetQueryPool(commands, pool, 0, 3);
    for (uint32_t i = 0; i < 3; ++i)
      vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, pool, i);
  });
  uint64_t times[3] = {};
  const VkResult result = vkGetQueryPoolResults(ctx.device, pool, 0, 3, sizeof(times), times, 8,
                                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  say("timestamps: %s, in order %d", name(result),
      times[0] <= times[1] && times[1] <= times[2] && times[0] != 0);
}

// A thread asks for the result while the device waits for another thread.
void polled_while_waiting(Context& ctx) {
  const VkQueryPool pool = make_pool(ctx, VK_QUERY_TYPE_OCCLUSION, 1);
  const VkEvent event = ctx.event();
  const VkCommandBuffer commands = ctx.command_buffer(ctx.pool);
  pixels::begin(commands);
  vkCmdResetQueryPool(commands, pool, 0, 1);
  vkCmdWaitEvents(commands, 1, &event, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0,
                  nullptr, 0, nullptr, 0, nullptr);
  vkCmdBeginQuery(commands, pool, 0, 0);
  vkCmdEndQuery(commands, pool, 0);
  PIXELS_VK(vkEndCommandBuffer(commands));
  VkSubmitInfo submission{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submission.commandBufferCount = 1;
  submission.pCommandBuffers = &commands;
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &submission, VK_NULL_HANDLE));
  std::thread poller([&] {
    uint32_t value = 0;
    const VkResult result = vkGetQueryPoolResults(ctx.device, pool, 0, 1, sizeof(value), &value, 4, 0);
    must(result == VK_NOT_READY || result == VK_SUCCESS, "a polled query: %s", name(result));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  say_result("the host lets the device go on", vkSetEvent(ctx.device, event));
  poller.join();
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  read(ctx, "after that", pool, 0, 1, 4, 0);
}

CONFORMANCE_AREA(queries) {
  Context ctx;
  occlusion(ctx);
  timestamps(ctx);
  polled_while_waiting(ctx);
}

}  // namespace
