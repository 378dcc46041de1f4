#include "generated/host/overrides.hpp"
#include "host-renderer/objects/extensions.hpp"
#include "host-renderer/objects/identity.hpp"
#include "host-renderer/objects/physical_queries.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <algorithm>

namespace viaduct::host {
namespace {

template <class T>
T* find_in_chain(void* chain, VkStructureType type) noexcept {
  for (auto* next = static_cast<VkBaseOutStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == type) {
      return reinterpret_cast<T*>(next);
    }
  }
  return nullptr;
}

template <class T>
const T* find_in_chain(const void* chain, VkStructureType type) noexcept {
  return find_in_chain<T>(const_cast<void*>(chain), type);
}

TenantMemory tenant_memory(const Session& session, const PhysicalDevice& physical) noexcept {
  TenantMemory tenant;
  tenant.device_used = session.device_memory_used();
  tenant.device_limit = session.options().device_memory_bytes;
  for (const auto& device : physical.instance->devices) {
    if (device->physical != &physical) {
      continue;
    }
    for (const auto& memory : device->memories) {
      if (memory->guest_type < tenant.used.size()) {
        tenant.used[memory->guest_type] += memory->device_bytes + memory->arena_bytes;
      }
    }
  }
  return tenant;
}

// Of handle types the guest has OPAQUE_FD alone (objects/payloads.hpp); sync files and dma-bufs are the
// kernel's own objects.
constexpr VkFlags kOpaqueFd = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
static_assert(kOpaqueFd == VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT);

void keep_opaque_fd(VkExternalMemoryProperties& properties) noexcept {
  properties.exportFromImportedHandleTypes &= kOpaqueFd;
  properties.compatibleHandleTypes &= kOpaqueFd;
}

}  // namespace

void on_vkGetPhysicalDeviceProperties(CommandContext& ctx, protocol::vkGetPhysicalDeviceProperties_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  physical.instance->table.vkGetPhysicalDeviceProperties(physical.handle, a.pProperties);
  present_as_viaduct(*a.pProperties, ctx.session.options().guest_api_version);
}

void on_vkGetPhysicalDeviceProperties2(CommandContext& ctx,
                                       protocol::vkGetPhysicalDeviceProperties2_args& a) {
  query_properties(*ctx.physical_device_of(a.physicalDevice_id), ctx.session.options().guest_api_version,
                   *a.pProperties);
}

void on_vkGetPhysicalDeviceFeatures2(CommandContext& ctx, protocol::vkGetPhysicalDeviceFeatures2_args& a) {
  query_features(*ctx.physical_device_of(a.physicalDevice_id), *a.pFeatures);
}

void on_vkGetPhysicalDeviceQueueFamilyProperties2(
    CommandContext& ctx, protocol::vkGetPhysicalDeviceQueueFamilyProperties2_args& a) {
  query_queue_families(*ctx.physical_device_of(a.physicalDevice_id), *a.pQueueFamilyPropertyCount,
                       a.pQueueFamilyProperties);
}

void on_vkGetPhysicalDeviceFormatProperties2(CommandContext& ctx,
                                             protocol::vkGetPhysicalDeviceFormatProperties2_args& a) {
  query_format(*ctx.physical_device_of(a.physicalDevice_id), a.format, *a.pFormatProperties);
}

void on_vkGetPhysicalDeviceSparseImageFormatProperties2(
    CommandContext& ctx, protocol::vkGetPhysicalDeviceSparseImageFormatProperties2_args& a) {
  query_sparse_format(*ctx.physical_device_of(a.physicalDevice_id), *a.pFormatInfo, *a.pPropertyCount,
                      a.pProperties);
}

void on_vkGetPhysicalDeviceMemoryProperties(CommandContext& ctx,
                                            protocol::vkGetPhysicalDeviceMemoryProperties_args& a) {
  *a.pMemoryProperties = ctx.physical_device_of(a.physicalDevice_id)->memory.properties();
}

void on_vkGetPhysicalDeviceMemoryProperties2(CommandContext& ctx,
                                             protocol::vkGetPhysicalDeviceMemoryProperties2_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  const InstanceTable& table = physical.instance->table;
  auto* budget = find_in_chain<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      a.pMemoryProperties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  if (table.vkGetPhysicalDeviceMemoryProperties2 != nullptr) {
    table.vkGetPhysicalDeviceMemoryProperties2(physical.handle, a.pMemoryProperties);
    if (budget != nullptr) {
      physical.memory.translate_budget(*budget, tenant_memory(ctx.session, physical));
    }
  }
  a.pMemoryProperties->memoryProperties = physical.memory.properties();
}

// What enumeration fetches: each part is what its own query gives.
void on_viaductGetPhysicalDeviceInfo(CommandContext& ctx, protocol::viaductGetPhysicalDeviceInfo_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  *a.pMemory = physical.memory.properties();
  *a.pArenaTypeBits = physical.memory.arena_type_bits();
  *a.pShadowedTypeBits = physical.memory.shadowed_type_bits();
  *a.pAlignment = physical.import_alignment;
  query_properties(physical, ctx.session.options().guest_api_version, *a.pProperties);
  query_features(physical, *a.pFeatures);
  // The number comes first: SwiftShader reports and fills as many as there is room for.
  std::uint32_t families = 0;
  query_queue_families(physical, families, nullptr);
  *a.pQueueFamilyCount = std::min(families, a.pQueueFamilies != nullptr ? *a.pQueueFamilyCount : families);
  query_queue_families(physical, *a.pQueueFamilyCount, a.pQueueFamilies);
  for (std::uint32_t i = 0; i < a.formatCount; ++i) {
    query_format(physical, a.pFormats[i], a.pFormatProperties[i]);
  }
}

void on_vkEnumerateDeviceExtensionProperties(CommandContext& ctx,
                                             protocol::vkEnumerateDeviceExtensionProperties_args& a) {
  const std::vector<VkExtensionProperties> offered =
      offered_device_extensions(*ctx.physical_device_of(a.physicalDevice_id));
  const auto count = static_cast<std::uint32_t>(offered.size());
  a.result = VK_SUCCESS;
  if (a.pProperties != nullptr) {
    a.result = *a.pPropertyCount < count ? VK_INCOMPLETE : VK_SUCCESS;
    std::copy_n(offered.begin(), std::min(*a.pPropertyCount, count), a.pProperties);
    *a.pPropertyCount = std::min(*a.pPropertyCount, count);
  } else {
    *a.pPropertyCount = count;
  }
}

void on_vkGetPhysicalDeviceExternalBufferProperties(
    CommandContext& ctx, protocol::vkGetPhysicalDeviceExternalBufferProperties_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  const InstanceTable& table = physical.instance->table;
  VkExternalMemoryProperties& properties = a.pExternalBufferProperties->externalMemoryProperties;
  properties = {};
  if (a.pExternalBufferInfo->handleType != kOpaqueFd ||
      table.vkGetPhysicalDeviceExternalBufferProperties == nullptr) {
    return;
  }
  table.vkGetPhysicalDeviceExternalBufferProperties(physical.handle, a.pExternalBufferInfo,
                                                    a.pExternalBufferProperties);
  keep_opaque_fd(properties);
}

void on_vkGetPhysicalDeviceExternalSemaphoreProperties(
    CommandContext& ctx, protocol::vkGetPhysicalDeviceExternalSemaphoreProperties_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  const InstanceTable& table = physical.instance->table;
  VkExternalSemaphoreProperties& properties = *a.pExternalSemaphoreProperties;
  properties.exportFromImportedHandleTypes = 0;
  properties.compatibleHandleTypes = 0;
  properties.externalSemaphoreFeatures = 0;
  if (a.pExternalSemaphoreInfo->handleType != kOpaqueFd ||
      table.vkGetPhysicalDeviceExternalSemaphoreProperties == nullptr) {
    return;
  }
  table.vkGetPhysicalDeviceExternalSemaphoreProperties(physical.handle, a.pExternalSemaphoreInfo,
                                                       &properties);
  properties.exportFromImportedHandleTypes &= kOpaqueFd;
  properties.compatibleHandleTypes &= kOpaqueFd;
}

// Fences live in the guest, which answers this itself.
void on_vkGetPhysicalDeviceExternalFenceProperties(
    CommandContext&, protocol::vkGetPhysicalDeviceExternalFenceProperties_args& a) {
  a.pExternalFenceProperties->exportFromImportedHandleTypes = 0;
  a.pExternalFenceProperties->compatibleHandleTypes = 0;
  a.pExternalFenceProperties->externalFenceFeatures = 0;
}

void on_vkGetPhysicalDeviceImageFormatProperties2(
    CommandContext& ctx, protocol::vkGetPhysicalDeviceImageFormatProperties2_args& a) {
  const PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  const auto* external = find_in_chain<VkPhysicalDeviceExternalImageFormatInfo>(
      a.pImageFormatInfo->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  if (external != nullptr && external->handleType != 0 && external->handleType != kOpaqueFd) {
    a.pImageFormatProperties->imageFormatProperties = {};
    a.result = VK_ERROR_FORMAT_NOT_SUPPORTED;
    return;
  }
  a.result = query_image_format(physical, *a.pImageFormatInfo, *a.pImageFormatProperties);
  auto* answer = find_in_chain<VkExternalImageFormatProperties>(
      a.pImageFormatProperties->pNext, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
  if (answer != nullptr) keep_opaque_fd(answer->externalMemoryProperties);
}

// Only the device's own clock: a guest need not share any other with the host.
void on_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT(
    CommandContext&, protocol::vkGetPhysicalDeviceCalibrateableTimeDomainsEXT_args& a) {
  a.result = VK_SUCCESS;
  if (a.pTimeDomains == nullptr) {
    *a.pTimeDomainCount = 1;
  } else if (*a.pTimeDomainCount == 0) {
    a.result = VK_INCOMPLETE;
  } else {
    *a.pTimeDomainCount = 1;
    a.pTimeDomains[0] = VK_TIME_DOMAIN_DEVICE_EXT;
  }
}

}  // namespace viaduct::host
