// The half of the helper that makes passes, descriptors and pipelines, and records the usual commands.
#include "vk.hpp"

namespace pixels {

VkShaderModule Context::shader(Words words) {
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule result;
  PIXELS_VK(vkCreateShaderModule(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyShaderModule(device, result, nullptr); });
  return result;
}

VkRenderPass Context::render_pass(const PassOptions& options) {
  std::vector<VkAttachmentDescription> attachments;
  VkAttachmentReference color{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  bool loads = options.load == VK_ATTACHMENT_LOAD_OP_LOAD;
  VkAttachmentDescription description{};
  description.format = options.color;
  description.samples = options.samples;
  description.loadOp = options.load;
  description.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  description.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  description.stencilStoreOp = VK_ATTACHMENT_STORE_OP_STORE;
  description.initialLayout = loads ? VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL : VK_IMAGE_LAYOUT_UNDEFINED;
  description.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  attachments.push_back(description);
  if (options.depth) {
    description.format = options.depth;
    attachments.push_back(description);
  }
  VkAttachmentReference resolve{static_cast<uint32_t>(attachments.size()),
                                VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  if (options.resolve) {
    description.format = options.color;
    description.samples = VK_SAMPLE_COUNT_1_BIT;
    description.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    description.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    attachments.push_back(description);
  }
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &color;
  if (options.depth) subpass.pDepthStencilAttachment = &depth;
  if (options.resolve) subpass.pResolveAttachments = &resolve;
  VkSubpassDependency dependencies[2]{};
  for (auto& dependency : dependencies) {
    dependency.srcStageMask = dependency.dstStageMask = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    dependency.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    dependency.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  }
  dependencies[0].srcSubpass = dependencies[1].dstSubpass = VK_SUBPASS_EXTERNAL;
  dependencies[0].dstStageMask = dependencies[1].srcStageMask = VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT;
  VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
  info.attachmentCount = static_cast<uint32_t>(attachments.size());
  info.pAttachments = attachments.data();
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.dependencyCount = 2;
  info.pDependencies = dependencies;
  VkRenderPass result;
  PIXELS_VK(vkCreateRenderPass(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyRenderPass(device, result, nullptr); });
  return result;
}

VkFramebuffer Context::framebuffer(VkRenderPass pass, std::vector<VkImageView> views, uint32_t width,
                                   uint32_t height, uint32_t layers) {
  VkFramebufferCreateInfo info{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
  info.renderPass = pass;
  info.attachmentCount = static_cast<uint32_t>(views.size());
  info.pAttachments = views.data();
  info.width = width;
  info.height = height;
  info.layers = layers;
  VkFramebuffer result;
  PIXELS_VK(vkCreateFramebuffer(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyFramebuffer(device, result, nullptr); });
  return result;
}

VkDescriptorSetLayout Context::set_layout(const std::vector<Binding>& bindings) {
  std::vector<VkDescriptorSetLayoutBinding> list;
  for (const auto& b : bindings) list.push_back({b.binding, b.type, b.count, b.stages, nullptr});
  VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  info.bindingCount = static_cast<uint32_t>(list.size());
  info.pBindings = list.data();
  VkDescriptorSetLayout result;
  PIXELS_VK(vkCreateDescriptorSetLayout(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyDescriptorSetLayout(device, result, nullptr); });
  return result;
}

VkDescriptorSet Context::descriptor_set(VkDescriptorSetLayout layout, const std::vector<Binding>& bindings) {
  std::vector<VkDescriptorPoolSize> sizes;
  for (const auto& b : bindings) sizes.push_back({b.type, b.count});
  VkDescriptorPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool_info.maxSets = 1;
  pool_info.poolSizeCount = static_cast<uint32_t>(sizes.size());
  pool_info.pPoolSizes = sizes.data();
  VkDescriptorPool descriptors;
  PIXELS_VK(vkCreateDescriptorPool(device, &pool_info, nullptr, &descriptors));
  defer([this, descriptors] { vkDestroyDescriptorPool(device, descriptors, nullptr); });
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = descriptors;
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet result;
  PIXELS_VK(vkAllocateDescriptorSets(device, &info, &result));
  return result;
}

void Context::write_buffer(VkDescriptorSet set, uint32_t binding, VkDescriptorType type,
                           const Buffer& buffer) {
  VkDescriptorBufferInfo info{buffer.handle, 0, VK_WHOLE_SIZE};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = set;
  write.dstBinding = binding;
  write.descriptorCount = 1;
  write.descriptorType = type;
  write.pBufferInfo = &info;
  vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
}

void Context::write_image(VkDescriptorSet set, uint32_t binding, VkDescriptorType type, VkImageView view,
                          VkSampler sampler, VkImageLayout layout, uint32_t element) {
  VkDescriptorImageInfo info{sampler, view, layout};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = set;
  write.dstBinding = binding;
  write.dstArrayElement = element;
  write.descriptorCount = 1;
  write.descriptorType = type;
  write.pImageInfo = &info;
  vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
}

VkPipelineLayout Context::pipeline_layout(const std::vector<VkDescriptorSetLayout>& sets,
                                          uint32_t push_size) {
  VkPushConstantRange range{VK_SHADER_STAGE_ALL, 0, push_size};
  VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  info.setLayoutCount = static_cast<uint32_t>(sets.size());
  info.pSetLayouts = sets.data();
  info.pushConstantRangeCount = push_size ? 1 : 0;
  info.pPushConstantRanges = &range;
  VkPipelineLayout result;
  PIXELS_VK(vkCreatePipelineLayout(device, &info, nullptr, &result));
  defer([this, result] { vkDestroyPipelineLayout(device, result, nullptr); });
  return result;
}

VkPipeline Context::pipeline(const PipelineOptions& options) {
  VkPipelineShaderStageCreateInfo stages[2]{};
  for (auto& stage : stages) {
    stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    stage.pName = "main";
  }
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = shader(options.vertex);
  if (!options.fragment.empty()) {
    stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
    stages[1].module = shader(options.fragment);
    stages[1].pSpecializationInfo = options.specialization;
  }
  VkVertexInputBindingDescription bindings[] = {{0, sizeof(Vertex), VK_VERTEX_INPUT_RATE_VERTEX},
                                                {1, 16, VK_VERTEX_INPUT_RATE_INSTANCE}};
  VkVertexInputAttributeDescription attributes[] = {{0, 0, VK_FORMAT_R32G32B32_SFLOAT, 0},
                                                    {1, 0, VK_FORMAT_R32G32B32_SFLOAT, 12},
                                                    {2, 0, VK_FORMAT_R32G32_SFLOAT, 24},
                                                    {3, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0}};
  VkPipelineVertexInputStateCreateInfo input{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  if (options.vertex_input) {
    input.vertexBindingDescriptionCount = options.instance_input ? 2 : 1;
    input.pVertexBindingDescriptions = bindings;
    input.vertexAttributeDescriptionCount = options.instance_input ? 4 : 3;
    input.pVertexAttributeDescriptions = attributes;
  }
  VkPipelineInputAssemblyStateCreateInfo assembly{
      VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
  assembly.topology = options.topology;
  VkPipelineViewportStateCreateInfo viewports{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  viewports.viewportCount = viewports.scissorCount = 1;
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  raster.lineWidth = 1.0f;
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  samples.rasterizationSamples = options.samples;
  VkPipelineDepthStencilStateCreateInfo depth{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
  depth.depthTestEnable = depth.depthWriteEnable = options.depth_test;
  depth.depthCompareOp = options.depth_compare;
  depth.maxDepthBounds = 1.0f;
  if (options.stencil) {
    depth.stencilTestEnable = VK_TRUE;
    depth.front = depth.back = *options.stencil;
  }
  auto attachments = options.blend;
  if (attachments.empty()) {
    attachments.push_back({});
    attachments[0].colorWriteMask = 0xf;
  }
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  blend.attachmentCount = static_cast<uint32_t>(attachments.size());
  blend.pAttachments = attachments.data();
  std::vector<VkDynamicState> states = options.dynamic;
  states.push_back(VK_DYNAMIC_STATE_VIEWPORT);
  states.push_back(VK_DYNAMIC_STATE_SCISSOR);
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
  dynamic.dynamicStateCount = static_cast<uint32_t>(states.size());
  dynamic.pDynamicStates = states.data();
  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO, options.next};
  info.stageCount = options.fragment.empty() ? 1 : 2;
  info.pStages = stages;
  info.pVertexInputState = &input;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &viewports;
  info.pRasterizationState = &raster;
  info.pMultisampleState = &samples;
  info.pDepthStencilState = &depth;
  info.pColorBlendState = &blend;
  info.pDynamicState = &dynamic;
  info.layout = options.layout;
  info.renderPass = options.pass;
  info.subpass = options.subpass;
  VkPipeline result;
  PIXELS_VK(vkCreateGraphicsPipelines(device, options.cache, 1, &info, nullptr, &result));
  defer([this, result] { vkDestroyPipeline(device, result, nullptr); });
  return result;
}

VkPipeline Context::compute(Words words, VkPipelineLayout layout, const VkSpecializationInfo* specialization,
                            VkPipelineCache cache) {
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = shader(words);
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = specialization;
  info.layout = layout;
  VkPipeline result;
  PIXELS_VK(vkCreateComputePipelines(device, cache, 1, &info, nullptr, &result));
  defer([this, result] { vkDestroyPipeline(device, result, nullptr); });
  return result;
}

void begin(VkCommandBuffer command_buffer) {
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  PIXELS_VK(vkBeginCommandBuffer(command_buffer, &info));
}

void barrier(VkCommandBuffer command_buffer) {
  VkMemoryBarrier all{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  all.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
  all.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  constexpr VkPipelineStageFlags kAll = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  vkCmdPipelineBarrier(command_buffer, kAll, kAll | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &all, 0, nullptr, 0,
                       nullptr);
}

void transition(VkCommandBuffer command_buffer, const Image& image, VkImageLayout from, VkImageLayout to,
                uint32_t first_mip, uint32_t mips) {
  VkImageMemoryBarrier change{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  change.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
  change.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  change.oldLayout = from;
  change.newLayout = to;
  change.srcQueueFamilyIndex = change.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  change.image = image.handle;
  change.subresourceRange = {image.aspect, first_mip, mips, 0, VK_REMAINING_ARRAY_LAYERS};
  constexpr VkPipelineStageFlags kAll = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  vkCmdPipelineBarrier(command_buffer, kAll, kAll, 0, 0, nullptr, 0, nullptr, 1, &change);
}

void viewport(VkCommandBuffer command_buffer, uint32_t width, uint32_t height) {
  VkViewport area{0, 0, static_cast<float>(width), static_cast<float>(height), 0, 1};
  VkRect2D scissor{{0, 0}, {width, height}};
  vkCmdSetViewport(command_buffer, 0, 1, &area);
  vkCmdSetScissor(command_buffer, 0, 1, &scissor);
}

void begin_pass(VkCommandBuffer command_buffer, VkRenderPass pass, VkFramebuffer framebuffer, uint32_t width,
                uint32_t height, std::vector<VkClearValue> clears, VkSubpassContents contents) {
  VkRenderPassBeginInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
  info.renderPass = pass;
  info.framebuffer = framebuffer;
  info.renderArea = {{0, 0}, {width, height}};
  info.clearValueCount = static_cast<uint32_t>(clears.size());
  info.pClearValues = clears.data();
  vkCmdBeginRenderPass(command_buffer, &info, contents);
}

VkClearValue clear_color(float r, float g, float b, float a) {
  VkClearValue value{};
  value.color = {{r, g, b, a}};
  return value;
}

VkClearValue clear_depth(float depth, uint32_t stencil) {
  VkClearValue value{};
  value.depthStencil = {depth, stencil};
  return value;
}

}  // namespace pixels
