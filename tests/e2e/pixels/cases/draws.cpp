#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/instanced_vert.h"
#include "shaders/mesh_vert.h"

using namespace pixels;

PIXELS_CASE(draw, "plain and indexed draws with 16-bit and 32-bit indices, vertex offsets and a scissor") {
  Context ctx;
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  auto mesh = pinwheel(8);
  Buffer vertices = vertex_buffer(ctx, mesh);
  std::vector<uint16_t> small = {0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20};
  std::vector<uint32_t> large = {0, 4, 5, 3, 1, 11, 9, 10, 20};
  Buffer indices16 = ctx.buffer(small.size() * 2, VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  Buffer indices32 = ctx.buffer(large.size() * 4 + 16, VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  ctx.upload(indices16, small.data(), small.size() * 2);
  large.insert(large.begin(), 4, 0);
  ctx.upload(indices32, large.data(), large.size() * 4);
  canvas.draw([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    canvas.place(cb, {{-0.5f, -0.5f}, {0.45f, 0.45f}});
    vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    canvas.place(cb, {{0.5f, -0.5f}, {0.45f, 0.45f}, {1, 0.5f, 1, 1}});
    vkCmdBindIndexBuffer(cb, indices16.handle, 0, VK_INDEX_TYPE_UINT16);
    vkCmdDrawIndexed(cb, 12, 1, 0, 3, 0);
    canvas.place(cb, {{-0.5f, 0.5f}, {0.45f, -0.45f}});
    vkCmdBindIndexBuffer(cb, indices32.handle, 16, VK_INDEX_TYPE_UINT32);
    vkCmdDrawIndexed(cb, 9, 1, 0, 0, 0);
    canvas.place(cb, {{0.5f, 0.5f}, {0.6f, 0.6f}, {0.5f, 1, 0.5f, 1}});
    VkRect2D scissor{{70, 70}, {40, 50}};
    vkCmdSetScissor(cb, 0, 1, &scissor);
    vkCmdDraw(cb, 12, 1, 6, 0);
  });
  out.add(canvas.pixels());
}

PIXELS_CASE(instanced, "instanced draws with a per-instance binding and a first instance") {
  Context ctx;
  Canvas canvas(ctx);
  auto options = canvas.options(k_instanced_vert, k_color_frag);
  options.instance_input = true;
  VkPipeline pipeline = ctx.pipeline(options);
  auto mesh = pinwheel(5);
  Buffer vertices = vertex_buffer(ctx, mesh);
  auto grid = instance_grid(25);
  Buffer instances = ctx.buffer(grid.size() * 4, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  ctx.upload(instances, grid.data(), grid.size() * 4);
  canvas.draw([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    VkBuffer buffers[] = {vertices.handle, instances.handle};
    VkDeviceSize offsets[] = {0, 0};
    vkCmdBindVertexBuffers(cb, 0, 2, buffers, offsets);
    vkCmdDraw(cb, static_cast<uint32_t>(mesh.size()), 12, 0, 0);
    vkCmdDraw(cb, 9, 10, 3, 13);
  });
  out.add(canvas.pixels());
}

PIXELS_CASE(many_draws, "twenty thousand small draws in one command buffer, far more than a chunk holds") {
  Context ctx;
  Canvas canvas(ctx, 256, 256);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(3));
  canvas.draw([&](VkCommandBuffer cb) {
    vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(cb, vertices);
    for (uint32_t i = 0; i < 20000; ++i) {
      uint32_t spread = i * 2654435761u;
      Place at;
      at.offset[0] = static_cast<float>(spread % 1000) / 500.0f - 1.0f;
      at.offset[1] = static_cast<float>(spread / 1000 % 1000) / 500.0f - 1.0f;
      at.scale[0] = at.scale[1] = 0.02f;
      at.tint[i % 3] = 0.3f;
      canvas.place(cb, at);
      vkCmdDraw(cb, 3, 1, i % 3 * 3, 0);
    }
  });
  out.add(canvas.pixels());
}
