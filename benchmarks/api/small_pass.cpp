#include "api/small_pass.hpp"

#include <cstring>

#include "shaders/small_frag.h"
#include "shaders/small_vert.h"

namespace viaduct::bench {
namespace {

constexpr VkDeviceSize kBufferSize = 65536;
constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;

}  // namespace

SmallPass::SmallPass(Gpu& gpu) : gpu_(gpu) {
  buffer = gpu.buffer(kBufferSize,
                      VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |
                          VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                          VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  std::memset(buffer.memory.mapped, 0, kBufferSize);
  create_pass();
  create_set();
  shaders_ = {gpu.shader(k_small_vert), gpu.shader(k_small_frag)};
  pipeline = create_pipeline(0.5f);
  gpu.defer([&gpu, handle = pipeline] { vkDestroyPipeline(gpu.device, handle, nullptr); });
}

void SmallPass::create_pass() {
  VkAttachmentDescription attachment{};
  attachment.format = kFormat;
  attachment.samples = VK_SAMPLE_COUNT_1_BIT;
  attachment.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  attachment.finalLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  auto info = info_of<VkRenderPassCreateInfo>(VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO);
  info.attachmentCount = info.subpassCount = 1;
  info.pAttachments = &attachment;
  info.pSubpasses = &subpass;
  VIADUCT_BENCH_VK(vkCreateRenderPass(gpu_.device, &info, nullptr, &pass));
  gpu_.defer([&gpu = gpu_, handle = pass] { vkDestroyRenderPass(gpu.device, handle, nullptr); });
  const Gpu::Image target =
      gpu_.image(kFormat, {kSize, kSize}, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
  auto frame = info_of<VkFramebufferCreateInfo>(VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO);
  frame.renderPass = pass;
  frame.attachmentCount = 1;
  frame.pAttachments = &target.view;
  frame.width = frame.height = kSize;
  frame.layers = 1;
  VIADUCT_BENCH_VK(vkCreateFramebuffer(gpu_.device, &frame, nullptr, &framebuffer));
  gpu_.defer([&gpu = gpu_, handle = framebuffer] { vkDestroyFramebuffer(gpu.device, handle, nullptr); });
}

void SmallPass::create_set() {
  const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1,
                                             VK_SHADER_STAGE_VERTEX_BIT, nullptr};
  auto set_info =
      info_of<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set_info.bindingCount = 1;
  set_info.pBindings = &binding;
  VIADUCT_BENCH_VK(vkCreateDescriptorSetLayout(gpu_.device, &set_info, nullptr, &set_layout_));
  gpu_.defer(
      [&gpu = gpu_, handle = set_layout_] { vkDestroyDescriptorSetLayout(gpu.device, handle, nullptr); });
  const VkPushConstantRange range{VK_SHADER_STAGE_VERTEX_BIT, 0, 16};
  auto layout_info = info_of<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layout_info.setLayoutCount = layout_info.pushConstantRangeCount = 1;
  layout_info.pSetLayouts = &set_layout_;
  layout_info.pPushConstantRanges = &range;
  VIADUCT_BENCH_VK(vkCreatePipelineLayout(gpu_.device, &layout_info, nullptr, &layout));
  gpu_.defer([&gpu = gpu_, handle = layout] { vkDestroyPipelineLayout(gpu.device, handle, nullptr); });
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1};
  auto pool_info = info_of<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  pool_info.maxSets = pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VkDescriptorPool pool;
  VIADUCT_BENCH_VK(vkCreateDescriptorPool(gpu_.device, &pool_info, nullptr, &pool));
  gpu_.defer([&gpu = gpu_, pool] { vkDestroyDescriptorPool(gpu.device, pool, nullptr); });
  auto allocate = info_of<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  allocate.descriptorPool = pool;
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &set_layout_;
  VIADUCT_BENCH_VK(vkAllocateDescriptorSets(gpu_.device, &allocate, &set));
  const VkDescriptorBufferInfo uniforms{buffer.handle, 0, 256};
  auto write = info_of<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
  write.dstSet = set;
  write.descriptorCount = 1;
  write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  write.pBufferInfo = &uniforms;
  vkUpdateDescriptorSets(gpu_.device, 1, &write, 0, nullptr);
}

void SmallPass::begin(VkCommandBuffer commands, VkSubpassContents contents) const {
  auto info = info_of<VkRenderPassBeginInfo>(VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO);
  info.renderPass = pass;
  info.framebuffer = framebuffer;
  info.renderArea.extent = {kSize, kSize};
  vkCmdBeginRenderPass(commands, &info, contents);
}

VkPipeline SmallPass::create_pipeline(float shade) const {
  const VkSpecializationMapEntry entry{0, 0, sizeof shade};
  const VkSpecializationInfo constants{1, &entry, sizeof shade, &shade};
  VkPipelineShaderStageCreateInfo stages[2]{};
  for (int i = 0; i < 2; ++i) {
    stages[i].sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stages[i].stage = i == 0 ? VK_SHADER_STAGE_VERTEX_BIT : VK_SHADER_STAGE_FRAGMENT_BIT;
    stages[i].module = shaders_[static_cast<std::size_t>(i)];
    stages[i].pName = "main";
  }
  stages[1].pSpecializationInfo = &constants;
  auto input = info_of<VkPipelineVertexInputStateCreateInfo>(
      VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO);
  auto assembly = info_of<VkPipelineInputAssemblyStateCreateInfo>(
      VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO);
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  const VkViewport area{0, 0, kSize, kSize, 0, 1};
  const VkRect2D scissor{{0, 0}, {kSize, kSize}};
  auto viewport =
      info_of<VkPipelineViewportStateCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO);
  viewport.viewportCount = viewport.scissorCount = 1;
  viewport.pViewports = &area;
  viewport.pScissors = &scissor;
  auto raster = info_of<VkPipelineRasterizationStateCreateInfo>(
      VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO);
  raster.lineWidth = 1.0f;
  auto samples =
      info_of<VkPipelineMultisampleStateCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO);
  samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkPipelineColorBlendAttachmentState attachment{};
  attachment.colorWriteMask = 0xf;
  auto blend =
      info_of<VkPipelineColorBlendStateCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO);
  blend.attachmentCount = 1;
  blend.pAttachments = &attachment;
  auto info = info_of<VkGraphicsPipelineCreateInfo>(VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO);
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
  VkPipeline result;
  VIADUCT_BENCH_VK(vkCreateGraphicsPipelines(gpu_.device, VK_NULL_HANDLE, 1, &info, nullptr, &result));
  return result;
}

}  // namespace viaduct::bench
