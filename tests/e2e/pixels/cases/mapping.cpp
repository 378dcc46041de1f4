#include <chrono>
#include <thread>

#include "canvas.hpp"
#include "shaders/color_frag.h"
#include "shaders/mesh_vert.h"
#include "shaders/poll_comp.h"

using namespace pixels;

namespace {

using std::chrono::milliseconds;
constexpr uint64_t kPatience = 30'000'000'000ull;
constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;

}  // namespace

PIXELS_CASE(coherent_event,
            "coherent memory written while a submission waits for an event the host then sets") {
  Context ctx;
  Buffer source = ctx.buffer(65536, 0, Residency::kHostCoherent), target = ctx.buffer(65536, 0);
  VkFence fence = ctx.fence();
  for (uint32_t round = 0; round < 3; ++round) {
    VkEvent event = ctx.event();
    std::memset(source.mapped, 0xee, source.size);
    VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
    begin(cb);
    VkMemoryBarrier from_host{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_HOST_WRITE_BIT,
                              VK_ACCESS_TRANSFER_READ_BIT};
    vkCmdWaitEvents(cb, 1, &event, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 1, &from_host,
                    0, nullptr, 0, nullptr);
    VkBufferCopy region{0, 0, source.size};
    vkCmdCopyBuffer(cb, source.handle, target.handle, 1, &region);
    barrier(cb);
    PIXELS_VK(vkEndCommandBuffer(cb));
    VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    batch.commandBufferCount = 1;
    batch.pCommandBuffers = &cb;
    PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, fence));
    std::this_thread::sleep_for(milliseconds(10));
    expect(vkGetFenceStatus(ctx.device, fence) == VK_NOT_READY, "the submission waits for the event");
    Bytes data = noise(source.size, round + 1);
    std::memcpy(source.mapped, data.data(), data.size());
    PIXELS_VK(vkSetEvent(ctx.device, event));
    PIXELS_VK(vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, kPatience));
    PIXELS_VK(vkResetFences(ctx.device, 1, &fence));
    Bytes result = ctx.read(target);
    expect(result == data, "the copy saw what the host wrote before it set the event");
    out.add(result);
  }
}

PIXELS_CASE(coherent_timeline,
            "a persistent coherent mapping fed and drained each step, paced by a timeline") {
  Context ctx;
  require(ctx.features12.timelineSemaphore, "timeline semaphores");
  constexpr uint32_t kSteps = 24;
  constexpr VkDeviceSize kPart = 4096;
  Buffer input = ctx.buffer(kPart, 0, Residency::kHostCoherent),
         output = ctx.buffer(kPart, 0, Residency::kHostCoherent);
  VkSemaphore host = ctx.timeline(), device = ctx.timeline();
  for (uint32_t step = 1; step <= kSteps; ++step) {  // everything is submitted before anything is written
    VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
    begin(cb);
    VkBufferCopy region{0, 0, kPart};
    vkCmdCopyBuffer(cb, input.handle, output.handle, 1, &region);
    barrier(cb);
    PIXELS_VK(vkEndCommandBuffer(cb));
    uint64_t value = step;
    VkTimelineSemaphoreSubmitInfo values{
        VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, nullptr, 1, &value, 1, &value};
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, 1, &host, &stage, 1, &cb, 1, &device};
    PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, VK_NULL_HANDLE));
  }
  for (uint64_t step = 1; step <= kSteps; ++step) {
    Bytes data = noise(kPart, static_cast<uint32_t>(step));
    std::memcpy(input.mapped, data.data(), kPart);
    VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, host, step};
    PIXELS_VK(vkSignalSemaphore(ctx.device, &signal));
    VkSemaphoreWaitInfo wait{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &device, &step};
    PIXELS_VK(vkWaitSemaphores(ctx.device, &wait, kPatience));
    expect(!std::memcmp(output.mapped, data.data(), kPart), "the host reads what it wrote a step before");
    out.add(output.mapped, kPart);
  }
  PIXELS_VK(vkQueueWaitIdle(ctx.queue));
}

// The shadow of decision 4 does not promise this one: executing work sees a write without any publish point.
PIXELS_CASE(coherent_polling, "a running shader polls coherent memory until it sees the host's flag") {
  Context ctx;
  Buffer source = ctx.buffer(1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent);
  Buffer target = ctx.buffer(1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Residency::kHostCoherent);
  std::memset(source.mapped, 0, 1024);
  std::memset(target.mapped, 0, 1024);
  std::vector<Binding> bindings = {{0, kStorage}, {1, kStorage}};
  VkDescriptorSetLayout set_layout = ctx.set_layout(bindings);
  VkDescriptorSet set = ctx.descriptor_set(set_layout, bindings);
  ctx.write_buffer(set, 0, kStorage, source);
  ctx.write_buffer(set, 1, kStorage, target);
  VkPipelineLayout layout = ctx.pipeline_layout({set_layout});
  VkPipeline pipeline = ctx.compute(k_poll_comp, layout);
  VkCommandBuffer cb = ctx.command_buffer(ctx.pool);
  begin(cb);
  vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, nullptr);
  vkCmdDispatch(cb, 20000, 1, 1);  // a bound of seconds, should the flag never be seen
  barrier(cb);
  PIXELS_VK(vkEndCommandBuffer(cb));
  VkFence fence = ctx.fence();
  VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  batch.commandBufferCount = 1;
  batch.pCommandBuffers = &cb;
  PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, fence));
  Bytes data = noise(1016, 6);
  std::memcpy(source.mapped + 4, data.data(), data.size());
  // No sooner than it polls, and no later than it gives up: a GPU runs all of its groups at once.
  auto* const running = reinterpret_cast<uint32_t*>(target.mapped) + 1;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kPatience);
  while (__atomic_load_n(running, __ATOMIC_ACQUIRE) == 0 && std::chrono::steady_clock::now() < give_up) {
  }
  __atomic_store_n(reinterpret_cast<uint32_t*>(source.mapped), 0xf1a6u, __ATOMIC_RELEASE);
  PIXELS_VK(vkWaitForFences(ctx.device, 1, &fence, VK_TRUE, kPatience));
  uint32_t seen;
  std::memcpy(&seen, target.mapped, 4);
  // Where the specification promises nothing (NVIDIA's driver reads its cache), the same must be so natively.
  require(seen == 0xf1a6, "that a running shader sees what the host writes");
  expect(!std::memcmp(target.mapped + 8, data.data(), data.size()), "and what was written before it");
  out.add(target.mapped, 1024);
}

PIXELS_CASE(flush_invalidate, "partial flushes and invalidates of mapped ranges, cached memory preferred") {
  Context ctx;
  VkDeviceSize atom = ctx.properties.limits.nonCoherentAtomSize;
  VkDeviceSize part = std::max<VkDeviceSize>(atom, 1024);
  Buffer source = ctx.buffer(part * 8, 0, Residency::kHostCached),
         target = ctx.buffer(part * 8, 0, Residency::kHostCached);
  Bytes data = noise(part * 8, 8);
  std::memset(source.mapped, 0, source.size);
  std::memcpy(source.mapped + part, data.data() + part, part);
  std::memcpy(source.mapped + part * 6, data.data() + part * 6, part * 2);
  VkMappedMemoryRange ranges[] = {
      {VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, source.memory, 0, part * 2},
      {VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, source.memory, part * 2, part * 4},
      {VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, source.memory, part * 6, VK_WHOLE_SIZE}};
  PIXELS_VK(vkFlushMappedMemoryRanges(ctx.device, 3, ranges));
  ctx.submit([&](VkCommandBuffer cb) {
    VkBufferCopy region{0, 0, part * 8};
    vkCmdCopyBuffer(cb, source.handle, target.handle, 1, &region);
    barrier(cb);
  });
  VkMappedMemoryRange back{VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, nullptr, target.memory, 0, part * 4};
  PIXELS_VK(vkInvalidateMappedMemoryRanges(ctx.device, 1, &back));
  back.offset = part * 4;
  back.size = VK_WHOLE_SIZE;
  PIXELS_VK(vkInvalidateMappedMemoryRanges(ctx.device, 1, &back));
  expect(!std::memcmp(target.mapped + part, data.data() + part, part), "the first part arrived");
  expect(!std::memcmp(target.mapped + part * 6, data.data() + part * 6, part * 2), "the last part arrived");
  out.add(target.mapped, part * 8);
  vkUnmapMemory(ctx.device, target.memory);
  void* again = nullptr;
  PIXELS_VK(vkMapMemory(ctx.device, target.memory, part, part, 0, &again));
  back.offset = part;
  back.size = part;
  PIXELS_VK(vkInvalidateMappedMemoryRanges(ctx.device, 1, &back));
  expect(!std::memcmp(again, data.data() + part, part), "a second mapping at an offset shows the same bytes");
}

namespace {

// A linear image in mapped memory; the specification promises that its memory can be mapped and is coherent.
struct LinearImage {
  LinearImage(Context& ctx, uint32_t side) {
    VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = VK_FORMAT_R8G8B8A8_UNORM;
    info.extent = {side, side, 1};
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.tiling = VK_IMAGE_TILING_LINEAR;
    info.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    info.initialLayout = VK_IMAGE_LAYOUT_PREINITIALIZED;
    PIXELS_VK(vkCreateImage(ctx.device, &info, nullptr, &handle));
    ctx.defer([device = ctx.device, image = handle] { vkDestroyImage(device, image, nullptr); });
    VkMemoryRequirements needs{};
    vkGetImageMemoryRequirements(ctx.device, handle, &needs);
    VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, 0};
    allocation.memoryTypeIndex = ctx.memory_type(
        needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    expect(allocation.memoryTypeIndex != UINT32_MAX,
           "a linear image has a type that is visible and coherent");
    VkDeviceMemory memory = VK_NULL_HANDLE;
    PIXELS_VK(vkAllocateMemory(ctx.device, &allocation, nullptr, &memory));
    ctx.defer([device = ctx.device, memory] { vkFreeMemory(device, memory, nullptr); });
    PIXELS_VK(vkBindImageMemory(ctx.device, handle, memory, 0));
    void* mapped = nullptr;
    PIXELS_VK(vkMapMemory(ctx.device, memory, 0, VK_WHOLE_SIZE, 0, &mapped));
    VkImageSubresource subresource{VK_IMAGE_ASPECT_COLOR_BIT, 0, 0};
    VkSubresourceLayout layout{};
    vkGetImageSubresourceLayout(ctx.device, handle, &subresource, &layout);
    first = static_cast<std::byte*>(mapped) + layout.offset;
    pitch = layout.rowPitch;
  }
  std::byte* row(uint32_t y) const { return first + y * pitch; }

  VkImage handle = VK_NULL_HANDLE;
  std::byte* first = nullptr;
  VkDeviceSize pitch = 0;
};

void to_general(VkCommandBuffer commands, VkImage image) {
  VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_HOST_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  barrier.oldLayout = VK_IMAGE_LAYOUT_PREINITIALIZED;
  barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image;
  barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0,
                       nullptr, 0, nullptr, 1, &barrier);
}

}  // namespace

PIXELS_CASE(mapped_linear_image,
            "a linear image written by the host, copied by the device, read by the host") {
  constexpr uint32_t kExtent = 60;
  Context ctx;
  const LinearImage source(ctx, kExtent), target(ctx, kExtent);
  const Bytes data = noise(std::size_t{kExtent} * kExtent * 4, 9);
  for (uint32_t y = 0; y < kExtent; ++y) {
    std::memcpy(source.row(y), data.data() + std::size_t{y} * kExtent * 4, kExtent * 4);
    std::memset(target.row(y), 0x11, kExtent * 4);
  }
  ctx.submit([&](VkCommandBuffer commands) {
    to_general(commands, source.handle);
    to_general(commands, target.handle);
    const VkImageSubresourceLayers layers{VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    const VkImageCopy region{layers, {0, 0, 0}, layers, {4, 8, 0}, {kExtent - 4, kExtent - 8, 1}};
    vkCmdCopyImage(commands, source.handle, VK_IMAGE_LAYOUT_GENERAL, target.handle, VK_IMAGE_LAYOUT_GENERAL,
                   1, &region);
    barrier(commands);
  });
  for (uint32_t y = 0; y < kExtent; ++y) out.add(target.row(y), kExtent * 4);
}

PIXELS_CASE(mapped_vertices, "vertices rewritten in mapped memory before each of many frames in flight") {
  Context ctx;
  Canvas canvas(ctx);
  VkPipeline pipeline = ctx.pipeline(canvas.options(k_mesh_vert, k_color_frag));
  auto mesh = pinwheel(8);
  std::size_t bytes = mesh.size() * sizeof(Vertex);
  constexpr uint32_t kInFlight = 3;
  struct Frame {
    Buffer vertices, pixels;
    VkFence fence;
    VkCommandBuffer commands;
  } frames[kInFlight];
  for (auto& frame : frames) {
    frame.vertices = ctx.buffer(bytes, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, Residency::kHost);
    frame.pixels = ctx.buffer(128 * 128 * 4, 0, Residency::kHostCached);
    frame.fence = ctx.fence(true);
    frame.commands = ctx.command_buffer(ctx.pool);
  }
  for (uint32_t n = 0; n < 12 + kInFlight; ++n) {
    Frame& frame = frames[n % kInFlight];
    PIXELS_VK(vkWaitForFences(ctx.device, 1, &frame.fence, VK_TRUE, kPatience));
    if (n >= kInFlight) out.add(ctx.read(frame.pixels));
    if (n >= 12) continue;
    PIXELS_VK(vkResetFences(ctx.device, 1, &frame.fence));
    for (std::size_t i = 0; i < mesh.size(); ++i) mesh[i].position[0] *= i % 2 ? 0.95f : 0.9f;
    ctx.upload(frame.vertices, mesh.data(), bytes);
    begin(frame.commands);
    canvas.begin(frame.commands);
    vkCmdBindPipeline(frame.commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind_vertices(frame.commands, frame.vertices);
    canvas.place(frame.commands, {});
    vkCmdDraw(frame.commands, static_cast<uint32_t>(mesh.size()), 1, 0, 0);
    vkCmdEndRenderPass(frame.commands);
    VkBufferImageCopy region{0, 0, 0, {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, {0, 0, 0}, {128, 128, 1}};
    vkCmdCopyImageToBuffer(frame.commands, canvas.color.handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           frame.pixels.handle, 1, &region);
    barrier(frame.commands);
    PIXELS_VK(vkEndCommandBuffer(frame.commands));
    VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    batch.commandBufferCount = 1;
    batch.pCommandBuffers = &frame.commands;
    PIXELS_VK(vkQueueSubmit(ctx.queue, 1, &batch, frame.fence));
  }
}
