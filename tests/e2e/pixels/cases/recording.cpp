#include <mutex>
#include <thread>

#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/mesh_vert.h"

using namespace pixels;

namespace {

void begin_secondary(VkCommandBuffer cb, const Canvas& canvas) {
  VkCommandBufferInheritanceInfo inheritance{VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
  inheritance.renderPass = canvas.pass;
  inheritance.framebuffer = canvas.framebuffer;
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  info.flags =
      VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT | VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
  info.pInheritanceInfo = &inheritance;
  PIXELS_VK(vkBeginCommandBuffer(cb, &info));
}

// Draws `count` small pinwheels whose places depend on `seed` only.
void scatter(VkCommandBuffer cb, const Canvas& canvas, VkPipeline pipeline, const Buffer& vertices,
             uint32_t seed, uint32_t count) {
  viewport(cb, canvas.width, canvas.height);
  vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
  bind_vertices(cb, vertices);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t n = (seed * 7919 + i) * 2654435761u;
    Place at;
    at.offset[0] = static_cast<float>(n % 997) / 498.0f - 1.0f;
    at.offset[1] = static_cast<float>(n / 997 % 991) / 495.0f - 1.0f;
    at.scale[0] = at.scale[1] = 0.04f;
    at.tint[seed % 3] = 0.2f;
    canvas.place(cb, at);
    vkCmdDraw(cb, 15, 1, 0, 0);
  }
}

}  // namespace

PIXELS_CASE(secondary, "secondary command buffers executed in a pass, one of them twice") {
  Context ctx;
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(5));
  VkCommandBuffer secondaries[3];
  for (uint32_t i = 0; i < 3; ++i) {
    secondaries[i] = ctx.command_buffer(ctx.pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    begin_secondary(secondaries[i], canvas);
    scatter(secondaries[i], canvas, pipeline, vertices, i, 60);
    PIXELS_VK(vkEndCommandBuffer(secondaries[i]));
  }
  for (uint32_t order : {0u, 1u}) {
    ctx.submit([&](VkCommandBuffer cb) {
      canvas.begin(cb, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
      vkCmdExecuteCommands(cb, 2, &secondaries[order]);
      vkCmdExecuteCommands(cb, 1, &secondaries[order ? 0 : 2]);
      vkCmdExecuteCommands(cb, 1, &secondaries[1]);
      vkCmdEndRenderPass(cb);
    });
    out.add(canvas.pixels());
  }
}

PIXELS_CASE(threads, "four threads record in parallel, each from a pool of its own, many times over") {
  Context ctx;
  constexpr uint32_t kThreads = 4, kRounds = 8;
  Canvas canvas(ctx, 256, 256);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(5));
  VkCommandPool pools[kThreads];
  VkCommandBuffer buffers[kThreads];
  for (uint32_t t = 0; t < kThreads; ++t) {
    pools[t] = ctx.command_pool();
    buffers[t] = ctx.command_buffer(pools[t], VK_COMMAND_BUFFER_LEVEL_SECONDARY);
  }
  for (uint32_t round = 0; round < kRounds; ++round) {
    std::vector<std::thread> threads;
    std::string errors[kThreads];
    for (uint32_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        try {
          PIXELS_VK(vkResetCommandPool(ctx.device, pools[t], 0));
          begin_secondary(buffers[t], canvas);
          scatter(buffers[t], canvas, pipeline, vertices, t + round * kThreads, 400);
          PIXELS_VK(vkEndCommandBuffer(buffers[t]));
        } catch (const std::exception& error) {
          errors[t] = error.what();
        }
      });
    for (auto& thread : threads) thread.join();
    for (auto& error : errors)
      if (!error.empty()) throw Failure(error);
    ctx.submit([&](VkCommandBuffer cb) {
      canvas.begin(cb, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
      vkCmdExecuteCommands(cb, kThreads, buffers);
      vkCmdEndRenderPass(cb);
    });
    if (round % 4 == 3) out.add(canvas.pixels());
  }
}

PIXELS_CASE(thread_objects, "four threads create, use and destroy objects and submit under one lock") {
  Context ctx;
  constexpr uint32_t kThreads = 4;
  std::vector<uint32_t> sums(kThreads);
  std::string errors[kThreads];
  std::vector<std::thread> threads;
  std::mutex queue_lock;
  VkCommandPool pools[kThreads];
  for (auto& pool : pools) pool = ctx.command_pool();
  uint32_t type = UINT32_MAX;
  {
    Buffer probe = ctx.buffer(4096, 0, Residency::kHostCoherent);
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(ctx.device, probe.handle, &needs);
    type = ctx.memory_type(needs.memoryTypeBits,
                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  }
  for (uint32_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      try {
        VkCommandBuffer cb = VK_NULL_HANDLE;
        for (uint32_t i = 0; i < 50; ++i) {
          VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
          info.size = 4096;
          info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
          VkBuffer buffer;
          PIXELS_VK(vkCreateBuffer(ctx.device, &info, nullptr, &buffer));
          VkMemoryRequirements needs;
          vkGetBufferMemoryRequirements(ctx.device, buffer, &needs);
          VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, type};
          VkDeviceMemory memory;
          PIXELS_VK(vkAllocateMemory(ctx.device, &allocate, nullptr, &memory));
          PIXELS_VK(vkBindBufferMemory(ctx.device, buffer, memory, 0));
          VkFenceCreateInfo fence_info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
          VkFence fence;
          PIXELS_VK(vkCreateFence(ctx.device, &fence_info, nullptr, &fence));
          VkCommandBufferAllocateInfo cb_info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr,
                                              pools[t], VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
          PIXELS_VK(vkAllocateCommandBuffers(ctx.device, &cb_info, &cb));
          begin(cb);
          vkCmdFillBuffer(cb, buffer, 0, VK_WHOLE_SIZE, t * 1000 + i);
          barrier(cb);
          PIXELS_VK(vkEndCommandBuffer(cb));
          VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
          batch.commandBufferCount = 1;
          batch.pCommandBuffers = &cb;
          {
            std::lock_guard guard(queue_lock);
            PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, fence));
          }
          PIXELS_VK(vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, UINT64_MAX));
          void* mapped;
          PIXELS_VK(vkMapMemory(ctx.device, memory, 0, VK_WHOLE_SIZE, 0, &mapped));
          sums[t] = sums[t] * 31 + static_cast<uint32_t*>(mapped)[i % 1024];
          expect(static_cast<uint32_t*>(mapped)[1023] == t * 1000 + i, "a thread reads what it filled");
          vkFreeCommandBuffers(ctx.device, pools[t], 1, &cb);
          vkDestroyFence(ctx.device, fence, nullptr);
          vkDestroyBuffer(ctx.device, buffer, nullptr);
          vkFreeMemory(ctx.device, memory, nullptr);
        }
      } catch (const std::exception& error) {
        errors[t] = error.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (auto& error : errors)
    if (!error.empty()) throw Failure(error);
  out.add(sums.data(), sums.size() * 4);
}

PIXELS_CASE(reset_and_reuse,
            "a command buffer reset, re-recorded and submitted twice without one-time submit") {
  Context ctx;
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  Buffer vertices = vertex_buffer(ctx, pinwheel(5));
  VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
  for (uint32_t round = 0; round < 4; ++round) {
    if (round % 2) PIXELS_VK(vkResetCommandBuffer(cb, VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT));
    VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    PIXELS_VK(vkBeginCommandBuffer(cb, &info));
    canvas.begin(cb);
    scatter(cb, canvas, pipeline, vertices, round, 100);
    vkCmdEndRenderPass(cb);
    PIXELS_VK(vkEndCommandBuffer(cb));
    ctx.submit_and_wait(cb);
    ctx.submit_and_wait(cb);
    out.add(canvas.pixels());
  }
}

PIXELS_CASE(two_instances, "two instances and devices alive at once, used in turns") {
  Context first, second;
  expect(first.instance != second.instance, "the instances differ");
  Canvas a(first), b(second);
  VkPipeline pipeline_a = first.pipeline(a.options(k_mesh_vert, k_color_frag));
  VkPipeline pipeline_b = second.pipeline(b.options(k_mesh_vert, k_color_frag));
  Buffer vertices_a = vertex_buffer(first, pinwheel(5)), vertices_b = vertex_buffer(second, pinwheel(9));
  for (uint32_t round = 0; round < 3; ++round) {
    a.draw([&](VkCommandBuffer cb) { scatter(cb, a, pipeline_a, vertices_a, round, 50); });
    b.draw([&](VkCommandBuffer cb) { scatter(cb, b, pipeline_b, vertices_b, round + 9, 50); });
    out.add(a.pixels());
    out.add(b.pixels());
  }
}
