// Pipelines and submissions. The guest empties what the specification lets be garbage in a pipeline's infos;
// here the infos are made such that nearly everything counts, and is seen to arrive.
#include <iterator>

#include "generated/protocol/args.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

using protocol::Command;

// VkPipelineCreateFlags2CreateInfo replaces the member; the bits that both have are the same.
template <class Info>
bool is_derivative(const Info& info) {
#ifdef VK_VERSION_1_4
  const auto* flags2 = find_in_chain<VkPipelineCreateFlags2CreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_CREATE_FLAGS_2_CREATE_INFO);
  if (flags2 != nullptr) return (flags2->flags & VK_PIPELINE_CREATE_2_DERIVATIVE_BIT) != 0;
#endif
  return (info.flags & VK_PIPELINE_CREATE_DERIVATIVE_BIT) != 0;
}

// A derivative names its parent by a handle or by an index; the other one is ignored.
template <class Info>
void choose_parent(Info& info) {
  if ((info.basePipelineIndex & 1) == 0) return;
  info.flags |= VK_PIPELINE_CREATE_DERIVATIVE_BIT;
  info.basePipelineIndex = -1;
}

template <class Info>
void ignore_parent(Info& info) {
  if (!is_derivative(info) || info.basePipelineIndex != -1) info.basePipelineHandle = VK_NULL_HANDLE;
}

void prepare_compute(Guest&, protocol::vkCreateComputePipelines_args& a, Arena&) {
  for (uint32_t i = 0; i < a.createInfoCount; ++i) choose_parent(mine(a.pCreateInfos + i));
}
void change_compute(Guest&, protocol::vkCreateComputePipelines_args& a, Arena&) {
  for (uint32_t i = 0; i < a.createInfoCount; ++i) ignore_parent(mine(a.pCreateInfos + i));
}

// Libraries that define all four parts of a pipeline, and no link to others, which would take parts away.
void complete_chain(VkGraphicsPipelineCreateInfo& info) {
  auto* library = find_in_chain<VkGraphicsPipelineLibraryCreateInfoEXT>(
      info.pNext, VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT);
  if (library != nullptr) {
    library->flags = VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT |
                     VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT |
                     VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT |
                     VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT;
    return;
  }
  auto* linked = find_in_chain<VkPipelineLibraryCreateInfoKHR>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
  if (linked == nullptr) return;
  linked->libraryCount = 0;
  linked->pLibraries = nullptr;
}

// Half of those that can do without a render pass have none, and attachments of both kinds all the same.
void choose_rendering(const Guest& guest, VkGraphicsPipelineCreateInfo& info) {
  info.renderPass = guest.render_pass;
  auto* rendering = find_in_chain<VkPipelineRenderingCreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
  if (rendering == nullptr || (info.subpass & 1) == 0 || rendering->colorAttachmentCount == 0 ||
      rendering->pColorAttachmentFormats == nullptr) {
    return;
  }
  info.renderPass = VK_NULL_HANDLE;
  mine(rendering->pColorAttachmentFormats) = VK_FORMAT_R8G8B8A8_UNORM;
  rendering->depthAttachmentFormat = VK_FORMAT_D32_SFLOAT;
}

constexpr VkShaderStageFlagBits kStages[] = {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT,
                                             VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT,
                                             VK_SHADER_STAGE_FRAGMENT_BIT};

void prepare_graphics(Guest& guest, protocol::vkCreateGraphicsPipelines_args& a, Arena&) {
  for (uint32_t i = 0; i < a.createInfoCount; ++i) {
    VkGraphicsPipelineCreateInfo& info = mine(a.pCreateInfos + i);
    if (info.pStages == nullptr) info.stageCount = 0;
    for (uint32_t s = 0; s < info.stageCount; ++s) {
      mine(info.pStages + s).stage = kStages[s % std::size(kStages)];
    }
    if (info.pRasterizationState != nullptr) {
      mine(info.pRasterizationState).rasterizerDiscardEnable = VK_FALSE;
    }
    // Dynamic states that leave the other members in force.
    for (uint32_t d = 0; info.pDynamicState != nullptr && d < info.pDynamicState->dynamicStateCount; ++d) {
      auto& state = const_cast<VkDynamicState&>(info.pDynamicState->pDynamicStates[d]);
      state = static_cast<VkDynamicState>(VK_DYNAMIC_STATE_LINE_WIDTH + static_cast<uint32_t>(state) % 7);
    }
    choose_rendering(guest, info);
    info.subpass = 0;
    complete_chain(info);
    choose_parent(info);
  }
}

// With a render pass, what dynamic rendering would need is ignored.
void ignore_rendering(VkGraphicsPipelineCreateInfo& info) {
  if (info.renderPass == VK_NULL_HANDLE) return;
  auto* rendering = find_in_chain<VkPipelineRenderingCreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
  if (rendering == nullptr) return;
  rendering->viewMask = 0;
  rendering->colorAttachmentCount = 0;
  rendering->pColorAttachmentFormats = nullptr;
  rendering->depthAttachmentFormat = rendering->stencilAttachmentFormat = VK_FORMAT_UNDEFINED;
}

void change_graphics(Guest&, protocol::vkCreateGraphicsPipelines_args& a, Arena&) {
  for (uint32_t i = 0; i < a.createInfoCount; ++i) {
    VkGraphicsPipelineCreateInfo& info = mine(a.pCreateInfos + i);
    if (info.stageCount < 2) info.pTessellationState = nullptr;
    ignore_parent(info);
    ignore_rendering(info);
  }
}

// The worker makes pipelines on several threads.
void change_cache(Guest&, protocol::vkCreatePipelineCache_args& a, Arena&) {
  mine(a.pCreateInfo).flags &=
      ~VkPipelineCacheCreateFlags{VK_PIPELINE_CACHE_CREATE_EXTERNALLY_SYNCHRONIZED_BIT};
}

// Posted work is deferred already: the guest answers VK_OPERATION_NOT_DEFERRED_KHR by itself.
void prepare_ray_tracing(Guest&, protocol::vkCreateRayTracingPipelinesKHR_args& a, Arena&) {
  a.deferredOperation = VK_NULL_HANDLE;
}

// The fence stays in the guest, which has one that can be used again.
template <class A>
void prepare_submission(Guest& guest, A& a, Arena&) {
  const auto reset = guest.get<PFN_vkResetFences>("vkResetFences");
  if (a.fence != VK_NULL_HANDLE) reset(guest.device, 1, &a.fence);
}

// Nothing that is not there yet is waited for: that is the directed tests' affair.
void prepare_semaphore_wait(Guest&, protocol::vkWaitSemaphores_args& a, Arena&) { a.timeout = 0; }

}  // namespace

Rules pipeline_rules() {
  return {
      {Command::vkCreateComputePipelines, {step(prepare_compute), step(change_compute), {}}},
      {Command::vkCreateGraphicsPipelines, {step(prepare_graphics), step(change_graphics), {}}},
      {Command::vkCreatePipelineCache, {{}, step(change_cache), {}}},
      {Command::vkCreateRayTracingPipelinesKHR, {step(prepare_ray_tracing), {}, {}}},
  };
}

Rules submission_rules() {
  return {
      {Command::vkQueueSubmit, {step(prepare_submission<protocol::vkQueueSubmit_args>), {}, {}}},
      {Command::vkQueueSubmit2, {step(prepare_submission<protocol::vkQueueSubmit2_args>), {}, {}}},
      {Command::vkQueueBindSparse, {step(prepare_submission<protocol::vkQueueBindSparse_args>), {}, {}}},
      {Command::vkWaitSemaphores, {step(prepare_semaphore_wait), {}, {}}},
  };
}

}  // namespace viaduct::fake
