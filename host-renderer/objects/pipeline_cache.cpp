#include "generated/host/overrides.hpp"
#include "host-renderer/objects/identity.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

namespace viaduct::host {

using protocol::ObjectType;

// The guest sees a pipelineCacheUUID of its own; the driver must see the one it wrote.
void on_vkCreatePipelineCache(CommandContext& ctx, protocol::vkCreatePipelineCache_args& a) {
  const PhysicalDevice& physical = *ctx.device->physical;
  VkPhysicalDeviceProperties properties{};
  physical.instance->table.vkGetPhysicalDeviceProperties(physical.handle, &properties);
  // Creations run on several threads here, whatever order the application keeps.
  const_cast<VkPipelineCacheCreateInfo*>(a.pCreateInfo)->flags &=
      ~VkPipelineCacheCreateFlags{VK_PIPELINE_CACHE_CREATE_EXTERNALLY_SYNCHRONIZED_BIT};
  if (a.pCreateInfo->initialDataSize != 0 && a.pCreateInfo->pInitialData != nullptr) {
    // The decoder's private copy of the guest's bytes: ours to change.
    auto* data = static_cast<std::byte*>(const_cast<void*>(a.pCreateInfo->pInitialData));
    cache_data_to_host({data, a.pCreateInfo->initialDataSize}, properties.pipelineCacheUUID);
  }
  a.result = ctx.device->table.vkCreatePipelineCache(a.device, a.pCreateInfo, nullptr, a.pPipelineCache);
  if (a.result != VK_SUCCESS) {
    *a.pPipelineCache = VK_NULL_HANDLE;
    ctx.objects().insert_failed(ObjectType::kPipelineCache, *a.pPipelineCache_ids);
  } else {
    ctx.objects().insert(ObjectType::kPipelineCache, *a.pPipelineCache_ids, driver_bits(*a.pPipelineCache));
  }
}

void on_vkGetPipelineCacheData(CommandContext& ctx, protocol::vkGetPipelineCacheData_args& a) {
  ctx.session.compile_threads().drain();
  a.result = ctx.device->table.vkGetPipelineCacheData(a.device, a.pipelineCache, a.pDataSize, a.pData);
  if (a.result >= 0 && a.pData != nullptr) {
    cache_data_to_guest({static_cast<std::byte*>(a.pData), *a.pDataSize});
  }
}

}  // namespace viaduct::host
