// Entry points of descriptor set layouts, pools, sets, updates and templates. Everything is posted; failures
// of the pool are answered from the guest's own accounting (descriptor.hpp).
#include <new>

#include "generated/guest/calls.hpp"
#include "generated/guest/command_encoders.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/descriptor_write.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/objects/private_data.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

using protocol::id_of;
using protocol::ObjectType;

ObjectTables& tables_of(VkDevice device) noexcept { return Device::from(device)->session->objects(); }

const DescriptorLayoutInfo* layout_of_set(void* context, VkDescriptorSet set) {
  const DescriptorSet* known = static_cast<ObjectTables*>(context)->descriptor_sets.find(id_of(set));
  return known == nullptr ? nullptr : known->layout.get();
}

struct PushLayout {
  const PipelineLayout* layout;
  std::uint32_t set;
};

const DescriptorLayoutInfo* layout_of_push(void* context, VkDescriptorSet) {
  const auto* push = static_cast<const PushLayout*>(context);
  if (push->layout == nullptr || push->set >= push->layout->sets.size()) return nullptr;
  return push->layout->sets[push->set].get();
}

void push_descriptors(VkCommandBuffer command_buffer, VkPipelineBindPoint bind_point, VkPipelineLayout layout,
                      std::uint32_t set, std::uint32_t count, const VkWriteDescriptorSet* writes,
                      Scratch& scratch) noexcept {
  CommandBuffer& commands = CommandBuffer::from(command_buffer);
  PushLayout push{commands.session->objects().pipeline_layouts.find(id_of(layout)), set};
  const VkWriteDescriptorSet* clean = sanitize_writes(scratch, count, writes, true, layout_of_push, &push);
  if (clean == nullptr) return;
  encode_vkCmdPushDescriptorSetKHR(commands.writer(), bind_point, layout, set, count, clean);
}

// A set's counts go back to its pool and its name becomes free; the pool's list is kept by the caller.
void forget_set(Channel& channel, ObjectTables& tables, std::uint64_t id) noexcept {
  DescriptorSet* set = tables.descriptor_sets.find(id);
  set->layout.reset();
  set->pool = nullptr;
  release_id(channel, ObjectType::kDescriptorSet, id);
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDescriptorSetLayout(VkDevice device,
                                                           const VkDescriptorSetLayoutCreateInfo* pCreateInfo,
                                                           const VkAllocationCallbacks* pAllocator,
                                                           VkDescriptorSetLayout* pSetLayout) noexcept {
  Channel& channel = Channel::of(device);
  const std::uint64_t id = new_id(channel, ObjectType::kDescriptorSetLayout);
  DescriptorSetLayout* layout = id == 0 ? nullptr : tables_of(device).set_layouts.make(id);
  if (layout == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  try {
    layout->info = DescriptorLayoutInfo::make(*pCreateInfo);
  } catch (const std::bad_alloc&) {
    release_id(channel, ObjectType::kDescriptorSetLayout, id);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *pSetLayout = handle_of<VkDescriptorSetLayout>(id);
  post_vkCreateDescriptorSetLayout(channel, device, pCreateInfo, pAllocator, pSetLayout);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDescriptorSetLayout(VkDevice device,
                                                        VkDescriptorSetLayout descriptorSetLayout,
                                                        const VkAllocationCallbacks* pAllocator) noexcept {
  DescriptorSetLayout* layout = tables_of(device).set_layouts.find(id_of(descriptorSetLayout));
  if (layout == nullptr) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyDescriptorSetLayout(channel, device, descriptorSetLayout, pAllocator);
  layout->info.reset();
  release_id(channel, ObjectType::kDescriptorSetLayout, id_of(descriptorSetLayout));
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreatePipelineLayout(VkDevice device,
                                                      const VkPipelineLayoutCreateInfo* pCreateInfo,
                                                      const VkAllocationCallbacks* pAllocator,
                                                      VkPipelineLayout* pPipelineLayout) noexcept {
  Channel& channel = Channel::of(device);
  ObjectTables& tables = tables_of(device);
  const std::uint64_t id = new_id(channel, ObjectType::kPipelineLayout);
  PipelineLayout* layout = id == 0 ? nullptr : tables.pipeline_layouts.make(id);
  if (layout == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  try {
    layout->sets.clear();
    for (std::uint32_t i = 0; i < pCreateInfo->setLayoutCount; ++i) {
      const DescriptorSetLayout* set = tables.set_layouts.find(id_of(pCreateInfo->pSetLayouts[i]));
      layout->sets.push_back(set == nullptr ? nullptr : set->info);
    }
  } catch (const std::bad_alloc&) {
    release_id(channel, ObjectType::kPipelineLayout, id);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *pPipelineLayout = handle_of<VkPipelineLayout>(id);
  post_vkCreatePipelineLayout(channel, device, pCreateInfo, pAllocator, pPipelineLayout);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyPipelineLayout(VkDevice device, VkPipelineLayout pipelineLayout,
                                                   const VkAllocationCallbacks* pAllocator) noexcept {
  PipelineLayout* layout = tables_of(device).pipeline_layouts.find(id_of(pipelineLayout));
  if (layout == nullptr) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyPipelineLayout(channel, device, pipelineLayout, pAllocator);
  layout->sets.clear();
  release_id(channel, ObjectType::kPipelineLayout, id_of(pipelineLayout));
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDescriptorPool(VkDevice device,
                                                      const VkDescriptorPoolCreateInfo* pCreateInfo,
                                                      const VkAllocationCallbacks* pAllocator,
                                                      VkDescriptorPool* pDescriptorPool) noexcept {
  Channel& channel = Channel::of(device);
  const std::uint64_t id = new_id(channel, ObjectType::kDescriptorPool);
  DescriptorPool* pool = id == 0 ? nullptr : tables_of(device).descriptor_pools.make(id);
  if (pool == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  pool->budget.reset(new (std::nothrow) DescriptorPoolBudget(*pCreateInfo));
  if (pool->budget == nullptr) {
    release_id(channel, ObjectType::kDescriptorPool, id);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *pDescriptorPool = handle_of<VkDescriptorPool>(id);
  post_vkCreateDescriptorPool(channel, device, pCreateInfo, pAllocator, pDescriptorPool);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDescriptorPool(VkDevice device, VkDescriptorPool descriptorPool,
                                                   const VkAllocationCallbacks* pAllocator) noexcept {
  ObjectTables& tables = tables_of(device);
  DescriptorPool* pool = tables.descriptor_pools.find(id_of(descriptorPool));
  if (pool == nullptr) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyDescriptorPool(channel, device, descriptorPool, pAllocator);
  for (const std::uint64_t set : pool->sets) forget_set(channel, tables, set);
  pool->sets.clear();
  pool->budget.reset();
  release_id(channel, ObjectType::kDescriptorPool, id_of(descriptorPool));
}

VKAPI_ATTR VkResult VKAPI_CALL vkResetDescriptorPool(VkDevice device, VkDescriptorPool descriptorPool,
                                                     VkDescriptorPoolResetFlags flags) noexcept {
  ObjectTables& tables = tables_of(device);
  DescriptorPool* pool = tables.descriptor_pools.find(id_of(descriptorPool));
  Channel& channel = Channel::of(device);
  post_vkResetDescriptorPool(channel, device, descriptorPool, flags);
  for (const std::uint64_t set : pool->sets) forget_set(channel, tables, set);
  pool->sets.clear();
  pool->budget->reset();
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkAllocateDescriptorSets(VkDevice device,
                                                        const VkDescriptorSetAllocateInfo* pAllocateInfo,
                                                        VkDescriptorSet* pDescriptorSets) noexcept {
  Channel& channel = Channel::of(device);
  ObjectTables& tables = tables_of(device);
  DescriptorPool* pool = tables.descriptor_pools.find(id_of(pAllocateInfo->descriptorPool));
  const VkDescriptorSetVariableDescriptorCountAllocateInfo* variable = nullptr;
  for (auto* next = static_cast<const VkBaseInStructure*>(pAllocateInfo->pNext); next != nullptr;
       next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO) {
      variable = reinterpret_cast<const VkDescriptorSetVariableDescriptorCountAllocateInfo*>(next);
    }
  }

  VkResult result = VK_SUCCESS;
  std::uint32_t made = 0;
  for (; made < pAllocateInfo->descriptorSetCount; ++made) {
    const DescriptorSetLayout* layout = tables.set_layouts.find(id_of(pAllocateInfo->pSetLayouts[made]));
    const std::uint32_t count =
        variable != nullptr && made < variable->descriptorSetCount ? variable->pDescriptorCounts[made] : 0;
    const DescriptorDemand demand = demand_of(*layout->info, count);
    if (!pool->budget->take(demand)) {
      result = VK_ERROR_OUT_OF_POOL_MEMORY;
      break;
    }
    const std::uint64_t id = new_id(channel, ObjectType::kDescriptorSet);
    DescriptorSet* set = id == 0 ? nullptr : tables.descriptor_sets.make(id);
    try {
      if (set == nullptr) throw std::bad_alloc();
      pool->sets.push_back(id);
    } catch (const std::bad_alloc&) {
      release_id(channel, ObjectType::kDescriptorSet, id);
      pool->budget->give_back(demand);
      result = VK_ERROR_OUT_OF_HOST_MEMORY;
      break;
    }
    set->layout = layout->info;
    set->pool = pool;
    set->variable_count = count;
    set->position = static_cast<std::uint32_t>(pool->sets.size() - 1);
    pDescriptorSets[made] = handle_of<VkDescriptorSet>(id);
  }
  if (result != VK_SUCCESS) {
    // All or nothing: what was made last is at the end of the pool's list.
    while (made > 0) {
      const std::uint64_t id = pool->sets.back();
      const DescriptorSet* set = tables.descriptor_sets.find(id);
      pool->budget->give_back(demand_of(*set->layout, set->variable_count));
      forget_set(channel, tables, id);
      pool->sets.pop_back();
      --made;
    }
    for (std::uint32_t i = 0; i < pAllocateInfo->descriptorSetCount; ++i) pDescriptorSets[i] = VK_NULL_HANDLE;
    return result;
  }
  post_vkAllocateDescriptorSets(channel, device, pAllocateInfo, pDescriptorSets);
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkFreeDescriptorSets(VkDevice device, VkDescriptorPool descriptorPool,
                                                    uint32_t descriptorSetCount,
                                                    const VkDescriptorSet* pDescriptorSets) noexcept {
  Channel& channel = Channel::of(device);
  ObjectTables& tables = tables_of(device);
  DescriptorPool* pool = tables.descriptor_pools.find(id_of(descriptorPool));
  post_vkFreeDescriptorSets(channel, device, descriptorPool, descriptorSetCount, pDescriptorSets);
  for (std::uint32_t i = 0; i < descriptorSetCount; ++i) {
    const std::uint64_t id = id_of(pDescriptorSets[i]);
    DescriptorSet* set = tables.descriptor_sets.find(id);
    if (set == nullptr || set->pool != pool) continue;
    pool->budget->give_back(demand_of(*set->layout, set->variable_count));
    const std::uint64_t last = pool->sets.back();
    pool->sets[set->position] = last;
    tables.descriptor_sets.find(last)->position = set->position;
    pool->sets.pop_back();
    forget_set(channel, tables, id);
  }
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkUpdateDescriptorSets(VkDevice device, uint32_t descriptorWriteCount,
                                                  const VkWriteDescriptorSet* pDescriptorWrites,
                                                  uint32_t descriptorCopyCount,
                                                  const VkCopyDescriptorSet* pDescriptorCopies) noexcept {
  if (descriptorWriteCount == 0 && descriptorCopyCount == 0) return;
  Scratch scratch;
  const VkWriteDescriptorSet* writes = sanitize_writes(scratch, descriptorWriteCount, pDescriptorWrites,
                                                       false, layout_of_set, &tables_of(device));
  if (writes == nullptr && descriptorWriteCount > 0) return;
  post_vkUpdateDescriptorSets(Channel::of(device), device, descriptorWriteCount, writes, descriptorCopyCount,
                              pDescriptorCopies);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDescriptorUpdateTemplate(
    VkDevice device, const VkDescriptorUpdateTemplateCreateInfo* pCreateInfo, const VkAllocationCallbacks*,
    VkDescriptorUpdateTemplate* pDescriptorUpdateTemplate) noexcept {
  (void)device;
  try {
    auto* made = new DescriptorUpdateTemplate{
        pCreateInfo->templateType,
        pCreateInfo->pipelineLayout,
        pCreateInfo->pipelineBindPoint,
        pCreateInfo->set,
        {pCreateInfo->pDescriptorUpdateEntries,
         pCreateInfo->pDescriptorUpdateEntries + pCreateInfo->descriptorUpdateEntryCount}};
    *pDescriptorUpdateTemplate = reinterpret_cast<VkDescriptorUpdateTemplate>(made);
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDescriptorUpdateTemplate(VkDevice, VkDescriptorUpdateTemplate update,
                                                             const VkAllocationCallbacks*) noexcept {
  if (update == VK_NULL_HANDLE) return;
  forget_private_data(id_of(update));
  delete DescriptorUpdateTemplate::from(update);
}

VKAPI_ATTR void VKAPI_CALL vkUpdateDescriptorSetWithTemplate(
    VkDevice device, VkDescriptorSet descriptorSet, VkDescriptorUpdateTemplate descriptorUpdateTemplate,
    const void* pData) noexcept {
  const auto* update = DescriptorUpdateTemplate::from(descriptorUpdateTemplate);
  Scratch scratch;
  const VkWriteDescriptorSet* writes = expand_template(scratch, *update, descriptorSet, pData);
  if (writes == nullptr) return;
  entry::vkUpdateDescriptorSets(device, static_cast<std::uint32_t>(update->entries.size()), writes, 0,
                                nullptr);
}

VKAPI_ATTR void VKAPI_CALL vkCmdPushDescriptorSetKHR(VkCommandBuffer commandBuffer,
                                                     VkPipelineBindPoint pipelineBindPoint,
                                                     VkPipelineLayout layout, uint32_t set,
                                                     uint32_t descriptorWriteCount,
                                                     const VkWriteDescriptorSet* pDescriptorWrites) noexcept {
  Scratch scratch;
  push_descriptors(commandBuffer, pipelineBindPoint, layout, set, descriptorWriteCount, pDescriptorWrites,
                   scratch);
}

VKAPI_ATTR void VKAPI_CALL vkCmdPushDescriptorSetWithTemplateKHR(
    VkCommandBuffer commandBuffer, VkDescriptorUpdateTemplate descriptorUpdateTemplate,
    VkPipelineLayout layout, uint32_t set, const void* pData) noexcept {
  const auto* update = DescriptorUpdateTemplate::from(descriptorUpdateTemplate);
  Scratch scratch;
  const VkWriteDescriptorSet* writes = expand_template(scratch, *update, VK_NULL_HANDLE, pData);
  if (writes == nullptr) return;
  push_descriptors(commandBuffer, update->bind_point, layout, set,
                   static_cast<std::uint32_t>(update->entries.size()), writes, scratch);
}

VKAPI_ATTR void VKAPI_CALL vkGetDescriptorEXT(VkDevice device, const VkDescriptorGetInfoEXT* pDescriptorInfo,
                                              size_t dataSize, void* pDescriptor) noexcept {
  VkDescriptorGetInfoEXT info = *pDescriptorInfo;
  VkDescriptorImageInfo image{};
  const bool image_alone = info.type == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE ||
                           info.type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE ||
                           info.type == VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
  // The union's arms of these types are one pointer; its sampler is whatever the application left there.
  if (image_alone && info.data.pSampledImage != nullptr) {
    image = *info.data.pSampledImage;
    image.sampler = VK_NULL_HANDLE;
    info.data.pSampledImage = &image;
  }
  call_vkGetDescriptorEXT(Channel::of(device), device, &info, dataSize, pDescriptor);
}

#ifdef VK_VERSION_1_4
VKAPI_ATTR void VKAPI_CALL vkCmdPushDescriptorSet2(VkCommandBuffer commandBuffer,
                                                   const VkPushDescriptorSetInfo* pInfo) noexcept {
  CommandBuffer& commands = CommandBuffer::from(commandBuffer);
  PushLayout push{commands.session->objects().pipeline_layouts.find(id_of(pInfo->layout)), pInfo->set};
  Scratch scratch;
  VkPushDescriptorSetInfo info = *pInfo;
  info.pDescriptorWrites = sanitize_writes(scratch, pInfo->descriptorWriteCount, pInfo->pDescriptorWrites,
                                           true, layout_of_push, &push);
  if (info.pDescriptorWrites != nullptr) encode_vkCmdPushDescriptorSet2(commands.writer(), &info);
}

VKAPI_ATTR void VKAPI_CALL vkCmdPushDescriptorSetWithTemplate2(
    VkCommandBuffer commandBuffer, const VkPushDescriptorSetWithTemplateInfo* pInfo) noexcept {
  // The template's layout and set are those of the call; its bind point is the template's.
  entry::vkCmdPushDescriptorSetWithTemplateKHR(commandBuffer, pInfo->descriptorUpdateTemplate, pInfo->layout,
                                               pInfo->set, pInfo->pData);
}
#endif

}  // namespace entry
}  // namespace viaduct::guest
