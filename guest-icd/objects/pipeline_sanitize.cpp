#include "guest-icd/objects/pipeline_sanitize.hpp"

#include <algorithm>
#include <cstring>

#include "generated/protocol/pnext_sizes.hpp"
#include "guest-icd/wsi/chain.hpp"

namespace viaduct::guest {
namespace {

using wsi::find_in_chain;

// The struct of that type in the chain as a copy that may be changed, or nullptr. What stands before it is
// copied as well, without what it points to; structs that would not travel anyway are left out there.
template <class T>
T* own_in_chain(Scratch& scratch, const void*& chain, VkStructureType type) noexcept {
  if (find_in_chain<T>(chain, type) == nullptr) return nullptr;
  const void* head = nullptr;
  const void** link = &head;
  for (auto* from = static_cast<const VkBaseInStructure*>(chain);; from = from->pNext) {
    const std::size_t size = protocol::chained_size(from->sType);
    if (size == 0 && from->sType != type) continue;
    auto* copy = scratch.array<std::byte>(size);
    if (copy == nullptr) return nullptr;
    std::memcpy(copy, from, size);
    *link = copy;
    if (from->sType == type) {
      chain = head;
      return reinterpret_cast<T*>(copy);
    }
    link = reinterpret_cast<const void**>(&reinterpret_cast<VkBaseInStructure*>(copy)->pNext);
  }
}

// VkPipelineCreateFlags2CreateInfo replaces the member; the bits that both have are the same.
std::uint64_t replaced_flags(VkPipelineCreateFlags flags, const void* chain) noexcept {
#ifdef VK_VERSION_1_4
  const auto* flags2 = find_in_chain<VkPipelineCreateFlags2CreateInfo>(
      chain, VK_STRUCTURE_TYPE_PIPELINE_CREATE_FLAGS_2_CREATE_INFO);
  if (flags2 != nullptr) return flags2->flags;
#else
  (void)chain;
#endif
  return flags;
}

template <class Info>
std::uint64_t flags_of(const Info& info) noexcept {
  return replaced_flags(info.flags, info.pNext);
}

template <class Subpass>
RenderPass::Subpass attachments_of(const Subpass& from) {
  RenderPass::Subpass to;
  for (std::uint32_t i = 0; i < from.colorAttachmentCount; ++i) {
    to.color |= from.pColorAttachments[i].attachment != VK_ATTACHMENT_UNUSED;
  }
  to.depth_stencil = from.pDepthStencilAttachment != nullptr &&
                     from.pDepthStencilAttachment->attachment != VK_ATTACHMENT_UNUSED;
  return to;
}

class DynamicStates {
 public:
  explicit DynamicStates(const VkPipelineDynamicStateCreateInfo* info) noexcept : info_(info) {}
  bool has(VkDynamicState state) const noexcept {
    if (info_ == nullptr) return false;
    const VkDynamicState* end = info_->pDynamicStates + info_->dynamicStateCount;
    return std::find(info_->pDynamicStates, end, state) != end;
  }

 private:
  const VkPipelineDynamicStateCreateInfo* info_;
};

// The four parts of VK_EXT_graphics_pipeline_library that a create-info defines itself.
VkGraphicsPipelineLibraryFlagsEXT parts_of(const VkGraphicsPipelineCreateInfo& info) noexcept {
  constexpr VkGraphicsPipelineLibraryFlagsEXT kAll =
      VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT |
      VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT |
      VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT |
      VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT;
  const auto* library = find_in_chain<VkGraphicsPipelineLibraryCreateInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT);
  if (library != nullptr) return library->flags;
  const auto* linked = find_in_chain<VkPipelineLibraryCreateInfoKHR>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
  return linked != nullptr && linked->libraryCount > 0 ? 0 : kAll;
}

const VkPipelineViewportStateCreateInfo* sanitize_viewport(Scratch& scratch, const DynamicStates& dynamic,
                                                           const VkPipelineViewportStateCreateInfo* from) {
  auto* to = scratch.copy(from, 1);
  if (to == nullptr) return nullptr;
  if (dynamic.has(VK_DYNAMIC_STATE_VIEWPORT)) to->pViewports = nullptr;
  if (dynamic.has(VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT)) {
    to->pViewports = nullptr;
    to->viewportCount = 0;
  }
  if (dynamic.has(VK_DYNAMIC_STATE_SCISSOR)) to->pScissors = nullptr;
  if (dynamic.has(VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT)) {
    to->pScissors = nullptr;
    to->scissorCount = 0;
  }
  return to;
}

struct Uses {
  bool color = true;
  bool depth_stencil = true;
};

Uses attachments_used(const VkGraphicsPipelineCreateInfo& info, VkGraphicsPipelineLibraryFlagsEXT parts,
                      RenderPassLookup lookup, void* context) noexcept {
  if (info.renderPass != VK_NULL_HANDLE) {
    const RenderPass* pass = lookup(context, info.renderPass);
    if (pass == nullptr || info.subpass >= pass->subpasses.size()) return {};
    return {pass->subpasses[info.subpass].color, pass->subpasses[info.subpass].depth_stencil};
  }
  // A library without the output interface may still need depth state for its fragment shader.
  if ((parts & VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT) == 0) return {};
  const auto* rendering = find_in_chain<VkPipelineRenderingCreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
  if (rendering == nullptr) return {false, false};
  return {rendering->colorAttachmentCount > 0, rendering->depthAttachmentFormat != VK_FORMAT_UNDEFINED ||
                                                   rendering->stencilAttachmentFormat != VK_FORMAT_UNDEFINED};
}

// The formats of dynamic rendering count where the output interface is defined without a render pass, the
// view mask in each part but the vertex input.
void sanitize_rendering(Scratch& scratch, VkGraphicsPipelineCreateInfo& info,
                        VkGraphicsPipelineLibraryFlagsEXT parts) noexcept {
  const bool dynamic_pass = info.renderPass == VK_NULL_HANDLE;
  const bool output = (parts & VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT) != 0;
  if (dynamic_pass && output) return;
  auto* rendering = own_in_chain<VkPipelineRenderingCreateInfo>(
      scratch, info.pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
  if (rendering == nullptr) return;
  rendering->colorAttachmentCount = 0;
  rendering->pColorAttachmentFormats = nullptr;
  rendering->depthAttachmentFormat = VK_FORMAT_UNDEFINED;
  rendering->stencilAttachmentFormat = VK_FORMAT_UNDEFINED;
  const bool views =
      dynamic_pass && (parts & (VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT |
                                VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT)) != 0;
  if (!views) rendering->viewMask = 0;
}

void sanitize_one(Scratch& scratch, VkGraphicsPipelineCreateInfo& info, RenderPassLookup lookup,
                  void* context) noexcept {
  const auto parts = parts_of(info);
  const bool vertex_part = (parts & VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT) != 0;
  const bool raster_part = (parts & VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT) != 0;
  const bool fragment_part = (parts & VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT) != 0;
  const bool output_part = (parts & VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT) != 0;
  const DynamicStates dynamic(info.pDynamicState);

  if (!raster_part && !fragment_part) {
    info.stageCount = 0;
    info.pStages = nullptr;
    // The layout of a pipeline linked from libraries is used; a library of the other parts has none.
    if (parts != 0) info.layout = VK_NULL_HANDLE;
  }
  if (!raster_part && !fragment_part && !output_part) info.renderPass = VK_NULL_HANDLE;

  VkShaderStageFlags stages = 0;
  for (std::uint32_t i = 0; i < info.stageCount; ++i) stages |= info.pStages[i].stage;
  const bool mesh = raster_part && (stages & VK_SHADER_STAGE_MESH_BIT_EXT) != 0;
  const bool discard = raster_part && info.pRasterizationState != nullptr &&
                       !dynamic.has(VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE) &&
                       info.pRasterizationState->rasterizerDiscardEnable == VK_TRUE;

  if (!vertex_part || mesh || dynamic.has(VK_DYNAMIC_STATE_VERTEX_INPUT_EXT))
    info.pVertexInputState = nullptr;
  if (!vertex_part || mesh) info.pInputAssemblyState = nullptr;
  constexpr VkShaderStageFlags kTessellation =
      VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT | VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
  if (!raster_part || (stages & kTessellation) != kTessellation) info.pTessellationState = nullptr;
  if (!raster_part) info.pRasterizationState = nullptr;
  if (!raster_part || discard) {
    info.pViewportState = nullptr;
  } else {
    info.pViewportState = sanitize_viewport(scratch, dynamic, info.pViewportState);
  }

  const Uses uses = attachments_used(info, parts, lookup, context);
  sanitize_rendering(scratch, info, parts);
  if ((!fragment_part && !output_part) || discard) info.pMultisampleState = nullptr;
  if (!fragment_part || discard || !uses.depth_stencil) info.pDepthStencilState = nullptr;
  if (!output_part || discard || !uses.color) {
    info.pColorBlendState = nullptr;
  } else if (info.pColorBlendState != nullptr && dynamic.has(VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT) &&
             dynamic.has(VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT) &&
             dynamic.has(VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT)) {
    auto* blend = scratch.copy(info.pColorBlendState, 1);
    if (blend != nullptr) blend->pAttachments = nullptr;
    info.pColorBlendState = blend;
  }
  if ((flags_of(info) & VK_PIPELINE_CREATE_DERIVATIVE_BIT) == 0 || info.basePipelineIndex != -1) {
    info.basePipelineHandle = VK_NULL_HANDLE;
  }
}

}  // namespace

RenderPass RenderPass::make(const VkRenderPassCreateInfo& info) {
  RenderPass pass;
  for (std::uint32_t i = 0; i < info.subpassCount; ++i) {
    pass.subpasses.push_back(attachments_of(info.pSubpasses[i]));
  }
  return pass;
}

RenderPass RenderPass::make(const VkRenderPassCreateInfo2& info) {
  RenderPass pass;
  for (std::uint32_t i = 0; i < info.subpassCount; ++i) {
    pass.subpasses.push_back(attachments_of(info.pSubpasses[i]));
  }
  return pass;
}

const VkGraphicsPipelineCreateInfo* sanitize_graphics(Scratch& scratch, std::uint32_t count,
                                                      const VkGraphicsPipelineCreateInfo* infos,
                                                      RenderPassLookup render_pass, void* context) noexcept {
  auto* clean = scratch.copy(infos, count);
  for (std::uint32_t i = 0; clean != nullptr && i < count; ++i) {
    sanitize_one(scratch, clean[i], render_pass, context);
  }
  return clean;
}

const VkComputePipelineCreateInfo* sanitize_compute(Scratch& scratch, std::uint32_t count,
                                                    const VkComputePipelineCreateInfo* infos) noexcept {
  auto* clean = scratch.copy(infos, count);
  for (std::uint32_t i = 0; clean != nullptr && i < count; ++i) {
    if ((flags_of(clean[i]) & VK_PIPELINE_CREATE_DERIVATIVE_BIT) == 0 || clean[i].basePipelineIndex != -1) {
      clean[i].basePipelineHandle = VK_NULL_HANDLE;
    }
  }
  return clean;
}

bool wants_truth(VkPipelineCreateFlags flags, const void* chain) noexcept {
  return (replaced_flags(flags, chain) & (VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT |
                                          VK_PIPELINE_CREATE_EARLY_RETURN_ON_FAILURE_BIT)) != 0;
}

bool clear_feedback(const void* chain) noexcept {
  const auto* feedback = find_in_chain<VkPipelineCreationFeedbackCreateInfo>(
      chain, VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO);
  if (feedback == nullptr) return false;
  if (feedback->pPipelineCreationFeedback != nullptr) *feedback->pPipelineCreationFeedback = {};
  for (std::uint32_t i = 0; i < feedback->pipelineStageCreationFeedbackCount; ++i) {
    feedback->pPipelineStageCreationFeedbacks[i] = {};
  }
  return true;
}

}  // namespace viaduct::guest
