#include "host-renderer/objects/descriptor_pool.hpp"

#include "generated/host/overrides.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <algorithm>

namespace viaduct::host {

using protocol::ObjectId;
using protocol::ObjectType;

namespace {

void* position_object(std::size_t position) noexcept { return reinterpret_cast<void*>(position); }

bool pool_is_short(VkResult result) noexcept {
  return result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL;
}

VkDescriptorPool add_overflow_pool(DescriptorPool& pool) {
  if (pool.driver_pools.size() >= DescriptorPool::kMaxPools) {
    return VK_NULL_HANDLE;
  }
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  VkDescriptorPoolInlineUniformBlockCreateInfo inline_blocks{};
  inline_blocks.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO;
  inline_blocks.maxInlineUniformBlockBindings = pool.max_inline_bindings;
  if (pool.max_inline_bindings != 0) {
    info.pNext = &inline_blocks;
  }
  std::vector<VkMutableDescriptorTypeListEXT> lists;
  for (const auto& types : pool.mutable_types) {
    lists.push_back({static_cast<std::uint32_t>(types.size()), types.data()});
  }
  VkMutableDescriptorTypeCreateInfoEXT mutable_types{};
  mutable_types.sType = VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT;
  mutable_types.mutableDescriptorTypeListCount = static_cast<std::uint32_t>(lists.size());
  mutable_types.pMutableDescriptorTypeLists = lists.data();
  if (!lists.empty()) {
    mutable_types.pNext = info.pNext;
    info.pNext = &mutable_types;
  }
  info.flags = pool.flags;
  info.maxSets = pool.max_sets;
  info.poolSizeCount = static_cast<std::uint32_t>(pool.sizes.size());
  info.pPoolSizes = pool.sizes.data();
  VkDescriptorPool extra = VK_NULL_HANDLE;
  if (pool.device->table.vkCreateDescriptorPool(pool.device->handle, &info, nullptr, &extra) != VK_SUCCESS) {
    return VK_NULL_HANDLE;
  }
  pool.driver_pools.push_back(extra);
  return extra;
}

// What an overflow pool must be made with as well.
void keep_extensions(DescriptorPool& pool, const void* chain) {
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO) {
      pool.max_inline_bindings = reinterpret_cast<const VkDescriptorPoolInlineUniformBlockCreateInfo*>(next)
                                     ->maxInlineUniformBlockBindings;
    } else if (next->sType == VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT) {
      const auto& types = *reinterpret_cast<const VkMutableDescriptorTypeCreateInfoEXT*>(next);
      const bool any = types.pMutableDescriptorTypeLists != nullptr;
      for (std::uint32_t i = 0; any && i < types.mutableDescriptorTypeListCount; ++i) {
        const VkMutableDescriptorTypeListEXT& list = types.pMutableDescriptorTypeLists[i];
        pool.mutable_types.emplace_back();
        if (list.pDescriptorTypes != nullptr) {
          pool.mutable_types.back().assign(list.pDescriptorTypes,
                                           list.pDescriptorTypes + list.descriptorTypeCount);
        }
      }
    }
  }
}

// From whichever of the pool's driver pools has room, the newest first; then from a new one.
VkResult allocate_from(DescriptorPool& pool, const VkDescriptorSetAllocateInfo& asked, VkDescriptorSet* sets,
                       std::uint32_t* from) {
  const DeviceTable& table = pool.device->table;
  VkDescriptorSetAllocateInfo info = asked;
  VkResult result = VK_ERROR_OUT_OF_POOL_MEMORY;
  for (std::size_t i = pool.driver_pools.size(); i-- > 0;) {
    info.descriptorPool = pool.driver_pools[i];
    result = table.vkAllocateDescriptorSets(pool.device->handle, &info, sets);
    *from = static_cast<std::uint32_t>(i);
    if (!pool_is_short(result)) {
      return result;
    }
  }
  info.descriptorPool = add_overflow_pool(pool);
  if (info.descriptorPool == VK_NULL_HANDLE) {
    return result;
  }
  *from = static_cast<std::uint32_t>(pool.driver_pools.size() - 1);
  return table.vkAllocateDescriptorSets(pool.device->handle, &info, sets);
}

void forget_sets(Session& session, DescriptorPool& pool) noexcept {
  for (const DescriptorPool::Set& set : pool.sets) {
    session.objects().erase(ObjectType::kDescriptorSet, set.id);
  }
  pool.sets.clear();
}

DescriptorPool* find_pool(CommandContext& ctx, ObjectId id) {
  DescriptorPool* pool = ctx.objects().object<DescriptorPool>(ObjectType::kDescriptorPool, id);
  return pool != nullptr && pool->device == ctx.device ? pool : nullptr;
}

}  // namespace

void drop_descriptor_pool(Session& session, DescriptorPool& pool) noexcept {
  Device& device = *pool.device;
  forget_sets(session, pool);
  session.objects().erase(ObjectType::kDescriptorPool, pool.id);
  for (const VkDescriptorPool handle : pool.driver_pools) {
    device.table.vkDestroyDescriptorPool(device.handle, handle, nullptr);
  }
  std::erase_if(device.descriptor_pools, [&](const auto& owned) { return owned.get() == &pool; });
}

void on_vkCreateDescriptorPool(CommandContext& ctx, protocol::vkCreateDescriptorPool_args& a) {
  const ObjectId id = *a.pDescriptorPool_ids;
  const VkDescriptorPoolCreateInfo& info = *a.pCreateInfo;
  VkDescriptorPool handle = VK_NULL_HANDLE;
  a.result = ctx.device->table.vkCreateDescriptorPool(a.device, &info, nullptr, &handle);
  if (a.result != VK_SUCCESS) {
    ctx.objects().insert_failed(ObjectType::kDescriptorPool, id);
    return;
  }
  auto pool = std::make_unique<DescriptorPool>();
  pool->device = ctx.device;
  pool->id = id;
  pool->flags = info.flags;
  pool->max_sets = info.maxSets;
  if (info.pPoolSizes != nullptr) {
    pool->sizes.assign(info.pPoolSizes, info.pPoolSizes + info.poolSizeCount);
  }
  pool->driver_pools.push_back(handle);
  keep_extensions(*pool, info.pNext);
  if (!ctx.objects().insert(ObjectType::kDescriptorPool, id, driver_bits(handle), pool.get())) {
    ctx.device->table.vkDestroyDescriptorPool(a.device, handle, nullptr);
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  *a.pDescriptorPool = handle;
  ctx.device->descriptor_pools.push_back(std::move(pool));
}

void on_vkDestroyDescriptorPool(CommandContext& ctx, protocol::vkDestroyDescriptorPool_args& a) {
  if (DescriptorPool* pool = find_pool(ctx, a.descriptorPool_id)) {
    drop_descriptor_pool(ctx.session, *pool);
  } else {
    ctx.objects().erase(ObjectType::kDescriptorPool, a.descriptorPool_id);
  }
}

void on_vkResetDescriptorPool(CommandContext& ctx, protocol::vkResetDescriptorPool_args& a) {
  DescriptorPool* pool = find_pool(ctx, a.descriptorPool_id);
  a.result = VK_SUCCESS;
  if (pool == nullptr) {
    return;
  }
  forget_sets(ctx.session, *pool);
  const DeviceTable& table = ctx.device->table;
  while (pool->driver_pools.size() > 1) {
    table.vkDestroyDescriptorPool(a.device, pool->driver_pools.back(), nullptr);
    pool->driver_pools.pop_back();
  }
  a.result = table.vkResetDescriptorPool(a.device, pool->driver_pools.front(), a.flags);
}

void on_vkAllocateDescriptorSets(CommandContext& ctx, protocol::vkAllocateDescriptorSets_args& a) {
  const std::uint32_t count = a.pAllocateInfo->descriptorSetCount;
  DescriptorPool* pool = find_pool(ctx, a.pAllocateInfo_descriptorPool_id);
  VkDescriptorSet* sets = a.pDescriptorSets;
  std::uint32_t from = 0;
  a.result =
      pool == nullptr ? VK_ERROR_OUT_OF_HOST_MEMORY : allocate_from(*pool, *a.pAllocateInfo, sets, &from);
  for (std::uint32_t i = 0; i < count; ++i) {
    const ObjectId id = a.pDescriptorSets_ids[i];
    if (a.result != VK_SUCCESS) {
      ctx.objects().insert_failed(ObjectType::kDescriptorSet, id);
    } else if (ctx.objects().insert(ObjectType::kDescriptorSet, id, driver_bits(sets[i]),
                                    position_object(pool->sets.size()))) {
      pool->sets.push_back({id, from});
    }
  }
}

void on_vkFreeDescriptorSets(CommandContext& ctx, protocol::vkFreeDescriptorSets_args& a) {
  DescriptorPool* pool = find_pool(ctx, a.descriptorPool_id);
  a.result = VK_SUCCESS;
  const std::uint32_t count = a.pDescriptorSets_ids != nullptr ? a.descriptorSetCount : 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const ObjectId id = a.pDescriptorSets_ids[i];
    const protocol::HandleSlot* slot = ctx.objects().find(ObjectType::kDescriptorSet, id);
    const std::size_t position = slot != nullptr ? reinterpret_cast<std::size_t>(slot->object) : 0;
    const bool ours =
        slot != nullptr && pool != nullptr && position < pool->sets.size() && pool->sets[position].id == id;
    if (ours) {
      const auto handle = protocol::handle_from_bits<VkDescriptorSet>(slot->driver);
      const VkDescriptorPool home = pool->driver_pools[pool->sets[position].pool];
      a.result = ctx.device->table.vkFreeDescriptorSets(a.device, home, 1, &handle);
      pool->sets[position] = pool->sets.back();
      if (protocol::HandleSlot* moved =
              ctx.objects().find(ObjectType::kDescriptorSet, pool->sets[position].id)) {
        moved->object = position_object(position);
      }
      pool->sets.pop_back();
    }
    ctx.objects().erase(ObjectType::kDescriptorSet, id);
  }
}

}  // namespace viaduct::host
