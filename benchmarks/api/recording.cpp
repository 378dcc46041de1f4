// Rows `record` and `threads`: what recording costs, and the whole way of a command.
//
// The draws have no instances, so that the figures are those of the calls and not of shading. A round is
// timed from the reset of the command buffer on: what a driver puts off until then belongs to the command's
// price.
#include <thread>
#include <vector>

#include "api/rows.hpp"
#include "api/small_pass.hpp"

namespace viaduct::bench {
namespace {

constexpr int kCommands = 60000;
constexpr int kRounds = 15;

void bind_push_draw(VkCommandBuffer commands, const SmallPass& pass, int count) {
  float place[4] = {};
  const VkDeviceSize offset = 0;
  for (int i = 0; i < count / 3; ++i) {
    place[0] = static_cast<float>(i);
    vkCmdBindVertexBuffers(commands, 0, 1, &pass.buffer.handle, &offset);
    vkCmdPushConstants(commands, pass.layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof place, place);
    vkCmdDraw(commands, 3, 0, 0, 0);
  }
}

// Twenty kinds of commands, seventeen of them within a render pass.
void mix(VkCommandBuffer commands, const SmallPass& pass, int count) {
  const float place[4] = {}, white[4] = {1, 1, 1, 1};
  const VkDeviceSize offset = 0;
  const VkViewport area{0, 0, SmallPass::kSize, SmallPass::kSize, 0, 1};
  const VkRect2D scissor{{0, 0}, {SmallPass::kSize, SmallPass::kSize}};
  auto barrier = info_of<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_VERTEX_ATTRIBUTE_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT;
  const VkBuffer buffer = pass.buffer.handle;
  for (int i = 0; i < count / 20; ++i) {
    vkCmdFillBuffer(commands, buffer, 1024, 16, 0);
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_VERTEX_INPUT_BIT | VK_PIPELINE_STAGE_VERTEX_SHADER_BIT, 0, 1,
                         &barrier, 0, nullptr, 0, nullptr);
    pass.begin(commands, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pass.layout, 0, 1, &pass.set, 0,
                            nullptr);
    vkCmdBindVertexBuffers(commands, 0, 1, &buffer, &offset);
    vkCmdBindIndexBuffer(commands, buffer, 0, VK_INDEX_TYPE_UINT16);
    vkCmdPushConstants(commands, pass.layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof place, place);
    vkCmdSetViewport(commands, 0, 1, &area);
    vkCmdSetScissor(commands, 0, 1, &scissor);
    vkCmdSetLineWidth(commands, 1.0f);
    vkCmdSetDepthBias(commands, 0, 0, 0);
    vkCmdSetBlendConstants(commands, white);
    vkCmdSetDepthBounds(commands, 0, 1);
    vkCmdSetStencilCompareMask(commands, VK_STENCIL_FACE_FRONT_AND_BACK, 0xff);
    vkCmdSetStencilReference(commands, VK_STENCIL_FACE_FRONT_AND_BACK, 1);
    // Behind the states, which are all the pipeline's own: none may be set between it and a draw.
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pass.pipeline);
    vkCmdDraw(commands, 3, 0, 0, 0);
    vkCmdDrawIndexed(commands, 3, 0, 0, 0, 0);
    vkCmdDrawIndirect(commands, buffer, 0, 0, 16);
    pass.end(commands);
  }
}

struct Costs {
  double record = 0, whole = 0;  // ns a command
};

template <class Record>
Costs measure(Gpu& gpu, Record record) {
  std::vector<double> recording, whole;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    const VkCommandBuffer commands = gpu.begin();
    const auto begun = Clock::now();
    record(commands);
    recording.push_back(nanoseconds_since(begun) / kCommands);
    VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
    gpu.submit_and_wait(commands);
    whole.push_back(nanoseconds_since(start) / kCommands);
  }
  return {percentile(recording, 0.5), percentile(whole, 0.5)};
}

void begin_secondary(VkCommandBuffer commands, const SmallPass& pass) {
  auto inherited = info_of<VkCommandBufferInheritanceInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO);
  inherited.renderPass = pass.pass;
  inherited.framebuffer = pass.framebuffer;
  auto info = info_of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT | VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  info.pInheritanceInfo = &inherited;
  VIADUCT_BENCH_VK(vkBeginCommandBuffer(commands, &info));
}

// One secondary command buffer with a pool of its own.
struct Part {
  VkCommandPool pool;
  VkCommandBuffer commands;
};

std::vector<Part> make_parts(Gpu& gpu, int count) {
  std::vector<Part> parts;
  for (int i = 0; i < count; ++i) {
    const VkCommandPool pool = gpu.command_pool();
    parts.push_back({pool, gpu.command_buffer(pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY)});
  }
  return parts;
}

void record_part(Gpu& gpu, const SmallPass& pass, const Part& part, int count) {
  VIADUCT_BENCH_VK(vkResetCommandPool(gpu.device, part.pool, 0));
  begin_secondary(part.commands, pass);
  vkCmdBindPipeline(part.commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pass.pipeline);
  bind_push_draw(part.commands, pass, count);
  VIADUCT_BENCH_VK(vkEndCommandBuffer(part.commands));
}

void execute_parts(Gpu& gpu, const SmallPass& pass, const std::vector<Part>& parts) {
  std::vector<VkCommandBuffer> handles;
  for (const Part& part : parts) handles.push_back(part.commands);
  const VkCommandBuffer commands = gpu.begin();
  pass.begin(commands, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
  vkCmdExecuteCommands(commands, static_cast<uint32_t>(handles.size()), handles.data());
  pass.end(commands);
  VIADUCT_BENCH_VK(vkEndCommandBuffer(commands));
  gpu.submit_and_wait(commands);
}

// Millions of commands a second, from the first thread's start to the end of their execution.
double threads_rate(Gpu& gpu, const SmallPass& pass, int count) {
  const std::vector<Part> parts = make_parts(gpu, count);
  std::vector<double> rates;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    std::vector<std::jthread> threads;
    for (const Part& part : parts)
      threads.emplace_back([&] { record_part(gpu, pass, part, kCommands / count); });
    threads.clear();
    execute_parts(gpu, pass, parts);
    rates.push_back(kCommands / nanoseconds_since(start) * 1e3);
  }
  return percentile(rates, 0.5);
}

}  // namespace

void measure_recording() {
  Gpu gpu;
  const SmallPass pass(gpu);
  const Costs few = measure(gpu, [&](VkCommandBuffer commands) {
    pass.begin(commands, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pass.pipeline);
    bind_push_draw(commands, pass, kCommands);
    pass.end(commands);
  });
  put("record_ns", few.record);
  put("whole_ns", few.whole);
  const Costs many = measure(gpu, [&](VkCommandBuffer commands) { mix(commands, pass, kCommands); });
  put("mix_record_ns", many.record);
  put("mix_whole_ns", many.whole);
  const std::vector<Part> parts = make_parts(gpu, 20);
  put("secondary_ns", median_of(kRounds, 1, [&] {
                        for (const Part& part : parts) record_part(gpu, pass, part, kCommands / 20);
                        execute_parts(gpu, pass, parts);
                      }) / kCommands);
}

void measure_threads() {
  Gpu gpu;
  const SmallPass pass(gpu);
  const double one = threads_rate(gpu, pass, 1);
  put("threads_1", one);
  put("threads_2", threads_rate(gpu, pass, 2));
  const double four = threads_rate(gpu, pass, 4);
  put("threads_4", four);
  if (std::thread::hardware_concurrency() >= 4)
    put("threads_gain", four / one);
  else
    skip("threads_gain", "the machine has fewer than 4 cores");
  put("threads_8", threads_rate(gpu, pass, 8));
}

}  // namespace viaduct::bench
