// The rows themselves: each is a function that prints one or two figures of the driver that the loader found.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "micro/gpu.hpp"
#include "micro/micro.hpp"
#include "shaders/small_frag.h"
#include "shaders/small_vert.h"

namespace viaduct::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr VkMemoryPropertyFlags kVisible =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

double nanoseconds(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

void print(const char* name, double value) { std::printf("%s %.6g\n", name, value); }

double percentile(std::vector<double>& samples, double fraction) {
  auto nth =
      samples.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

// Median over `rounds` of the mean time of one of `count` calls.
template <class Body>
double median_of(int rounds, int count, Body body) {
  std::vector<double> samples;
  for (int r = 0; r < rounds; ++r) {
    auto start = Clock::now();
    for (int i = 0; i < count; ++i) body();
    samples.push_back(nanoseconds(start) / count);
  }
  return percentile(samples, 0.5);
}

VkPipelineLayout push_layout(Gpu& gpu) {
  VkPushConstantRange range{VK_SHADER_STAGE_VERTEX_BIT, 0, 16};
  VkPipelineLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &range;
  VkPipelineLayout layout;
  VIADUCT_MICRO_VK(vkCreatePipelineLayout(gpu.device, &info, nullptr, &layout));
  gpu.defer([&gpu, layout] { vkDestroyPipelineLayout(gpu.device, layout, nullptr); });
  return layout;
}

void record(VkCommandBuffer cb, VkPipelineLayout layout, VkBuffer buffer, int count) {
  float place[4] = {};
  VkDeviceSize offset = 0;
  for (int i = 0; i < count / 2; ++i) {
    place[0] = static_cast<float>(i);
    vkCmdPushConstants(cb, layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof place, place);
    vkCmdBindVertexBuffers(cb, 0, 1, &buffer, &offset);
  }
}

void record_rows() {
  Gpu gpu;
  VkPipelineLayout layout = push_layout(gpu);
  Gpu::Buffer buffer = gpu.buffer(4096, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, 0);
  constexpr int kCommands = 60000;
  std::vector<double> recording, whole;
  for (int round = 0; round < 25; ++round) {
    VkCommandBuffer cb = gpu.begin();
    auto start = Clock::now();
    record(cb, layout, buffer.handle, kCommands);
    recording.push_back(nanoseconds(start) / kCommands);
    VIADUCT_MICRO_VK(vkEndCommandBuffer(cb));
    gpu.submit_and_wait(cb);
    whole.push_back(nanoseconds(start) / kCommands);
  }
  print("record_ns", percentile(recording, 0.5));
  print("record_submit_wait_ns", percentile(whole, 0.5));
}

void submit_rows() {
  Gpu gpu;
  std::vector<double> samples;
  for (int i = 0; i < 4000; ++i) {
    auto start = Clock::now();
    gpu.submit_and_wait(VK_NULL_HANDLE);
    if (i >= 200) samples.push_back(nanoseconds(start) / 1000);
  }
  print("submit_wait_p50_us", percentile(samples, 0.5));
  print("submit_wait_p99_us", percentile(samples, 0.99));
}

void query_rows() {
  Gpu gpu;
  VkEventCreateInfo event_info{};
  event_info.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
  VkEvent event;
  VIADUCT_MICRO_VK(vkCreateEvent(gpu.device, &event_info, nullptr, &event));
  print("round_trip_us", median_of(20, 200, [&] { vkGetEventStatus(gpu.device, event); }) / 1000);
  vkDestroyEvent(gpu.device, event, nullptr);
  VkImageFormatProperties properties;
  print("format_query_us", median_of(20, 2000, [&] {
                             vkGetPhysicalDeviceImageFormatProperties(
                                 gpu.physical, VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D,
                                 VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_SAMPLED_BIT, 0, &properties);
                           }) / 1000);
}

void buffer_rows() {
  Gpu gpu;
  print("create_buffer_us", median_of(20, 2000, [&] {
                              VkBufferCreateInfo info{};
                              info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
                              info.size = 4096;
                              info.usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
                              VkBuffer buffer;
                              VIADUCT_MICRO_VK(vkCreateBuffer(gpu.device, &info, nullptr, &buffer));
                              VkMemoryRequirements needs;
                              vkGetBufferMemoryRequirements(gpu.device, buffer, &needs);
                              vkDestroyBuffer(gpu.device, buffer, nullptr);
                            }) / 1000);
  uint32_t type = gpu.memory_type(UINT32_MAX, kVisible);
  print("allocate_memory_us",
        median_of(20, 300, [&] {
          VkMemoryAllocateInfo info{};
          info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
          info.allocationSize = 65536;
          info.memoryTypeIndex = type;
          VkDeviceMemory memory;
          VIADUCT_MICRO_VK(vkAllocateMemory(gpu.device, &info, nullptr, &memory));
          void* mapped;
          VIADUCT_MICRO_VK(vkMapMemory(gpu.device, memory, 0, VK_WHOLE_SIZE, 0, &mapped));
          *static_cast<volatile int*>(mapped) = 1;
          vkFreeMemory(gpu.device, memory, nullptr);
        }) / 1000);
}

void descriptor_rows() {
  Gpu gpu;
  VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_VERTEX_BIT,
                                       nullptr};
  VkDescriptorSetLayoutCreateInfo layout_info{};
  layout_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  layout_info.bindingCount = 1;
  layout_info.pBindings = &binding;
  VkDescriptorSetLayout layout;
  VIADUCT_MICRO_VK(vkCreateDescriptorSetLayout(gpu.device, &layout_info, nullptr, &layout));
  gpu.defer([&] { vkDestroyDescriptorSetLayout(gpu.device, layout, nullptr); });
  VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 256};
  VkDescriptorPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool_info.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT;
  pool_info.maxSets = 256;
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorPool pool;
  VIADUCT_MICRO_VK(vkCreateDescriptorPool(gpu.device, &pool_info, nullptr, &pool));
  Gpu::Buffer buffer = gpu.buffer(4096, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 0);
  auto make = [&] {
    VkDescriptorSetAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
    info.descriptorPool = pool;
    info.descriptorSetCount = 1;
    info.pSetLayouts = &layout;
    VkDescriptorSet set;
    VIADUCT_MICRO_VK(vkAllocateDescriptorSets(gpu.device, &info, &set));
    VkDescriptorBufferInfo range{buffer.handle, 0, VK_WHOLE_SIZE};
    VkWriteDescriptorSet write{};
    write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    write.dstSet = set;
    write.descriptorCount = 1;
    write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    write.pBufferInfo = &range;
    vkUpdateDescriptorSets(gpu.device, 1, &write, 0, nullptr);
    return set;
  };
  print("descriptor_free_us", median_of(20, 1000, [&] {
                                VkDescriptorSet set = make();
                                vkFreeDescriptorSets(gpu.device, pool, 1, &set);
                              }) / 1000);
  print("descriptor_reset_us", median_of(20, 10,
                                         [&] {
                                           for (int i = 0; i < 200; ++i) make();
                                           vkResetDescriptorPool(gpu.device, pool, 0);
                                         }) /
                                   200 / 1000);
  vkDestroyDescriptorPool(gpu.device, pool, nullptr);
}

VkShaderModule shader(Gpu& gpu, const uint32_t* words, std::size_t size) {
  VkShaderModuleCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  info.codeSize = size;
  info.pCode = words;
  VkShaderModule module;
  VIADUCT_MICRO_VK(vkCreateShaderModule(gpu.device, &info, nullptr, &module));
  gpu.defer([&gpu, module] { vkDestroyShaderModule(gpu.device, module, nullptr); });
  return module;
}

VkRenderPass color_pass(Gpu& gpu) {
  VkAttachmentDescription attachment{};
  attachment.format = VK_FORMAT_R8G8B8A8_UNORM;
  attachment.samples = VK_SAMPLE_COUNT_1_BIT;
  attachment.finalLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  VkRenderPassCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
  info.attachmentCount = info.subpassCount = 1;
  info.pAttachments = &attachment;
  info.pSubpasses = &subpass;
  VkRenderPass pass;
  VIADUCT_MICRO_VK(vkCreateRenderPass(gpu.device, &info, nullptr, &pass));
  gpu.defer([&gpu, pass] { vkDestroyRenderPass(gpu.device, pass, nullptr); });
  return pass;
}

// A small graphics pipeline, each with a specialization of its own so that no cache makes it cheap.
VkPipeline make_pipeline(Gpu& gpu, const VkPipelineShaderStageCreateInfo (&stages)[2],
                         VkPipelineLayout layout, VkRenderPass pass) {
  VkPipelineVertexInputStateCreateInfo input{};
  input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
  VkPipelineInputAssemblyStateCreateInfo assembly{};
  assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  VkViewport area{0, 0, 64, 64, 0, 1};
  VkRect2D scissor{{0, 0}, {64, 64}};
  VkPipelineViewportStateCreateInfo viewport{};
  viewport.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
  viewport.viewportCount = viewport.scissorCount = 1;
  viewport.pViewports = &area;
  viewport.pScissors = &scissor;
  VkPipelineRasterizationStateCreateInfo raster{};
  raster.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
  raster.lineWidth = 1.0f;
  VkPipelineMultisampleStateCreateInfo samples{};
  samples.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
  samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkPipelineColorBlendAttachmentState attachment{};
  attachment.colorWriteMask = 0xf;
  VkPipelineColorBlendStateCreateInfo blend{};
  blend.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
  blend.attachmentCount = 1;
  blend.pAttachments = &attachment;
  VkGraphicsPipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
  info.stageCount = 2;
  info.pStages = stages;
  info.pVertexInputState = &input;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &viewport;
  info.pRasterizationState = &raster;
  info.pMultisampleState = &samples;
  info.pColorBlendState = &blend;
  info.layout = layout;
  info.renderPass = pass;
  VkPipeline pipeline;
  VIADUCT_MICRO_VK(vkCreateGraphicsPipelines(gpu.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  return pipeline;
}

void pipeline_rows() {
  Gpu gpu;
  VkPipelineLayout layout = push_layout(gpu);
  VkRenderPass pass = color_pass(gpu);
  float shade = 0;
  VkSpecializationMapEntry entry{0, 0, 4};
  VkSpecializationInfo constants{1, &entry, 4, &shade};
  VkPipelineShaderStageCreateInfo stages[2]{};
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = shader(gpu, k_small_vert, sizeof k_small_vert);
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = shader(gpu, k_small_frag, sizeof k_small_frag);
  stages[1].pSpecializationInfo = &constants;
  for (auto& stage : stages) {
    stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stage.pName = "main";
  }
  auto create_and_destroy = [&] {
    shade += 0.001f;
    vkDestroyPipeline(gpu.device, make_pipeline(gpu, stages, layout, pass), nullptr);
  };
  VkEventCreateInfo event_info{};
  event_info.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
  VkEvent event;
  VIADUCT_MICRO_VK(vkCreateEvent(gpu.device, &event_info, nullptr, &event));
  print("pipeline_posted_us", median_of(8, 10, create_and_destroy) / 1000);
  vkGetEventStatus(gpu.device, event);
  print("pipeline_waited_us", median_of(8, 10, [&] {
                                create_and_destroy();
                                vkGetEventStatus(gpu.device,
                                                 event);  // a round trip: all that was posted has been done
                              }) / 1000);
  vkDestroyEvent(gpu.device, event, nullptr);
}

void transfer_rows() {
  Gpu gpu;
  VkImageCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = VK_FORMAT_R8G8B8A8_UNORM;
  info.extent = {1280, 720, 1};
  info.mipLevels = info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  VkImage image;
  VIADUCT_MICRO_VK(vkCreateImage(gpu.device, &info, nullptr, &image));
  gpu.defer([&] { vkDestroyImage(gpu.device, image, nullptr); });
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(gpu.device, image, &needs);
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.allocationSize = needs.size;
  allocate.memoryTypeIndex = gpu.memory_type(needs.memoryTypeBits, 0);
  VkDeviceMemory memory;
  VIADUCT_MICRO_VK(vkAllocateMemory(gpu.device, &allocate, nullptr, &memory));
  gpu.defer([&] { vkFreeMemory(gpu.device, memory, nullptr); });
  VIADUCT_MICRO_VK(vkBindImageMemory(gpu.device, image, memory, 0));
  constexpr VkDeviceSize kFrame = 1280 * 720 * 4;
  Gpu::Buffer target = gpu.buffer(kFrame, VK_BUFFER_USAGE_TRANSFER_DST_BIT, kVisible);
  std::vector<char> sink(kFrame);
  float shade = 0;
  print("clear_copy_read_ms",
        median_of(40, 1, [&] {
          VkCommandBuffer cb = gpu.begin();
          VkImageMemoryBarrier change{};
          change.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
          change.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
          change.newLayout = VK_IMAGE_LAYOUT_GENERAL;
          change.image = image;
          change.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
          constexpr VkPipelineStageFlags kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
          vkCmdPipelineBarrier(cb, kTransfer, kTransfer, 0, 0, nullptr, 0, nullptr, 1, &change);
          VkClearColorValue color{{shade += 0.01f, 0.5f, 0.25f, 1.0f}};
          vkCmdClearColorImage(cb, image, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &change.subresourceRange);
          change.oldLayout = VK_IMAGE_LAYOUT_GENERAL;
          change.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
          change.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
          vkCmdPipelineBarrier(cb, kTransfer, kTransfer, 0, 0, nullptr, 0, nullptr, 1, &change);
          VkBufferImageCopy region{};
          region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
          region.imageExtent = info.extent;
          vkCmdCopyImageToBuffer(cb, image, VK_IMAGE_LAYOUT_GENERAL, target.handle, 1, &region);
          VIADUCT_MICRO_VK(vkEndCommandBuffer(cb));
          gpu.submit_and_wait(cb);
          std::memcpy(sink.data(), target.mapped, kFrame);
        }) / 1e6);
  constexpr VkDeviceSize kUpload = 64 << 20;
  Gpu::Buffer upload = gpu.buffer(kUpload, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, kVisible);
  std::vector<char> source(kUpload, 1);
  std::memcpy(upload.mapped, source.data(), kUpload);  // the pages exist before the measurement
  double time = median_of(8, 1, [&] { std::memcpy(upload.mapped, source.data(), kUpload); });
  print("upload_gb_s", static_cast<double>(kUpload) / time);
}

void start_rows() {
  print("instance_device_ms", median_of(7, 1, [] { Gpu gpu; }) / 1e6);
}

struct Row {
  const char* name;
  void (*measure)();
};

}  // namespace

int micro_rows_main(int argc, char** argv) {
  constexpr Row kRows[] = {{"start", start_rows},       {"record", record_rows},
                           {"submit", submit_rows},     {"query", query_rows},
                           {"buffer", buffer_rows},     {"descriptor", descriptor_rows},
                           {"pipeline", pipeline_rows}, {"transfer", transfer_rows}};
  for (const Row& row : kRows) {
    if (argc > 0 && std::string_view(argv[0]) != row.name) continue;
    try {
      row.measure();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", row.name, error.what());
      return 1;
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace viaduct::bench
