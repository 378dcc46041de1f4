// Rows `growth`: how much more a call costs when there is much of everything. 1 is what they should show.
#include <vector>

#include "api/rows.hpp"
#include "api/small_pass.hpp"

namespace viaduct::bench {
namespace {

// ns a command, from the reset of the command buffer to the end of its execution.
double command_cost(Gpu& gpu, const SmallPass& pass, int count, int rounds) {
  return median_of(rounds, 1,
                   [&] {
                     const VkCommandBuffer commands = gpu.begin();
                     pass.begin(commands, VK_SUBPASS_CONTENTS_INLINE);
                     vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pass.pipeline);
                     const float place[4] = {};
                     vkCmdPushConstants(commands, pass.layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof place,
                                        place);
                     for (int i = 0; i < count; ++i) vkCmdDraw(commands, 3, 0, 0, 0);
                     pass.end(commands);
                     VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
                     gpu.submit_and_wait(commands);
                   }) /
         count;
}

VkBuffer create_buffer(Gpu& gpu) {
  auto info = info_of<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = 4096;
  info.usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
  VkBuffer buffer;
  VIADUCT_BENCH_VK(vkCreateBuffer(gpu.device, &info, nullptr, &buffer));
  return buffer;
}

// ns to create and destroy a buffer while `live` others exist.
double object_cost(Gpu& gpu, std::size_t live) {
  std::vector<VkBuffer> buffers;
  while (buffers.size() < live) buffers.push_back(create_buffer(gpu));
  gpu.submit_and_wait(VK_NULL_HANDLE);  // the posted ones are there
  const double cost = median_of(20, 2000, [&] { vkDestroyBuffer(gpu.device, create_buffer(gpu), nullptr); });
  for (VkBuffer buffer : buffers) vkDestroyBuffer(gpu.device, buffer, nullptr);
  return cost;
}

}  // namespace

void measure_growth() {
  Gpu gpu;
  const SmallPass pass(gpu);
  constexpr int kFew = 20'000, kMany = 2'000'000;
  const double few = command_cost(gpu, pass, kFew, 25);
  put("growth_commands", command_cost(gpu, pass, kMany, 3) / few);
  const double alone = object_cost(gpu, 10);
  put("growth_objects", object_cost(gpu, 100'000) / alone);
}

}  // namespace viaduct::bench
