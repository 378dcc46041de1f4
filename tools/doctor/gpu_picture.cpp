// The test picture on the device, as the oldest Vulkan draws it: a render pass, a pipeline, a copy.
#include <array>

#include "tools/doctor/gpu.hpp"
#include "tools/doctor/picture.hpp"
// Made of shaders/ by glslang.
#include "shaders/picture_frag.h"
#include "shaders/picture_vert.h"

namespace viaduct::tools {
namespace {

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;

}  // namespace

VkShaderModule Gpu::shader(std::span<const std::uint32_t> words) {
  VkShaderModuleCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule made = VK_NULL_HANDLE;
  check_vk(vk_.CreateShaderModule(device_, &info, nullptr, &made), "vkCreateShaderModule");
  return made;
}

VkRenderPass Gpu::render_pass() {
  VkAttachmentDescription attachment{};
  attachment.format = kFormat;
  attachment.samples = VK_SAMPLE_COUNT_1_BIT;
  attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  attachment.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
  attachment.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
  attachment.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  VkSubpassDescription subpass{};
  subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  subpass.colorAttachmentCount = 1;
  subpass.pColorAttachments = &reference;
  const VkSubpassDependency after{0,
                                  VK_SUBPASS_EXTERNAL,
                                  VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                                  VK_PIPELINE_STAGE_TRANSFER_BIT,
                                  VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                                  VK_ACCESS_TRANSFER_READ_BIT,
                                  0};
  VkRenderPassCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
  info.attachmentCount = 1;
  info.pAttachments = &attachment;
  info.subpassCount = 1;
  info.pSubpasses = &subpass;
  info.dependencyCount = 1;
  info.pDependencies = &after;
  VkRenderPass made = VK_NULL_HANDLE;
  check_vk(vk_.CreateRenderPass(device_, &info, nullptr, &made), "vkCreateRenderPass");
  return made;
}

VkPipeline Gpu::pipeline(VkRenderPass pass) {
  VkPipelineLayoutCreateInfo layout_info{};
  layout_info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  check_vk(vk_.CreatePipelineLayout(device_, &layout_info, nullptr, &layout), "vkCreatePipelineLayout");

  std::array<VkPipelineShaderStageCreateInfo, 2> stages{};
  stages[0].sType = stages[1].sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = shader(k_picture_vert);
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = shader(k_picture_frag);
  stages[0].pName = stages[1].pName = "main";
  VkPipelineVertexInputStateCreateInfo vertices{};
  vertices.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
  VkPipelineInputAssemblyStateCreateInfo assembly{};
  assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  const auto side = static_cast<float>(kPictureSide);
  const VkViewport viewport{0, 0, side, side, 0, 1};
  const VkRect2D scissor{{0, 0}, {kPictureSide, kPictureSide}};
  VkPipelineViewportStateCreateInfo view{};
  view.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
  view.viewportCount = view.scissorCount = 1;
  view.pViewports = &viewport;
  view.pScissors = &scissor;
  VkPipelineRasterizationStateCreateInfo raster{};
  raster.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
  raster.lineWidth = 1;
  VkPipelineMultisampleStateCreateInfo samples{};
  samples.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
  samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
  VkPipelineColorBlendAttachmentState write{};
  write.colorWriteMask = 0xf;
  VkPipelineColorBlendStateCreateInfo blend{};
  blend.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
  blend.attachmentCount = 1;
  blend.pAttachments = &write;
  VkGraphicsPipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
  info.stageCount = 2;
  info.pStages = stages.data();
  info.pVertexInputState = &vertices;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &view;
  info.pRasterizationState = &raster;
  info.pMultisampleState = &samples;
  info.pColorBlendState = &blend;
  info.layout = layout;
  info.renderPass = pass;
  VkPipeline made = VK_NULL_HANDLE;
  check_vk(vk_.CreateGraphicsPipelines(device_, VK_NULL_HANDLE, 1, &info, nullptr, &made),
           "vkCreateGraphicsPipelines");
  return made;
}

std::vector<std::byte> Gpu::render_picture() {
  VkImageCreateInfo image_info{};
  image_info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
  image_info.imageType = VK_IMAGE_TYPE_2D;
  image_info.format = kFormat;
  image_info.extent = {kPictureSide, kPictureSide, 1};
  image_info.mipLevels = image_info.arrayLayers = 1;
  image_info.samples = VK_SAMPLE_COUNT_1_BIT;
  image_info.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  VkImage image = VK_NULL_HANDLE;
  check_vk(vk_.CreateImage(device_, &image_info, nullptr, &image), "vkCreateImage");
  VkMemoryRequirements needs;
  vk_.GetImageMemoryRequirements(device_, image, &needs);
  check_vk(vk_.BindImageMemory(device_, image, allocate(needs, 0), 0), "vkBindImageMemory");
  VkImageViewCreateInfo view_info{};
  view_info.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
  view_info.image = image;
  view_info.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view_info.format = kFormat;
  view_info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  VkImageView view = VK_NULL_HANDLE;
  check_vk(vk_.CreateImageView(device_, &view_info, nullptr, &view), "vkCreateImageView");

  const VkRenderPass pass = render_pass();
  VkFramebufferCreateInfo frame_info{};
  frame_info.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
  frame_info.renderPass = pass;
  frame_info.attachmentCount = 1;
  frame_info.pAttachments = &view;
  frame_info.width = frame_info.height = kPictureSide;
  frame_info.layers = 1;
  VkFramebuffer frame = VK_NULL_HANDLE;
  check_vk(vk_.CreateFramebuffer(device_, &frame_info, nullptr, &frame), "vkCreateFramebuffer");
  const VkPipeline drawing = pipeline(pass);
  const Buffer back = make_buffer(kPictureBytes, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                  VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);

  begin();
  VkClearValue clear{};
  for (std::size_t i = 0; i < 4; ++i) clear.color.float32[i] = kPictureClear[i];
  VkRenderPassBeginInfo begun{};
  begun.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
  begun.renderPass = pass;
  begun.framebuffer = frame;
  begun.renderArea = {{0, 0}, {kPictureSide, kPictureSide}};
  begun.clearValueCount = 1;
  begun.pClearValues = &clear;
  vk_.CmdBeginRenderPass(commands_, &begun, VK_SUBPASS_CONTENTS_INLINE);
  vk_.CmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_GRAPHICS, drawing);
  vk_.CmdDraw(commands_, 3, 1, 0, 0);
  vk_.CmdEndRenderPass(commands_);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = image_info.extent;
  vk_.CmdCopyImageToBuffer(commands_, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, back.handle, 1, &region);
  VkMemoryBarrier seen{};
  seen.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  seen.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  seen.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vk_.CmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &seen,
                         0, nullptr, 0, nullptr);
  submit_and_wait();
  return {back.mapped, back.mapped + kPictureBytes};
}

}  // namespace viaduct::tools
