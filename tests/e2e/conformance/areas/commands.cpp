// api.command_buffers: pools, resets, inheritance, many and small and nested command buffers.
#include <thread>

#include "area.hpp"

using namespace conformance;

namespace {

struct Words {
  Context& ctx;
  Buffer buffer;
  explicit Words(Context& context, uint32_t count)
      : ctx(context),
        buffer(ctx.buffer(count * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent)) {
    clear();
  }
  void clear() { std::memset(buffer.mapped, 0, buffer.size); }
  uint32_t at(uint32_t i) const {
    uint32_t word = 0;
    std::memcpy(&word, buffer.mapped + i * 4, 4);
    return word;
  }
};

void begin(VkCommandBuffer commands, VkCommandBufferUsageFlags flags = 0,
           const VkCommandBufferInheritanceInfo* inheritance = nullptr) {
  const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, flags,
                                      inheritance};
  PIXELS_VK(vkBeginCommandBuffer(commands, &info));
}

void fill(VkCommandBuffer commands, const Words& words, uint32_t word, uint32_t value) {
  vkCmdFillBuffer(commands, words.buffer.handle, word * 4, 4, value);
}

void submit(Context& ctx, std::vector<VkCommandBuffer> commands, VkFence fence = VK_NULL_HANDLE) {
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = static_cast<uint32_t>(commands.size());
  info.pCommandBuffers = commands.data();
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &info, fence));
}

VkCommandPool make_pool(Context& ctx, VkCommandPoolCreateFlags flags) {
  const VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, flags, ctx.family};
  VkCommandPool pool = VK_NULL_HANDLE;
  PIXELS_VK(vkCreateCommandPool(ctx.device, &info, nullptr, &pool));
  ctx.defer([&ctx, pool] { vkDestroyCommandPool(ctx.device, pool, nullptr); });
  return pool;
}

void resets(Context& ctx) {
  Words words(ctx, 16);
  const VkCommandPool pool = make_pool(ctx, VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT);
  const VkCommandBuffer commands = ctx.command_buffer(pool);
  // Implicitly by beginning again, from every state.
  begin(commands);
  fill(commands, words, 0, 1);
  begin(commands);
  fill(commands, words, 1, 2);
  PIXELS_VK(vkEndCommandBuffer(commands));
  begin(commands);
  fill(commands, words, 2, 3);
  PIXELS_VK(vkEndCommandBuffer(commands));
  submit(ctx, {commands});
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  say("implicit reset: %u %u %u", words.at(0), words.at(1), words.at(2));
  // Explicitly, while recording too; and the recording of one while another is pending.
  words.clear();
  begin(commands);
  fill(commands, words, 3, 4);
  PIXELS_VK(vkResetCommandBuffer(commands, VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT));
  begin(commands, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
  fill(commands, words, 4, 5);
  PIXELS_VK(vkEndCommandBuffer(commands));
  const VkCommandBuffer other = ctx.command_buffer(pool);
  submit(ctx, {commands});
  for (uint32_t i = 0; i < 50; ++i) {
    begin(other);
    fill(other, words, 5, i);
    PIXELS_VK(vkEndCommandBuffer(other));
  }
  submit(ctx, {other});
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  say("explicit reset: %u %u %u", words.at(3), words.at(4), words.at(5));
  // By the pool, and trimmed.
  words.clear();
  begin(commands);
  fill(commands, words, 6, 7);
  PIXELS_VK(vkEndCommandBuffer(commands));
  begin(other);
  fill(other, words, 7, 8);
  for (VkCommandPoolResetFlags flags : {VkCommandPoolResetFlags{0}, VkCommandPoolResetFlags{1}}) {
    PIXELS_VK(vkResetCommandPool(ctx.device, pool, flags));
    vkTrimCommandPool(ctx.device, pool, 0);
    begin(commands);
    fill(commands, words, 8 + flags, 9);
    PIXELS_VK(vkEndCommandBuffer(commands));
    submit(ctx, {commands});
    PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  }
  say("pool reset: %u %u %u %u", words.at(6), words.at(7), words.at(8), words.at(9));
}

// Members that count only within a render pass may hold anything outside of one.
void secondaries(Context& ctx) {
  Words words(ctx, 64);
  const VkCommandPool pool = make_pool(ctx, 0);
  std::vector<VkCommandBuffer> inner(8);
  for (uint32_t i = 0; i < inner.size(); ++i) {
    inner[i] = ctx.command_buffer(pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    VkCommandBufferInheritanceInfo garbage{VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
    garbage.renderPass = (VkRenderPass)0xdead'beef'0000'0001ull;
    garbage.framebuffer = (VkFramebuffer)0xdead'beef'0000'0002ull;
    garbage.subpass = 12345;
    begin(inner[i], VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT, &garbage);
    fill(inner[i], words, i, 100 + i);
    PIXELS_VK(vkEndCommandBuffer(inner[i]));
  }
  const VkCommandBuffer outer = ctx.command_buffer(pool);
  const auto* ignored = reinterpret_cast<const VkCommandBufferInheritanceInfo*>(16);
  begin(outer, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT, ignored);
  vkCmdExecuteCommands(outer, static_cast<uint32_t>(inner.size()), inner.data());
  vkCmdExecuteCommands(outer, 1, inner.data());
  fill(outer, words, 20, 20);
  PIXELS_VK(vkEndCommandBuffer(outer));
  const VkFence fence = ctx.fence();
  submit(ctx, {outer, outer});
  submit(ctx, {outer}, fence);
  PIXELS_VK(vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, UINT64_MAX));
  uint32_t right = 0;
  for (uint32_t i = 0; i < inner.size(); ++i) right += words.at(i) == 100 + i;
  say("secondaries: %u %u", right, words.at(20));
}

// Within dynamic rendering the inheritance's render pass is null, and what goes with one is not looked at.
void rendering_secondary(Context& ctx) {
  pixels::require(ctx.features13.dynamicRendering, "dynamic rendering");
  const Image target = ctx.image({.extent = {16, 16, 1}});
  const VkCommandBuffer inner = ctx.command_buffer(ctx.pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
  VkCommandBufferInheritanceRenderingInfo rendering{
      VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO};
  rendering.colorAttachmentCount = 1;
  rendering.pColorAttachmentFormats = &target.options.format;
  rendering.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkCommandBufferInheritanceInfo inheritance{VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO, &rendering};
  inheritance.framebuffer = (VkFramebuffer)0xdead'beef'0000'0002ull;
  begin(inner, VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT, &inheritance);
  const VkClearAttachment clear{VK_IMAGE_ASPECT_COLOR_BIT, 0, pixels::clear_color(0, 1, 0)};
  const VkClearRect rect{{{4, 4}, {8, 8}}, 0, 1};
  vkCmdClearAttachments(inner, 1, &clear, 1, &rect);
  PIXELS_VK(vkEndCommandBuffer(inner));
  ctx.submit([&](VkCommandBuffer outer) {
    pixels::transition(outer, target, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    VkRenderingAttachmentInfo color{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    color.imageView = target.view;
    color.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
    color.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    color.clearValue = pixels::clear_color(1, 0, 0);
    color.resolveImageView = (VkImageView)0xdead'beef'0000'0003ull;
    VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO, nullptr,
                         VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT};
    info.renderArea = {{0, 0}, {16, 16}};
    info.layerCount = 1;
    info.colorAttachmentCount = 1;
    info.pColorAttachments = &color;
    vkCmdBeginRendering(outer, &info);
    vkCmdExecuteCommands(outer, 1, &inner);
    vkCmdEndRendering(outer);
  });
  const pixels::Bytes bytes = ctx.read_image(target, VK_IMAGE_LAYOUT_GENERAL);
  say("secondary within rendering: %02x %02x", static_cast<unsigned>(bytes[0]),
      static_cast<unsigned>(bytes[(8 * 16 + 8) * 4 + 1]));
}

void many(Context& ctx) {
  Words words(ctx, 4096);
  const VkCommandPool pool = make_pool(ctx, VK_COMMAND_POOL_CREATE_TRANSIENT_BIT);
  std::vector<VkCommandBuffer> small(2000);
  VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                   VK_COMMAND_BUFFER_LEVEL_PRIMARY, static_cast<uint32_t>(small.size())};
  PIXELS_VK(vkAllocateCommandBuffers(ctx.device, &info, small.data()));
  // All are being recorded at once.
  for (const VkCommandBuffer commands : small) begin(commands, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
  for (uint32_t i = 0; i < small.size(); ++i) fill(small[i], words, i, i + 1);
  for (const VkCommandBuffer commands : small) PIXELS_VK(vkEndCommandBuffer(commands));
  submit(ctx, small);
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  uint32_t right = 0;
  for (uint32_t i = 0; i < small.size(); ++i) right += words.at(i) == i + 1;
  say("small command buffers: %u of %zu", right, small.size());
  vkFreeCommandBuffers(ctx.device, pool, static_cast<uint32_t>(small.size()), small.data());

  const VkCommandBuffer large = ctx.command_buffer(pool);
  begin(large);
  pixels::Bytes chunk(65536, std::byte{7});
  const Buffer big = ctx.buffer(1 << 20, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent);
  for (uint32_t i = 0; i < 200; ++i) {
    chunk[0] = static_cast<std::byte>(i);
    vkCmdUpdateBuffer(large, big.handle, (i % 16) * 65536, 65536, chunk.data());
    pixels::barrier(large);
  }
  for (uint32_t i = 0; i < 100'000; ++i) fill(large, words, i % 4096, i);
  PIXELS_VK(vkEndCommandBuffer(large));
  submit(ctx, {large});
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
  say("a large command buffer: %u %u", static_cast<unsigned>(big.mapped[7 * 65536]),
      static_cast<unsigned>(big.mapped[9]));
}

// Pools of several threads, buffers of which are submitted together.
void threads(Context& ctx) {
  Words words(ctx, 400);
  std::vector<VkCommandPool> pools;
  std::vector<VkCommandBuffer> all(400);
  for (int t = 0; t < 4; ++t) pools.push_back(make_pool(ctx, 0));
  std::vector<std::thread> recorders;
  for (uint32_t t = 0; t < 4; ++t) {
    recorders.emplace_back([&, t] {
      const VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr,
                                             pools[t], VK_COMMAND_BUFFER_LEVEL_PRIMARY, 100};
      PIXELS_VK(vkAllocateCommandBuffers(ctx.device, &info, &all[t * 100]));
      for (uint32_t i = t * 100; i < t * 100 + 100; ++i) {
        begin(all[i]);
        fill(all[i], words, i, i + 5);
        PIXELS_VK(vkEndCommandBuffer(all[i]));
      }
    });
  }
  for (std::thread& recorder : recorders) recorder.join();
  submit(ctx, all);
  PIXELS_VK(vkDeviceWaitIdle(ctx.device));
  uint32_t right = 0;
  for (uint32_t i = 0; i < 400; ++i) right += words.at(i) == i + 5;
  say("recorded by four threads: %u", right);
}

CONFORMANCE_AREA(commands) {
  Context ctx;
  resets(ctx);
  secondaries(ctx);
  many(ctx);
  threads(ctx);
  rendering_secondary(ctx);
}

}  // namespace
