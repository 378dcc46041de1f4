// Pipeline create-infos as they are safe to encode: pointers that the specification says are ignored (dynamic
// state, rasteriser discard, mesh pipelines, library subsets, subpasses without such attachments) are nulled,
// because applications leave them undefined. Source of the rules: VkGraphicsPipelineCreateInfo's description
// and valid usage.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <vector>

#include "guest-icd/objects/scratch.hpp"

namespace viaduct::guest {

/// Which attachments the subpasses of a render pass use.
struct RenderPass {
  struct Subpass {
    bool color = false;
    bool depth_stencil = false;
  };
  std::vector<Subpass> subpasses;

  static RenderPass make(const VkRenderPassCreateInfo& info);
  static RenderPass make(const VkRenderPassCreateInfo2& info);
};

using RenderPassLookup = const RenderPass* (*)(void* context, VkRenderPass handle);

/// Copies in `scratch`; nullptr on exhaustion.
const VkGraphicsPipelineCreateInfo* sanitize_graphics(Scratch& scratch, std::uint32_t count,
                                                      const VkGraphicsPipelineCreateInfo* infos,
                                                      RenderPassLookup render_pass, void* context) noexcept;
const VkComputePipelineCreateInfo* sanitize_compute(Scratch& scratch, std::uint32_t count,
                                                    const VkComputePipelineCreateInfo* infos) noexcept;

/// Whether the application asked to be told the outcome of the creation itself (fail-on-compile flags), so
/// that the call must wait for the host.
bool wants_truth(VkPipelineCreateFlags flags, const void* chain = nullptr) noexcept;

/// Sets what a VkPipelineCreationFeedbackCreateInfo in the chain points to to "nothing is known" (flags
/// without VALID), until the host's answer overwrites it. Gives whether there is one: then the call must wait
/// as well.
bool clear_feedback(const void* chain) noexcept;

}  // namespace viaduct::guest
