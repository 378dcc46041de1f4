#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/instanced_vert.h"
#include "shaders/make_commands_comp.h"
#include "shaders/specialized_comp.h"

using namespace pixels;

namespace {

constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;

struct IndirectScene {
  explicit IndirectScene(Context& ctx) : canvas(ctx) {
    auto options = canvas.options(k_instanced_vert, k_color_frag);
    options.instance_input = true;
    pipeline = ctx.pipeline(options);
    vertices = vertex_buffer(ctx, pinwheel(4));
    auto grid = instance_grid(40);
    instances = ctx.buffer(grid.size() * 4, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    ctx.upload(instances, grid.data(), grid.size() * 4);
  }
  void bind(VkCommandBuffer cb) const {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    bind_vertices(cb, instances, 1);
  }
  Canvas canvas;
  VkPipeline pipeline;
  Buffer vertices, instances;
};

}  // namespace

PIXELS_CASE(indirect, "indirect draws, indexed ones with a stride, and an indirect dispatch") {
  Context ctx;
  require(ctx.features.multiDrawIndirect && ctx.features.drawIndirectFirstInstance, "multi-draw indirect");
  IndirectScene scene(ctx);
  VkDrawIndirectCommand draws[] = {{12, 3, 0, 0}, {3, 2, 3, 4}, {6, 4, 6, 8}};
  struct Padded {
    VkDrawIndexedIndirectCommand draw;
    uint32_t pad[3];
  } indexed[] = {{{6, 2, 1, 0, 12}, {}}, {{3, 4, 0, 3, 16}, {}}};
  uint16_t indices[] = {0, 1, 2, 0, 4, 5, 0, 7, 8, 0};
  Buffer draw_buffer = ctx.buffer(sizeof draws, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
  Buffer indexed_buffer = ctx.buffer(sizeof indexed, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, Residency::kHost);
  Buffer index_buffer = ctx.buffer(sizeof indices, VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  ctx.upload(draw_buffer, draws, sizeof draws);
  ctx.upload(indexed_buffer, indexed, sizeof indexed);
  ctx.upload(index_buffer, indices, sizeof indices);
  scene.canvas.draw([&](VkCommandBuffer cb) {
    scene.bind(cb);
    vkCmdDrawIndirect(cb, draw_buffer.handle, 0, 3, sizeof(VkDrawIndirectCommand));
    vkCmdBindIndexBuffer(cb, index_buffer.handle, 0, VK_INDEX_TYPE_UINT16);
    vkCmdDrawIndexedIndirect(cb, indexed_buffer.handle, 0, 2, sizeof(Padded));
  });
  out.add(scene.canvas.pixels());

  std::vector<Binding> bindings = {{0, kStorage}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  Buffer target = ctx.buffer(32 * 6 * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  ctx.write_buffer(set, 0, kStorage, target);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  uint32_t size = 32;
  VkSpecializationMapEntry entry{0, 0, 4};
  VkSpecializationInfo constants{1, &entry, 4, &size};
  VkPipeline compute = ctx.compute(k_specialized_comp, layout, &constants);
  VkDispatchIndirectCommand dispatch{5, 1, 1};
  Buffer dispatch_buffer = ctx.buffer(sizeof dispatch, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
  ctx.upload(dispatch_buffer, &dispatch, sizeof dispatch);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, target.handle, 0, VK_WHOLE_SIZE, 0);
    barrier(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, compute);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    vkCmdDispatchIndirect(cb, dispatch_buffer.handle, 0);
    barrier(cb);
  });
  out.add(ctx.read(target));
}

PIXELS_CASE(indirect_count, "draws and their count written by a compute shader") {
  Context ctx;
  require(ctx.features12.drawIndirectCount && ctx.features.drawIndirectFirstInstance, "drawIndirectCount");
  IndirectScene scene(ctx);
  std::vector<Binding> bindings = {{0, kStorage}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  Buffer commands =
      ctx.buffer(16 + 16 * 16, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
  ctx.write_buffer(set, 0, kStorage, commands);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline compute = ctx.compute(k_make_commands_comp, layout);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, commands.handle, 0, VK_WHOLE_SIZE, 0);
    barrier(cb);
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, compute);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
    vkCmdDispatch(cb, 16, 1, 1);
    barrier(cb);
    scene.canvas.begin(cb);
    scene.bind(cb);
    vkCmdDrawIndirectCount(cb, commands.handle, 16, commands.handle, 0, 16, 16);
    vkCmdEndRenderPass(cb);
  });
  out.add(scene.canvas.pixels());
  out.add(ctx.read(commands));
}
