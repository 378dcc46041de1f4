#include "host-renderer/memory/device_memory.hpp"
#include "base/log.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/memory/page_import.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

namespace viaduct::host {

using protocol::ObjectId;
using protocol::ObjectType;

namespace {

// Structs of the chain that have a place in the host's allocation are kept; the decoder's copy is ours to
// relink.
void drop_from_chain(VkMemoryAllocateInfo& info, VkStructureType type) noexcept {
  const void** link = &info.pNext;
  while (*link != nullptr) {
    auto* next = static_cast<VkBaseInStructure*>(const_cast<void*>(*link));
    if (next->sType == type) {
      *link = next->pNext;
    } else {
      link = reinterpret_cast<const void**>(&next->pNext);
    }
  }
}

// Registers what the driver made, or the failure.
VkResult finish(CommandContext& ctx, ObjectId id, std::unique_ptr<DeviceMemory> memory, VkResult result) {
  if (result == VK_SUCCESS &&
      ctx.objects().insert(ObjectType::kDeviceMemory, id, driver_bits(memory->handle), memory.get())) {
    DeviceMemoryList& memories = ctx.device->memories;
    memory->id = id;
    memories.push_back(std::move(memory));
    memories.back()->place = std::prev(memories.end());
    return VK_SUCCESS;
  }
  if (result == VK_SUCCESS) {
    ctx.device->table.vkFreeMemory(ctx.device->handle, memory->handle, nullptr);
    result = VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  ctx.session.give_device_memory(memory->device_bytes);
  ctx.session.count_arena(-static_cast<std::int64_t>(memory->arena_bytes));
  ctx.objects().insert_failed(ObjectType::kDeviceMemory, id);
  return result;
}

// Ordinary driver memory, mapped for as long as it lives.
VkResult make_shadowed(const Device& device, const VkMemoryAllocateInfo& info, DeviceMemory& memory) {
  VkResult result = device.table.vkAllocateMemory(device.handle, &info, nullptr, &memory.handle);
  if (result != VK_SUCCESS) {
    return result;
  }
  void* mapped = nullptr;
  result = device.table.vkMapMemory(device.handle, memory.handle, 0, VK_WHOLE_SIZE, 0, &mapped);
  if (result != VK_SUCCESS) {
    device.table.vkFreeMemory(device.handle, memory.handle, nullptr);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  memory.driver_bytes = static_cast<std::byte*>(mapped);
  return VK_SUCCESS;
}

DeviceMemory* find_memory(CommandContext& ctx, ObjectId id) noexcept {
  auto* memory = ctx.objects().object<DeviceMemory>(ObjectType::kDeviceMemory, id);
  return memory != nullptr && memory->device == ctx.device->id ? memory : nullptr;
}

}  // namespace

void on_vkAllocateMemory(CommandContext& ctx, protocol::vkAllocateMemory_args& a) {
  const MemoryView& view = ctx.device->physical->memory;
  VkMemoryAllocateInfo info = *a.pAllocateInfo;
  const std::optional<std::uint32_t> type = view.host_type(info.memoryTypeIndex);
  auto memory = std::make_unique<DeviceMemory>();
  memory->device = ctx.device->id;
  memory->guest_type = info.memoryTypeIndex;
  if (!type || view.is_arena_type(info.memoryTypeIndex) ||
      !ctx.session.take_device_memory(info.allocationSize)) {
    a.result = finish(ctx, *a.pMemory_ids, std::move(memory), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    return;
  }
  memory->device_bytes = info.allocationSize;
  info.memoryTypeIndex = *type;
  drop_from_chain(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
  const VkResult result = ctx.device->table.vkAllocateMemory(a.device, &info, nullptr, &memory->handle);
  *a.pMemory = memory->handle;
  a.result = finish(ctx, *a.pMemory_ids, std::move(memory), result);
}

void on_viaductAllocateArenaMemory(CommandContext& ctx, protocol::viaductAllocateArenaMemory_args& a) {
  const PhysicalDevice& physical = *ctx.device->physical;
  VkMemoryAllocateInfo info = *a.pAllocateInfo;
  const std::optional<std::uint32_t> type = physical.memory.host_type(info.memoryTypeIndex);
  std::byte* pages = ctx.session.memory().arena(a.arenaOffset, a.arenaSize);
  const std::uint64_t mask = physical.import_alignment - 1;
  if (pages == nullptr || (a.arenaOffset & mask) != 0 || (a.arenaSize & mask) != 0 ||
      info.allocationSize > a.arenaSize) {
    ctx.decoder.fail("arena memory outside the arena, or not aligned");
    return;
  }
  auto memory = std::make_unique<DeviceMemory>();
  memory->device = ctx.device->id;
  memory->guest_type = info.memoryTypeIndex;
  memory->region_bytes = pages;
  memory->arena_bytes = a.arenaSize;
  memory->size = info.allocationSize;
  ctx.session.count_arena(static_cast<std::int64_t>(a.arenaSize));
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (type && physical.memory.is_arena_type(info.memoryTypeIndex)) {
    drop_from_chain(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    if (physical.memory.is_shadowed_type(info.memoryTypeIndex)) {
      info.memoryTypeIndex = *type;
      result = make_shadowed(*ctx.device, info, *memory);
    } else {
      info.memoryTypeIndex = *type;
      // The specification wants a dedicated allocation to have exactly its resource's size; an import has
      // whole pages.
      drop_from_chain(info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
      result = import_pages(physical.mode, ctx.device->table, a.device, ctx.session.options().region,
                            {pages, a.arenaSize}, info, &memory->handle);
    }
  }
  if (result != VK_SUCCESS) {
    VIADUCT_LOG_WARN("memory", "%llu bytes of arena memory: VkResult %d",
                     static_cast<unsigned long long>(a.arenaSize), result);
  }
  *a.pMemory = memory->handle;
  a.result = finish(ctx, *a.pMemory_ids, std::move(memory), result);
}

void on_vkFreeMemory(CommandContext& ctx, protocol::vkFreeMemory_args& a) {
  DeviceMemory* memory = a.memory_id == 0 ? nullptr : find_memory(ctx, a.memory_id);
  if (memory != nullptr) {
    if (memory->driver_bytes != nullptr) {
      ctx.device->shadow->unmap(a.memory_id);
    }
    ctx.device->table.vkFreeMemory(a.device, memory->handle, nullptr);
    ctx.session.give_device_memory(memory->device_bytes);
    ctx.session.count_arena(-static_cast<std::int64_t>(memory->arena_bytes));
    ctx.device->memories.erase(memory->place);
  }
  ctx.objects().erase(ObjectType::kDeviceMemory, a.memory_id);
}

void on_viaductMapMemory(CommandContext& ctx, protocol::viaductMapMemory_args& a) {
  DeviceMemory* memory = find_memory(ctx, a.memory_id);
  a.result = VK_ERROR_MEMORY_MAP_FAILED;
  if (memory == nullptr || memory->driver_bytes == nullptr) {
    return;
  }
  if (a.mapped == 0) {
    ctx.device->shadow->unmap(a.memory_id);
    a.result = VK_SUCCESS;
  } else if (ctx.device->shadow->map(a.memory_id, memory->region_bytes, memory->driver_bytes, memory->size)) {
    a.result = VK_SUCCESS;
  }
}

// Every type that the guest sees is coherent. For shadowed memory these are two more points at which both
// sides can meet.
void on_vkFlushMappedMemoryRanges(CommandContext& ctx, protocol::vkFlushMappedMemoryRanges_args& a) {
  a.result = VK_SUCCESS;
  ctx.device->shadow->guest_to_driver();
}

void on_vkInvalidateMappedMemoryRanges(CommandContext& ctx,
                                       protocol::vkInvalidateMappedMemoryRanges_args& a) {
  a.result = VK_SUCCESS;
  ctx.device->shadow->driver_to_guest();
}

}  // namespace viaduct::host
