#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/mesh_vert.h"

using namespace pixels;

namespace {

VkQueryPool query_pool(Context& ctx, VkQueryType type, uint32_t count,
                       VkQueryPipelineStatisticFlags statistics = 0) {
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = type;
  info.queryCount = count;
  info.pipelineStatistics = statistics;
  VkQueryPool pool;
  PIXELS_VK(vkCreateQueryPool(ctx.device, &info, nullptr, &pool));
  ctx.defer([&ctx, pool] { vkDestroyQueryPool(ctx.device, pool, nullptr); });
  return pool;
}

}  // namespace

PIXELS_CASE(occlusion_query,
            "precise occlusion counts by host read, with availability, and copied on the device") {
  Context ctx;
  require(ctx.features.occlusionQueryPrecise, "precise occlusion queries");
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(6));
  VkQueryPool pool = query_pool(ctx, VK_QUERY_TYPE_OCCLUSION, 4);
  Buffer copied = ctx.buffer(4 * 8, 0);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdResetQueryPool(cb, pool, 0, 4);
    canvas.begin(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    for (uint32_t i = 0; i < 4; ++i) {
      vkCmdBeginQuery(cb, pool, i, VK_QUERY_CONTROL_PRECISE_BIT);
      canvas.place(cb, {{0, 0}, {0.2f * static_cast<float>(i), 0.3f}});
      if (i != 3) vkCmdDraw(cb, 18, 1, 0, 0);
      vkCmdEndQuery(cb, pool, i);
    }
    vkCmdEndRenderPass(cb);
    vkCmdCopyQueryPoolResults(cb, pool, 0, 4, copied.handle, 0, 8,
                              VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
    barrier(cb);
  });
  uint64_t results[4][2];
  PIXELS_VK(vkGetQueryPoolResults(
      ctx.device, pool, 0, 4, sizeof results, results, 16,
      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
  Bytes device = ctx.read(copied);
  for (int i = 0; i < 4; ++i) {
    uint64_t value;
    std::memcpy(&value, &device[static_cast<std::size_t>(i) * 8], 8);
    expect(results[i][1] != 0, "a waited-for query is available");
    expect(value == results[i][0], "the device's copy is what the host reads");
  }
  expect(results[0][0] == 0 && results[3][0] == 0, "nothing drawn counts nothing");
  expect(results[2][0] > results[1][0] && results[1][0] > 0, "more drawn counts more");
  out.add(results, sizeof results);
  out.add(canvas.pixels());
}

PIXELS_CASE(statistics_query, "pipeline statistics of a draw") {
  Context ctx;
  require(ctx.features.pipelineStatisticsQuery, "pipeline statistics queries");
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(6));
  VkQueryPool pool = query_pool(ctx, VK_QUERY_TYPE_PIPELINE_STATISTICS, 1,
                                VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_VERTICES_BIT |
                                    VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_PRIMITIVES_BIT |
                                    VK_QUERY_PIPELINE_STATISTIC_CLIPPING_PRIMITIVES_BIT);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdResetQueryPool(cb, pool, 0, 1);
    canvas.begin(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    canvas.place(cb, {{0, 0}, {0.5f, 0.5f}});
    vkCmdBeginQuery(cb, pool, 0, 0);
    vkCmdDraw(cb, 18, 2, 0, 0);
    vkCmdEndQuery(cb, pool, 0);
    vkCmdEndRenderPass(cb);
  });
  uint64_t results[3] = {};
  PIXELS_VK(vkGetQueryPoolResults(ctx.device, pool, 0, 1, sizeof results, results, sizeof results,
                                  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
  expect(results[0] == 36 && results[1] == 12, "36 vertices make 12 triangles");
  out.add(results, sizeof results);
}

PIXELS_CASE(timestamps, "timestamps grow; an unwritten one is VK_NOT_READY; the host can reset them") {
  Context ctx;
  uint32_t families = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(ctx.physical, &families, nullptr);
  std::vector<VkQueueFamilyProperties> properties(families);
  vkGetPhysicalDeviceQueueFamilyProperties(ctx.physical, &families, properties.data());
  require(properties[ctx.family].timestampValidBits != 0, "timestamps");
  require(ctx.features12.hostQueryReset, "host query reset");
  VkQueryPool pool = query_pool(ctx, VK_QUERY_TYPE_TIMESTAMP, 3);
  vkResetQueryPool(ctx.device, pool, 0, 3);
  Buffer buffer = ctx.buffer(1 << 20, 0);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdWriteTimestamp(cb, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, pool, 0);
    vkCmdFillBuffer(cb, buffer.handle, 0, VK_WHOLE_SIZE, 1);
    barrier(cb);
    vkCmdWriteTimestamp(cb, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, 1);
  });
  uint64_t times[2];
  PIXELS_VK(vkGetQueryPoolResults(ctx.device, pool, 0, 2, sizeof times, times, 8, VK_QUERY_RESULT_64_BIT));
  expect(times[1] >= times[0] && times[1] != 0, "time does not run backwards");
  uint64_t with[2] = {77, 77};
  VkResult result = vkGetQueryPoolResults(ctx.device, pool, 2, 1, sizeof with, with, 16,
                                          VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
  expect(result == VK_NOT_READY && with[1] == 0, "an unwritten query is not available");
  vkResetQueryPool(ctx.device, pool, 0, 2);
  result = vkGetQueryPoolResults(ctx.device, pool, 0, 2, sizeof times, times, 8, VK_QUERY_RESULT_64_BIT);
  expect(result == VK_NOT_READY, "a reset query is not ready");
  out.value<uint64_t>(0x74696d65);
}
