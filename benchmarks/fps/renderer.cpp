#include "fps/renderer.hpp"

#include <algorithm>
#include <cstring>

#include "shaders/cube_frag.h"
#include "shaders/cube_vert.h"
#include "shaders/sky_frag.h"
#include "shaders/sky_vert.h"

namespace viaduct::bench {
namespace {

constexpr VkFormat kColorFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr uint32_t kIndexCount = 36, kVertexCount = 24;
constexpr VkDeviceSize kIndexOffset = kVertexCount * 24;
constexpr VkMemoryPropertyFlags kVisible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;

}  // namespace

Renderer::Renderer(const RendererOptions& options) : options_(options) {
  choose_size();
  VkFormatProperties depth;
  vkGetPhysicalDeviceFormatProperties(gpu_.physical, depth_format_, &depth);
  if (!(depth.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT))
    depth_format_ = VK_FORMAT_D16_UNORM;  // the specification promises this one
  create_pass();
  create_pipelines();
  create_mesh();
  for (Frame& frame : frames_) create_frame(frame);
}

void Renderer::choose_size() {
  const bool software = gpu_.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  if (!options_.width)
    options_.width = options_.height ? std::max(16u, options_.height * 16 / 9) : software ? 640 : 1280;
  if (!options_.height) options_.height = std::max(16u, options_.width * 9 / 16);
}

void Renderer::create_pass() {
  VkAttachmentDescription attachments[2]{};
  for (auto& attachment : attachments) {
    attachment.samples = VK_SAMPLE_COUNT_1_BIT;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    attachment.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  }
  attachments[0].format = kColorFormat;
  attachments[0].storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  attachments[0].finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  attachments[1].format = depth_format_;
  attachments[1].storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  attachments[1].finalLayout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
  VkAttachmentReference color{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &color;
  subpass.pDepthStencilAttachment = &depth;
  VkSubpassDependency after{};
  after.srcSubpass = 0;
  after.dstSubpass = VK_SUBPASS_EXTERNAL;
  after.srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  after.dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
  after.srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  after.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
  VkRenderPassCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
  info.attachmentCount = 2;
  info.pAttachments = attachments;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.dependencyCount = 1;
  info.pDependencies = &after;
  VIADUCT_BENCH_VK(vkCreateRenderPass(gpu_.device, &info, nullptr, &pass_));
  gpu_.defer([this] { vkDestroyRenderPass(gpu_.device, pass_, nullptr); });
}

void Renderer::create_pipelines() {
  VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1,
                                       VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo set_info{};
  set_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  set_info.bindingCount = 1;
  set_info.pBindings = &binding;
  VIADUCT_BENCH_VK(vkCreateDescriptorSetLayout(gpu_.device, &set_info, nullptr, &set_layout_));
  gpu_.defer([this] { vkDestroyDescriptorSetLayout(gpu_.device, set_layout_, nullptr); });
  VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, kFramesInFlight};
  VkDescriptorPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool_info.maxSets = kFramesInFlight;
  pool_info.poolSizeCount = 1;
  pool_info.pPoolSizes = &size;
  VIADUCT_BENCH_VK(vkCreateDescriptorPool(gpu_.device, &pool_info, nullptr, &descriptors_));
  gpu_.defer([this] { vkDestroyDescriptorPool(gpu_.device, descriptors_, nullptr); });
  VkPushConstantRange range{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(Box)};
  VkPipelineLayoutCreateInfo layout_info{};
  layout_info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout_info.setLayoutCount = 1;
  layout_info.pSetLayouts = &set_layout_;
  layout_info.pushConstantRangeCount = 1;
  layout_info.pPushConstantRanges = &range;
  VIADUCT_BENCH_VK(vkCreatePipelineLayout(gpu_.device, &layout_info, nullptr, &layout_));
  gpu_.defer([this] { vkDestroyPipelineLayout(gpu_.device, layout_, nullptr); });
  boxes_pipeline_ = create_pipeline(k_cube_vert, k_cube_frag, true);
  sky_pipeline_ = create_pipeline(k_sky_vert, k_sky_frag, false);
}

VkPipeline Renderer::create_pipeline(std::span<const uint32_t> vertex, std::span<const uint32_t> fragment,
                                     bool mesh) {
  VkPipelineShaderStageCreateInfo stages[2]{};
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = gpu_.shader(vertex);
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = gpu_.shader(fragment);
  for (auto& stage : stages) {
    stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stage.pName = "main";
  }
  VkVertexInputBindingDescription binding{0, 24, VK_VERTEX_INPUT_RATE_VERTEX};
  VkVertexInputAttributeDescription attributes[] = {{0, 0, VK_FORMAT_R32G32B32_SFLOAT, 0},
                                                    {1, 0, VK_FORMAT_R32G32B32_SFLOAT, 12}};
  VkPipelineVertexInputStateCreateInfo input{};
  input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
  if (mesh) {
    input.vertexBindingDescriptionCount = 1;
    input.pVertexBindingDescriptions = &binding;
    input.vertexAttributeDescriptionCount = 2;
    input.pVertexAttributeDescriptions = attributes;
  }
  VkPipelineInputAssemblyStateCreateInfo assembly{};
  assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  VkViewport area{0, 0, static_cast<float>(options_.width), static_cast<float>(options_.height), 0, 1};
  VkRect2D scissor{{0, 0}, {options_.width, options_.height}};
  VkPipelineViewportStateCreateInfo viewport{};
  viewport.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
  viewport.viewportCount = viewport.scissorCount = 1;
  viewport.pViewports = &area;
  viewport.pScissors = &scissor;
  VkPipelineRasterizationStateCreateInfo raster{};
  raster.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
  raster.cullMode = mesh ? VK_CULL_MODE_BACK_BIT : VK_CULL_MODE_NONE;
  raster.frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE;
  raster.lineWidth = 1.0f;
  VkPipelineMultisampleStateCreateInfo samples{};
  samples.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
  samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkPipelineDepthStencilStateCreateInfo depth{};
  depth.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO;
  depth.depthTestEnable = VK_TRUE;
  depth.depthWriteEnable = mesh;
  depth.depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL;
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
  info.pDepthStencilState = &depth;
  info.pColorBlendState = &blend;
  info.layout = layout_;
  info.renderPass = pass_;
  VkPipeline pipeline;
  VIADUCT_BENCH_VK(vkCreateGraphicsPipelines(gpu_.device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  gpu_.defer([this, pipeline] { vkDestroyPipeline(gpu_.device, pipeline, nullptr); });
  return pipeline;
}

void Renderer::create_mesh() {
  struct {
    float vertices[kVertexCount][6];
    uint16_t indices[kIndexCount];
  } data;
  static_assert(offsetof(decltype(data), indices) == kIndexOffset);
  uint16_t v = 0, i = 0;
  for (int axis = 0; axis < 3; ++axis)
    for (float side : {-1.0f, 1.0f}) {
      constexpr uint16_t kOrder[2][6] = {{0, 2, 1, 1, 2, 3}, {0, 1, 2, 1, 3, 2}};
      for (uint16_t index : kOrder[side > 0]) data.indices[i++] = static_cast<uint16_t>(v + index);
      for (int corner = 0; corner < 4; ++corner) {
        float* vertex = data.vertices[v++];
        std::memset(vertex, 0, 24);
        vertex[axis] = vertex[3 + axis] = side;
        vertex[(axis + 1) % 3] = corner & 1 ? 1.0f : -1.0f;
        vertex[(axis + 2) % 3] = corner & 2 ? 1.0f : -1.0f;
      }
    }
  mesh_ = gpu_.buffer(sizeof data, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
                      kVisible | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  std::memcpy(mesh_.memory.mapped, &data, sizeof data);
}

void Renderer::create_frame(Frame& frame) {
  const VkExtent2D extent{options_.width, options_.height};
  frame.color = gpu_.image(kColorFormat, extent,
                           VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                           VK_IMAGE_ASPECT_COLOR_BIT);
  frame.depth = gpu_.image(depth_format_, extent, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
                           VK_IMAGE_ASPECT_DEPTH_BIT);
  const VkImageView views[] = {frame.color.view, frame.depth.view};
  VkFramebufferCreateInfo framebuffer{};
  framebuffer.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
  framebuffer.renderPass = pass_;
  framebuffer.attachmentCount = 2;
  framebuffer.pAttachments = views;
  framebuffer.width = options_.width;
  framebuffer.height = options_.height;
  framebuffer.layers = 1;
  VIADUCT_BENCH_VK(vkCreateFramebuffer(gpu_.device, &framebuffer, nullptr, &frame.framebuffer));
  gpu_.defer([this, handle = frame.framebuffer] { vkDestroyFramebuffer(gpu_.device, handle, nullptr); });
  frame.uniforms = gpu_.buffer(sizeof(FrameUniforms), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                               kVisible | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  frame.readback = gpu_.buffer(VkDeviceSize{options_.width} * options_.height * 4,
                               VK_BUFFER_USAGE_TRANSFER_DST_BIT, kVisible, VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  VkDescriptorSetAllocateInfo set_info{};
  set_info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  set_info.descriptorPool = descriptors_;
  set_info.descriptorSetCount = 1;
  set_info.pSetLayouts = &set_layout_;
  VIADUCT_BENCH_VK(vkAllocateDescriptorSets(gpu_.device, &set_info, &frame.set));
  VkDescriptorBufferInfo buffer{frame.uniforms.handle, 0, VK_WHOLE_SIZE};
  VkWriteDescriptorSet write{};
  write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
  write.dstSet = frame.set;
  write.descriptorCount = 1;
  write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
  write.pBufferInfo = &buffer;
  vkUpdateDescriptorSets(gpu_.device, 1, &write, 0, nullptr);
  frame.pool = gpu_.command_pool();
  frame.commands = gpu_.command_buffer(frame.pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
  VkFenceCreateInfo fence{};
  fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  fence.flags = VK_FENCE_CREATE_SIGNALED_BIT;
  VIADUCT_BENCH_VK(vkCreateFence(gpu_.device, &fence, nullptr, &frame.fence));
  gpu_.defer([this, handle = frame.fence] { vkDestroyFence(gpu_.device, handle, nullptr); });
}

void Renderer::record(Frame& frame) {
  VkCommandBuffer cb = frame.commands;
  VIADUCT_BENCH_VK(vkResetCommandPool(gpu_.device, frame.pool, 0));
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  VIADUCT_BENCH_VK(vkBeginCommandBuffer(cb, &begin));
  VkClearValue clears[2]{};
  clears[1].depthStencil.depth = 1.0f;
  VkRenderPassBeginInfo pass{};
  pass.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
  pass.renderPass = pass_;
  pass.framebuffer = frame.framebuffer;
  pass.renderArea.extent = {options_.width, options_.height};
  pass.clearValueCount = 2;
  pass.pClearValues = clears;
  vkCmdBeginRenderPass(cb, &pass, VK_SUBPASS_CONTENTS_INLINE);
  vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &frame.set, 0, nullptr);
  VkDeviceSize offset = 0;
  vkCmdBindVertexBuffers(cb, 0, 1, &mesh_.handle, &offset);
  vkCmdBindIndexBuffer(cb, mesh_.handle, kIndexOffset, VK_INDEX_TYPE_UINT16);
  vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, boxes_pipeline_);
  for (const Box& box : boxes_) {
    vkCmdPushConstants(cb, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof box, &box);
    vkCmdDrawIndexed(cb, kIndexCount, 1, 0, 0, 0);
  }
  if (options_.scene == Scene::kRecord) record_idle_commands(frame);
  vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, sky_pipeline_);
  vkCmdDraw(cb, 3, 1, 0, 0);
  vkCmdEndRenderPass(cb);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = {options_.width, options_.height, 1};
  vkCmdCopyImageToBuffer(cb, frame.color.handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, frame.readback.handle, 1, &region);
  VkMemoryBarrier to_host{};
  to_host.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vkCmdPipelineBarrier(cb, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0,
                       nullptr, 0, nullptr);
  VIADUCT_BENCH_VK(vkEndCommandBuffer(cb));
}

// State that no draw uses, in the mixture of small commands that engines record.
void Renderer::record_idle_commands(Frame& frame) {
  constexpr uint32_t kRounds = 4500;  // of four commands
  VkCommandBuffer cb = frame.commands;
  Box box{};
  VkDeviceSize offset = 0;
  for (uint32_t i = 0; i < kRounds; ++i) {
    box.center[0] = static_cast<float>(i);
    vkCmdPushConstants(cb, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof box, &box);
    vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &frame.set, 0, nullptr);
    vkCmdBindVertexBuffers(cb, 0, 1, &mesh_.handle, &offset);
    vkCmdBindIndexBuffer(cb, mesh_.handle, kIndexOffset, VK_INDEX_TYPE_UINT16);
  }
}

void Renderer::render(uint64_t number) {
  Frame& frame = frames_[number % kFramesInFlight];
  VIADUCT_BENCH_VK(vkWaitForFences(gpu_.device, 1, &frame.fence, VK_TRUE, UINT64_MAX));
  VIADUCT_BENCH_VK(vkResetFences(gpu_.device, 1, &frame.fence));
  float aspect = static_cast<float>(options_.width) / static_cast<float>(options_.height);
  FrameUniforms uniforms = build_uniforms(options_.scene, options_.tenant, number, aspect);
  std::memcpy(frame.uniforms.memory.mapped, &uniforms, sizeof uniforms);
  build_boxes(options_.scene, options_.tenant, number, boxes_);
  record(frame);
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &frame.commands;
  VIADUCT_BENCH_VK(vkQueueSubmit(gpu_.queue, 1, &submit, frame.fence));
  last_ = number;
}

std::span<const std::byte> Renderer::finish() {
  for (Frame& frame : frames_)
    VIADUCT_BENCH_VK(vkWaitForFences(gpu_.device, 1, &frame.fence, VK_TRUE, UINT64_MAX));
  Frame& frame = frames_[last_ % kFramesInFlight];
  if (!frame.readback.memory.coherent) {
    VkMappedMemoryRange range{};
    range.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE;
    range.memory = frame.readback.memory.handle;
    range.size = VK_WHOLE_SIZE;
    VIADUCT_BENCH_VK(vkInvalidateMappedMemoryRanges(gpu_.device, 1, &range));
  }
  return {frame.readback.memory.mapped, std::size_t{options_.width} * options_.height * 4};
}

}  // namespace viaduct::bench
