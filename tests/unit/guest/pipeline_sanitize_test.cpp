#include <gtest/gtest.h>

#include "guest-icd/objects/pipeline_sanitize.hpp"

namespace viaduct::guest {
namespace {

template <class T>
T garbage() {
  return reinterpret_cast<T>(std::uintptr_t{0xdead0});
}

// A vertex and fragment pipeline in which every pointer that may be left undefined is.
struct Fixture : ::testing::Test {
  VkPipelineShaderStageCreateInfo stages[2] = {
      {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr, 0, VK_SHADER_STAGE_VERTEX_BIT,
       VK_NULL_HANDLE, "main", nullptr},
      {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, nullptr, 0, VK_SHADER_STAGE_FRAGMENT_BIT,
       VK_NULL_HANDLE, "main", nullptr}};
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                             nullptr,
                                             0,
                                             1,
                                             garbage<const VkViewport*>(),
                                             1,
                                             garbage<const VkRect2D*>()};
  VkPipelineRasterizationStateCreateInfo raster{};
  std::vector<VkDynamicState> states;
  VkPipelineDynamicStateCreateInfo dynamic{};
  VkGraphicsPipelineCreateInfo info{};
  RenderPass pass;
  Scratch scratch;

  Fixture() {
    info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
    info.stageCount = 2;
    info.pStages = stages;
    info.pVertexInputState = garbage<const VkPipelineVertexInputStateCreateInfo*>();
    info.pInputAssemblyState = garbage<const VkPipelineInputAssemblyStateCreateInfo*>();
    info.pTessellationState = garbage<const VkPipelineTessellationStateCreateInfo*>();
    info.pViewportState = &viewport;
    info.pRasterizationState = &raster;
    info.pMultisampleState = garbage<const VkPipelineMultisampleStateCreateInfo*>();
    info.pDepthStencilState = garbage<const VkPipelineDepthStencilStateCreateInfo*>();
    info.pColorBlendState = garbage<const VkPipelineColorBlendStateCreateInfo*>();
    info.renderPass = garbage<VkRenderPass>();
    info.basePipelineHandle = garbage<VkPipeline>();
    pass.subpasses = {{true, true}, {true, false}, {false, true}};
  }
  const VkGraphicsPipelineCreateInfo& clean() {
    dynamic.dynamicStateCount = static_cast<std::uint32_t>(states.size());
    dynamic.pDynamicStates = states.data();
    info.pDynamicState = states.empty() ? nullptr : &dynamic;
    return *sanitize_graphics(
        scratch, 1, &info,
        [](void* context, VkRenderPass) { return static_cast<const RenderPass*>(context); }, &pass);
  }
};

using PipelineSanitize = Fixture;

TEST_F(PipelineSanitize, KeepsWhatAnOrdinaryPipelineUses) {
  const auto& to = clean();
  EXPECT_EQ(to.pVertexInputState, info.pVertexInputState);
  EXPECT_EQ(to.pInputAssemblyState, info.pInputAssemblyState);
  EXPECT_EQ(to.pMultisampleState, info.pMultisampleState);
  EXPECT_EQ(to.pDepthStencilState, info.pDepthStencilState);
  EXPECT_EQ(to.pColorBlendState, info.pColorBlendState);
  EXPECT_EQ(to.pViewportState->pViewports, viewport.pViewports);
  EXPECT_EQ(to.pTessellationState, nullptr);  // no tessellation stages
  EXPECT_EQ(to.basePipelineHandle, VkPipeline{});
}

TEST_F(PipelineSanitize, RasterizerDiscardIgnoresAllFragmentState) {
  raster.rasterizerDiscardEnable = VK_TRUE;
  const auto& to = clean();
  EXPECT_EQ(to.pViewportState, nullptr);
  EXPECT_EQ(to.pMultisampleState, nullptr);
  EXPECT_EQ(to.pDepthStencilState, nullptr);
  EXPECT_EQ(to.pColorBlendState, nullptr);
}

TEST_F(PipelineSanitize, DynamicRasterizerDiscardKeepsIt) {
  raster.rasterizerDiscardEnable = VK_TRUE;
  states = {VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE};
  EXPECT_EQ(clean().pColorBlendState, info.pColorBlendState);
}

TEST_F(PipelineSanitize, DynamicViewportsAndScissorsAreNotRead) {
  states = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT};
  viewport.scissorCount = 0xdead;
  const auto& to = clean();
  EXPECT_EQ(to.pViewportState->pViewports, nullptr);
  EXPECT_EQ(to.pViewportState->viewportCount, 1u);
  EXPECT_EQ(to.pViewportState->pScissors, nullptr);
  EXPECT_EQ(to.pViewportState->scissorCount, 0u);
}

TEST_F(PipelineSanitize, SubpassesWithoutAttachmentsIgnoreTheirState) {
  info.subpass = 1;
  EXPECT_EQ(clean().pDepthStencilState, nullptr);
  EXPECT_EQ(clean().pColorBlendState, info.pColorBlendState);
  info.subpass = 2;
  EXPECT_EQ(clean().pDepthStencilState, info.pDepthStencilState);
  EXPECT_EQ(clean().pColorBlendState, nullptr);
}

TEST_F(PipelineSanitize, DynamicRenderingSaysWhichAttachmentsThereAre) {
  VkPipelineRenderingCreateInfo rendering{};
  rendering.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
  rendering.depthAttachmentFormat = VK_FORMAT_D32_SFLOAT;
  info.pNext = &rendering;
  info.renderPass = VK_NULL_HANDLE;
  EXPECT_EQ(clean().pDepthStencilState, info.pDepthStencilState);
  EXPECT_EQ(clean().pColorBlendState, nullptr);
}

// As Mesa's Zink makes its libraries of shaders: everything but the view mask is left uninitialised.
TEST_F(PipelineSanitize, RenderingFormatsCountOnlyWithTheOutputInterface) {
  VkPipelineRenderingCreateInfo rendering{};
  rendering.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
  rendering.viewMask = 3;
  rendering.colorAttachmentCount = 0xdead;
  rendering.pColorAttachmentFormats = garbage<const VkFormat*>();
  VkBaseInStructure unknown{VK_STRUCTURE_TYPE_MAX_ENUM, reinterpret_cast<VkBaseInStructure*>(&rendering)};
  VkGraphicsPipelineLibraryCreateInfoEXT library{
      VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT, &unknown,
      VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT |
          VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT};
  info.pNext = &library;
  info.renderPass = VK_NULL_HANDLE;
  info.pDepthStencilState = nullptr;
  info.pMultisampleState = nullptr;

  const auto* first = static_cast<const VkGraphicsPipelineLibraryCreateInfoEXT*>(clean().pNext);
  ASSERT_EQ(first->sType, library.sType);
  EXPECT_EQ(first->flags, library.flags);
  const auto* second = static_cast<const VkPipelineRenderingCreateInfo*>(first->pNext);
  ASSERT_EQ(second->sType, rendering.sType);
  EXPECT_EQ(second->viewMask, 3u);
  EXPECT_EQ(second->colorAttachmentCount, 0u);
  EXPECT_EQ(second->pColorAttachmentFormats, nullptr);
  EXPECT_EQ(rendering.colorAttachmentCount, 0xdeadu) << "the application's own struct stays as it is";

  info.renderPass = garbage<VkRenderPass>();
  const auto* ignored = static_cast<const VkPipelineRenderingCreateInfo*>(
      static_cast<const VkGraphicsPipelineLibraryCreateInfoEXT*>(clean().pNext)->pNext);
  EXPECT_EQ(ignored->viewMask, 0u);
  EXPECT_EQ(ignored->pColorAttachmentFormats, nullptr);
}

TEST_F(PipelineSanitize, RenderingFormatsOfAWholePipelineStay) {
  const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  VkPipelineRenderingCreateInfo rendering{};
  rendering.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
  rendering.colorAttachmentCount = 1;
  rendering.pColorAttachmentFormats = &format;
  info.pNext = &rendering;
  info.renderPass = VK_NULL_HANDLE;
  EXPECT_EQ(clean().pNext, &rendering);
}

TEST_F(PipelineSanitize, MeshPipelinesHaveNoVertexInput) {
  stages[0].stage = VK_SHADER_STAGE_MESH_BIT_EXT;
  const auto& to = clean();
  EXPECT_EQ(to.pVertexInputState, nullptr);
  EXPECT_EQ(to.pInputAssemblyState, nullptr);
}

TEST_F(PipelineSanitize, ALibraryKeepsOnlyItsPart) {
  VkGraphicsPipelineLibraryCreateInfoEXT library{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
                                                 nullptr,
                                                 VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT};
  info.pNext = &library;
  info.pRasterizationState = garbage<const VkPipelineRasterizationStateCreateInfo*>();
  info.pViewportState = garbage<const VkPipelineViewportStateCreateInfo*>();
  info.pStages = garbage<const VkPipelineShaderStageCreateInfo*>();
  const auto& to = clean();
  EXPECT_EQ(to.pVertexInputState, info.pVertexInputState);
  EXPECT_EQ(to.stageCount, 0u);
  EXPECT_EQ(to.pRasterizationState, nullptr);
  EXPECT_EQ(to.pViewportState, nullptr);
  EXPECT_EQ(to.pColorBlendState, nullptr);
  EXPECT_EQ(to.renderPass, VkRenderPass{});
}

TEST(RenderPassInfo, UnusedAttachmentsDoNotCount) {
  const VkAttachmentReference unused{VK_ATTACHMENT_UNUSED, VK_IMAGE_LAYOUT_UNDEFINED};
  const VkAttachmentReference used{0, VK_IMAGE_LAYOUT_GENERAL};
  VkSubpassDescription subpasses[2] = {};
  subpasses[0].colorAttachmentCount = 1;
  subpasses[0].pColorAttachments = &unused;
  subpasses[1].pDepthStencilAttachment = &used;
  VkRenderPassCreateInfo info{};
  info.subpassCount = 2;
  info.pSubpasses = subpasses;
  const RenderPass pass = RenderPass::make(info);
  EXPECT_FALSE(pass.subpasses[0].color);
  EXPECT_FALSE(pass.subpasses[0].depth_stencil);
  EXPECT_TRUE(pass.subpasses[1].depth_stencil);
}

TEST(PipelineTruth, OnlyFailOnCompileFlagsMakeCreationWait) {
  EXPECT_FALSE(wants_truth(VK_PIPELINE_CREATE_DISABLE_OPTIMIZATION_BIT));
  EXPECT_TRUE(wants_truth(VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT));
}

}  // namespace
}  // namespace viaduct::guest
