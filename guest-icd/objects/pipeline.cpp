// Entry points of render passes and pipelines. Creation is posted (DESIGN decision 6) unless the application
// asks for its outcome, with the fail-on-compile flags or by a struct for creation feedback.
#include <algorithm>
#include <new>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/objects/pipeline_sanitize.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

using protocol::id_of;
using protocol::ObjectType;

const RenderPass* find_render_pass(void* context, VkRenderPass handle) {
  return static_cast<ObjectTables*>(context)->render_passes.find(id_of(handle));
}

bool name_pipelines(Channel& channel, std::uint32_t count, VkPipeline* pipelines) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t id = new_id(channel, ObjectType::kPipeline);
    pipelines[i] = handle_of<VkPipeline>(id);
    if (id != 0) continue;
    for (std::uint32_t j = 0; j < i; ++j) release_id(channel, ObjectType::kPipeline, id_of(pipelines[j]));
    std::fill_n(pipelines, count, VkPipeline{});
    return false;
  }
  return true;
}

// What pipeline creation of every kind does once its infos are safe. The call's outputs tell which were not
// made.
template <class Info, class Post, class Call>
VkResult create_pipelines(VkDevice device, std::uint32_t count, const Info* infos, VkPipeline* pipelines,
                          const Post& post, const Call& call) noexcept {
  Device* self = Device::from(device);
  const HearsHost hears(*self);
  Channel& channel = *self->channel;
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  if (infos == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  if (!name_pipelines(channel, count, pipelines)) return VK_ERROR_OUT_OF_HOST_MEMORY;
  bool wait = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    wait |= clear_feedback(infos[i].pNext);
    wait |= wants_truth(infos[i].flags, infos[i].pNext);
  }
  if (!wait) {
    post(channel);
    return VK_SUCCESS;
  }
  Scratch scratch;
  VkPipeline* names = scratch.copy(pipelines, count);
  const VkResult result = call(channel);
  // Names of pipelines that were not made become free again. Those that were made although another failed are
  // the application's (10.1, "Multiple Pipeline Creation").
  for (std::uint32_t i = 0; i < count; ++i) {
    if (result == VK_ERROR_DEVICE_LOST && names != nullptr) pipelines[i] = VK_NULL_HANDLE;
    if (pipelines[i] == VK_NULL_HANDLE && names != nullptr) {
      release_id(channel, ObjectType::kPipeline, id_of(names[i]));
    }
  }
  if (result == VK_ERROR_DEVICE_LOST) self->latch_lost();
  return result;
}

// Whether the driver is asked what it merged (VK_EXT_subpass_merge_feedback): that is answered by the call
// itself.
bool wants_feedback(const VkRenderPassCreateInfo2& info) noexcept {
  const auto has = [](const void* chain, VkStructureType type) {
    for (auto* next = static_cast<const VkBaseInStructure*>(chain); next != nullptr; next = next->pNext) {
      if (next->sType == type) return true;
    }
    return false;
  };
  if (has(info.pNext, VK_STRUCTURE_TYPE_RENDER_PASS_CREATION_FEEDBACK_CREATE_INFO_EXT)) return true;
  return std::any_of(info.pSubpasses, info.pSubpasses + info.subpassCount, [&](const auto& subpass) {
    return has(subpass.pNext, VK_STRUCTURE_TYPE_RENDER_PASS_SUBPASS_FEEDBACK_CREATE_INFO_EXT);
  });
}

// `send` posts, or waits for the result.
template <class Info, class Send>
VkResult create_render_pass(VkDevice device, const Info& info, VkRenderPass* out, const Send& send) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  const std::uint64_t id = new_id(channel, ObjectType::kRenderPass);
  RenderPass* pass = id == 0 ? nullptr : self->session->objects().render_passes.make(id);
  if (pass == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  try {
    *pass = RenderPass::make(info);
  } catch (const std::bad_alloc&) {
    release_id(channel, ObjectType::kRenderPass, id);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *out = handle_of<VkRenderPass>(id);
  const VkResult result = send(channel);
  if (result != VK_SUCCESS) {
    *out = VK_NULL_HANDLE;
    release_id(channel, ObjectType::kRenderPass, id);
    if (result == VK_ERROR_DEVICE_LOST) self->latch_lost();
  }
  return result;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateRenderPass(VkDevice device, const VkRenderPassCreateInfo* pCreateInfo,
                                                  const VkAllocationCallbacks* pAllocator,
                                                  VkRenderPass* pRenderPass) noexcept {
  return create_render_pass(device, *pCreateInfo, pRenderPass, [&](Channel& channel) {
    post_vkCreateRenderPass(channel, device, pCreateInfo, pAllocator, pRenderPass);
    return VK_SUCCESS;
  });
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateRenderPass2(VkDevice device,
                                                   const VkRenderPassCreateInfo2* pCreateInfo,
                                                   const VkAllocationCallbacks* pAllocator,
                                                   VkRenderPass* pRenderPass) noexcept {
  return create_render_pass(device, *pCreateInfo, pRenderPass, [&](Channel& channel) {
    if (wants_feedback(*pCreateInfo)) {
      return call_vkCreateRenderPass2(channel, device, pCreateInfo, pAllocator, pRenderPass);
    }
    post_vkCreateRenderPass2(channel, device, pCreateInfo, pAllocator, pRenderPass);
    return VK_SUCCESS;
  });
}

VKAPI_ATTR void VKAPI_CALL vkDestroyRenderPass(VkDevice device, VkRenderPass renderPass,
                                               const VkAllocationCallbacks* pAllocator) noexcept {
  if (renderPass == VK_NULL_HANDLE) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyRenderPass(channel, device, renderPass, pAllocator);
  release_id(channel, ObjectType::kRenderPass, id_of(renderPass));
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateGraphicsPipelines(VkDevice device, VkPipelineCache pipelineCache,
                                                         uint32_t createInfoCount,
                                                         const VkGraphicsPipelineCreateInfo* pCreateInfos,
                                                         const VkAllocationCallbacks* pAllocator,
                                                         VkPipeline* pPipelines) noexcept {
  Scratch scratch;
  const auto* infos = sanitize_graphics(scratch, createInfoCount, pCreateInfos, find_render_pass,
                                        &Device::from(device)->session->objects());
  return create_pipelines(
      device, createInfoCount, infos, pPipelines,
      [&](Channel& channel) {
        post_vkCreateGraphicsPipelines(channel, device, pipelineCache, createInfoCount, infos, pAllocator,
                                       pPipelines);
      },
      [&](Channel& channel) {
        return call_vkCreateGraphicsPipelines(channel, device, pipelineCache, createInfoCount, infos,
                                              pAllocator, pPipelines);
      });
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateComputePipelines(VkDevice device, VkPipelineCache pipelineCache,
                                                        uint32_t createInfoCount,
                                                        const VkComputePipelineCreateInfo* pCreateInfos,
                                                        const VkAllocationCallbacks* pAllocator,
                                                        VkPipeline* pPipelines) noexcept {
  Scratch scratch;
  const auto* infos = sanitize_compute(scratch, createInfoCount, pCreateInfos);
  return create_pipelines(
      device, createInfoCount, infos, pPipelines,
      [&](Channel& channel) {
        post_vkCreateComputePipelines(channel, device, pipelineCache, createInfoCount, infos, pAllocator,
                                      pPipelines);
      },
      [&](Channel& channel) {
        return call_vkCreateComputePipelines(channel, device, pipelineCache, createInfoCount, infos,
                                             pAllocator, pPipelines);
      });
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateRayTracingPipelinesKHR(
    VkDevice device, VkDeferredOperationKHR deferredOperation, VkPipelineCache pipelineCache,
    uint32_t createInfoCount, const VkRayTracingPipelineCreateInfoKHR* pCreateInfos,
    const VkAllocationCallbacks* pAllocator, VkPipeline* pPipelines) noexcept {
  // Posted work is as asynchronous as it gets, so nothing is ever deferred: the specification's
  // VK_OPERATION_NOT_DEFERRED_KHR says that the operation is complete for the application's purposes.
  const VkResult result = create_pipelines(
      device, createInfoCount, pCreateInfos, pPipelines,
      [&](Channel& channel) {
        post_vkCreateRayTracingPipelinesKHR(channel, device, VK_NULL_HANDLE, pipelineCache, createInfoCount,
                                            pCreateInfos, pAllocator, pPipelines);
      },
      [&](Channel& channel) {
        return call_vkCreateRayTracingPipelinesKHR(channel, device, VK_NULL_HANDLE, pipelineCache,
                                                   createInfoCount, pCreateInfos, pAllocator, pPipelines);
      });
  return result == VK_SUCCESS && deferredOperation != VK_NULL_HANDLE ? VK_OPERATION_NOT_DEFERRED_KHR : result;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkCreateRayTracingPipelinesNV(VkDevice device, VkPipelineCache pipelineCache, uint32_t createInfoCount,
                              const VkRayTracingPipelineCreateInfoNV* pCreateInfos,
                              const VkAllocationCallbacks* pAllocator, VkPipeline* pPipelines) noexcept {
  return create_pipelines(
      device, createInfoCount, pCreateInfos, pPipelines,
      [&](Channel& channel) {
        post_vkCreateRayTracingPipelinesNV(channel, device, pipelineCache, createInfoCount, pCreateInfos,
                                           pAllocator, pPipelines);
      },
      [&](Channel& channel) {
        return call_vkCreateRayTracingPipelinesNV(channel, device, pipelineCache, createInfoCount,
                                                  pCreateInfos, pAllocator, pPipelines);
      });
}

}  // namespace entry
}  // namespace viaduct::guest
