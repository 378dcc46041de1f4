#include "canvas.hpp"

using namespace pixels;

PIXELS_CASE(fill_update, "vkCmdFillBuffer and vkCmdUpdateBuffer at odd offsets") {
  Context ctx;
  Buffer buffer = ctx.buffer(4096, 0);
  Bytes data = noise(1024, 4);
  ctx.submit([&](VkCommandBuffer cb) {
    vkCmdFillBuffer(cb, buffer.handle, 0, VK_WHOLE_SIZE, 0xdeadbeef);
    barrier(cb);
    vkCmdFillBuffer(cb, buffer.handle, 20, 1000, 0x01020304);
    vkCmdUpdateBuffer(cb, buffer.handle, 2044, 1024, data.data());
    vkCmdUpdateBuffer(cb, buffer.handle, 4092, 4, data.data());
    barrier(cb);
  });
  Bytes result = ctx.read(buffer);
  expect(!std::memcmp(&result[2044], data.data(), 1024), "the update's bytes arrive");
  expect(result[19] == std::byte{0xde} && result[20] == std::byte{4} && result[1020] == std::byte{0xef},
         "the fill starts and ends where it should");
  out.add(result);
}

PIXELS_CASE(big_update, "vkCmdUpdateBuffer with the largest size there is, 65536 bytes, several times") {
  Context ctx;
  constexpr std::size_t kSize = 65536;
  Buffer buffer = ctx.buffer(kSize * 4, 0);
  Bytes expected;
  ctx.submit([&](VkCommandBuffer cb) {
    for (uint32_t i = 0; i < 4; ++i) {
      Bytes data = noise(kSize, i + 1);
      vkCmdUpdateBuffer(cb, buffer.handle, i * kSize, kSize, data.data());
      expected.insert(expected.end(), data.begin(), data.end());
    }
    barrier(cb);
  });
  Bytes result = ctx.read(buffer);
  expect(result == expected, "what arrives is what was sent");
  out.add(result);
}

PIXELS_CASE(copies, "buffer, image, image to image and row-pitched copies, clears of parts") {
  Context ctx;
  ImageOptions options;
  options.extent = {64, 64, 1};
  options.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  options.layers = 2;
  options.mips = 3;
  Image a = ctx.image(options), b = ctx.image(options);
  Buffer source = ctx.buffer(100 * 64 * 4 + 64, 0, Residency::kHost), target = ctx.buffer(80 * 70 * 4, 0);
  Bytes data = noise(source.size, 77);
  ctx.upload(source, data.data(), data.size());
  constexpr VkImageAspectFlags kColor = VK_IMAGE_ASPECT_COLOR_BIT;
  constexpr VkImageLayout kGeneral = VK_IMAGE_LAYOUT_GENERAL;
  ctx.submit([&](VkCommandBuffer cb) {
    transition(cb, a, VK_IMAGE_LAYOUT_UNDEFINED, kGeneral);
    transition(cb, b, VK_IMAGE_LAYOUT_UNDEFINED, kGeneral);
    VkClearColorValue blue{{0, 0, 1, 1}}, red{{1, 0, 0, 0.5f}};
    VkImageSubresourceRange all{kColor, 0, VK_REMAINING_MIP_LEVELS, 0, VK_REMAINING_ARRAY_LAYERS};
    vkCmdClearColorImage(cb, a.handle, kGeneral, &blue, 1, &all);
    VkImageSubresourceRange parts[] = {
        {kColor, 0, 1, 1, 1}, {kColor, 2, 1, 0, 1}, {kColor, 0, 2, 0, 1}, {kColor, 1, 2, 1, 1}};
    vkCmdClearColorImage(cb, b.handle, kGeneral, &red, 4, parts);
    vkCmdFillBuffer(cb, target.handle, 0, VK_WHOLE_SIZE, 0x55555555);
    barrier(cb);
    VkBufferImageCopy in[2]{};
    in[0] = {64, 100, 0, {kColor, 0, 0, 1}, {8, 4, 0}, {50, 60, 1}};
    in[1] = {0, 0, 0, {kColor, 1, 1, 1}, {0, 0, 0}, {32, 32, 1}};
    vkCmdCopyBufferToImage(cb, source.handle, a.handle, kGeneral, 2, in);
    barrier(cb);
    VkImageCopy region{{kColor, 0, 0, 1}, {10, 10, 0}, {kColor, 0, 1, 1}, {3, 5, 0}, {40, 30, 1}};
    vkCmdCopyImage(cb, a.handle, kGeneral, b.handle, kGeneral, 1, &region);
    barrier(cb);
    VkBufferImageCopy outwards{40, 80, 66, {kColor, 0, 1, 1}, {1, 2, 0}, {60, 61, 1}};
    vkCmdCopyImageToBuffer(cb, b.handle, kGeneral, target.handle, 1, &outwards);
    barrier(cb);
    VkBufferCopy regions[] = {{0, 4000, 1000}, {8000, 12, 500}};
    Buffer& self = target;
    vkCmdCopyBuffer(cb, source.handle, self.handle, 2, regions);
    barrier(cb);
  });
  out.add(ctx.read(target));
  for (auto* image : {&a, &b})
    for (uint32_t layer = 0; layer < 2; ++layer)
      for (uint32_t mip = 0; mip < 3; ++mip) out.add(ctx.read_image(*image, kGeneral, 4, mip, layer));
}

PIXELS_CASE(copy_commands2, "the Vulkan 1.3 copy and blit commands, with their structs") {
  Context ctx;
  ImageOptions options;
  options.extent = {64, 32, 1};
  options.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  Image a = ctx.image(options), b = ctx.image(options);
  Bytes data = noise(64 * 32 * 4, 12);
  ctx.upload_image(a, data.data(), data.size(), VK_IMAGE_LAYOUT_GENERAL);
  ctx.submit([&](VkCommandBuffer cb) {
    VkImageMemoryBarrier2 change{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2};
    change.srcStageMask = change.dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    change.dstAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT;
    change.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    change.srcQueueFamilyIndex = change.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    change.image = b.handle;
    change.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkDependencyInfo dependency{VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
    dependency.imageMemoryBarrierCount = 1;
    dependency.pImageMemoryBarriers = &change;
    vkCmdPipelineBarrier2(cb, &dependency);
    VkImageBlit2 region{VK_STRUCTURE_TYPE_IMAGE_BLIT_2};
    region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.srcOffsets[0] = {64, 0, 0};
    region.srcOffsets[1] = {0, 32, 1};
    region.dstOffsets[1] = {64, 32, 1};
    VkBlitImageInfo2 blit{VK_STRUCTURE_TYPE_BLIT_IMAGE_INFO_2,
                          nullptr,
                          a.handle,
                          VK_IMAGE_LAYOUT_GENERAL,
                          b.handle,
                          VK_IMAGE_LAYOUT_GENERAL,
                          1,
                          &region,
                          VK_FILTER_NEAREST};
    vkCmdBlitImage2(cb, &blit);
    barrier(cb);
    VkImageCopy2 copy_region{VK_STRUCTURE_TYPE_IMAGE_COPY_2};
    copy_region.srcSubresource = copy_region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    copy_region.srcOffset = {4, 4, 0};
    copy_region.dstOffset = {30, 8, 0};
    copy_region.extent = {20, 20, 1};
    VkCopyImageInfo2 copy{VK_STRUCTURE_TYPE_COPY_IMAGE_INFO_2,
                          nullptr,
                          a.handle,
                          VK_IMAGE_LAYOUT_GENERAL,
                          b.handle,
                          VK_IMAGE_LAYOUT_GENERAL,
                          1,
                          &copy_region};
    vkCmdCopyImage2(cb, &copy);
    barrier(cb);
  });
  Bytes result = ctx.read_image(b, VK_IMAGE_LAYOUT_GENERAL);
  expect(!std::memcmp(&result[0], &data[63 * 4], 4), "the blit mirrored the image");
  out.add(result);
}

PIXELS_CASE(private_data, "private data slots hold values for objects of two kinds, apart from each other") {
  Context ctx;
  require(ctx.features13.privateData, "private data");
  VkPrivateDataSlotCreateInfo info{VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
  VkPrivateDataSlot slots[2];
  for (auto& slot : slots) PIXELS_VK(vkCreatePrivateDataSlot(ctx.device, &info, nullptr, &slot));
  Buffer buffer = ctx.buffer(64, 0);
  VkSampler sampler = ctx.sampler();
  auto get = [&](VkObjectType type, uint64_t handle, VkPrivateDataSlot slot) {
    uint64_t value = 0xbad;
    vkGetPrivateData(ctx.device, type, handle, slot, &value);
    return value;
  };
  auto buffer_handle = reinterpret_cast<uint64_t>(buffer.handle),
       sampler_handle = reinterpret_cast<uint64_t>(sampler);
  expect(get(VK_OBJECT_TYPE_BUFFER, buffer_handle, slots[0]) == 0, "what was never set is zero");
  PIXELS_VK(vkSetPrivateData(ctx.device, VK_OBJECT_TYPE_BUFFER, buffer_handle, slots[0], 0x1122334455667788));
  PIXELS_VK(vkSetPrivateData(ctx.device, VK_OBJECT_TYPE_BUFFER, buffer_handle, slots[1], 42));
  PIXELS_VK(vkSetPrivateData(ctx.device, VK_OBJECT_TYPE_SAMPLER, sampler_handle, slots[0], 43));
  uint64_t values[] = {get(VK_OBJECT_TYPE_BUFFER, buffer_handle, slots[0]),
                       get(VK_OBJECT_TYPE_BUFFER, buffer_handle, slots[1]),
                       get(VK_OBJECT_TYPE_SAMPLER, sampler_handle, slots[0]),
                       get(VK_OBJECT_TYPE_SAMPLER, sampler_handle, slots[1])};
  expect(values[0] == 0x1122334455667788 && values[1] == 42 && values[2] == 43 && values[3] == 0,
         "each slot of each object has its own value");
  for (auto& slot : slots) vkDestroyPrivateDataSlot(ctx.device, slot, nullptr);
  out.add(values, sizeof values);
}

PIXELS_CASE(requirements_without_objects,
            "memory requirements from create infos match those of the objects") {
  Context ctx;
  require(ctx.features13.maintenance4, "maintenance4");
  for (VkDeviceSize size : {1ull, 100ull, 65536ull, 5000000ull}) {
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = size;
    info.usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
    VkDeviceBufferMemoryRequirements query{VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS, nullptr,
                                           &info};
    VkMemoryRequirements2 early{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
    vkGetDeviceBufferMemoryRequirements(ctx.device, &query, &early);
    VkBuffer buffer;
    PIXELS_VK(vkCreateBuffer(ctx.device, &info, nullptr, &buffer));
    VkMemoryDedicatedRequirements dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
    VkMemoryRequirements2 late{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, &dedicated, {}};
    VkBufferMemoryRequirementsInfo2 which{VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, nullptr,
                                          buffer};
    vkGetBufferMemoryRequirements2(ctx.device, &which, &late);
    vkDestroyBuffer(ctx.device, buffer, nullptr);
    auto &x = early.memoryRequirements, &y = late.memoryRequirements;
    expect(x.size == y.size && x.alignment == y.alignment && x.memoryTypeBits == y.memoryTypeBits,
           "both queries agree");
    expect(x.size >= size, "the memory holds the buffer");
    expect((x.memoryTypeBits >> ctx.memory_properties.memoryTypeCount) == 0, "only existing types are named");
    out.value(x.size >= size);
  }
  out.value<uint32_t>(0x72657175);
}
