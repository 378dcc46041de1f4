#include "host-renderer/memory/device_memory.hpp"
#include "base/log.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/memory/page_import.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/objects/payloads.hpp"
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

// Whether the memory can be exported. The driver is asked for what it can be exported as here, or not at all.
bool keep_export(const Device& device, VkMemoryAllocateInfo& info) noexcept {
  constexpr auto kType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO;
  for (auto* next = static_cast<VkBaseOutStructure*>(const_cast<void*>(info.pNext)); next != nullptr;
       next = next->pNext) {
    auto* own = reinterpret_cast<VkExportMemoryAllocateInfo*>(next);
    if (next->sType != kType) continue;
    own->handleTypes &= device.external_memory_fd ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT : 0;
    if (own->handleTypes != 0) return true;
  }
  drop_from_chain(info, kType);
  return false;
}

// vkAllocateMemory, of a payload if there is one.
VkResult allocate(const Device& device, VkMemoryAllocateInfo info, const Payload* payload,
                  VkDeviceMemory* memory) {
  if (payload == nullptr) return device.table.vkAllocateMemory(device.handle, &info, nullptr, memory);
  auto fd = payload->fd.dup();
  if (!fd) return VK_ERROR_OUT_OF_HOST_MEMORY;
  VkImportMemoryFdInfoKHR import{};
  import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR;
  import.pNext = info.pNext;
  import.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  import.fd = fd->get();
  info.pNext = &import;
  const VkResult result = device.table.vkAllocateMemory(device.handle, &info, nullptr, memory);
  if (result == VK_SUCCESS) (void)fd->release();  // the driver's from now on
  return result;
}

// Counts exportable memory against the limit; false: refuse the allocation.
bool hold(Session& session, DeviceMemory& memory, const Payload* payload) {
  memory.exportable = true;
  if (payload != nullptr) {
    memory.held = payload->held;
    return true;
  }
  if (!session.take_device_memory(memory.size)) return false;
  memory.held = std::make_shared<HeldMemory>(session, memory.size);
  return true;
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
    result = VK_ERROR_OUT_OF_HOST_MEMORY;
  } else {
    memory->handle = VK_NULL_HANDLE;
  }
  free_memory(ctx.session, *ctx.device, *memory);
  ctx.objects().insert_failed(ObjectType::kDeviceMemory, id);
  return result;
}

// Ordinary driver memory, mapped for as long as it lives.
VkResult make_shadowed(const Device& device, const VkMemoryAllocateInfo& info, const Payload* payload,
                       DeviceMemory& memory) {
  VkResult result = allocate(device, info, payload, &memory.handle);
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

// Memory of a type that is not the arena's.
VkResult allocate_device_only(CommandContext& ctx, const VkMemoryAllocateInfo& asked, const Payload* payload,
                              ObjectId id, VkDeviceMemory* handle) {
  const MemoryView& view = ctx.device->physical->memory;
  VkMemoryAllocateInfo info = asked;
  const std::optional<std::uint32_t> type = view.host_type(info.memoryTypeIndex);
  auto memory = std::make_unique<DeviceMemory>();
  memory->device = ctx.device->id;
  memory->guest_type = info.memoryTypeIndex;
  memory->size = info.allocationSize;
  const bool exportable = keep_export(*ctx.device, info) || payload != nullptr;
  if (!type || view.is_arena_type(info.memoryTypeIndex) ||
      !(exportable ? hold(ctx.session, *memory, payload)
                   : ctx.session.take_device_memory(info.allocationSize))) {
    return finish(ctx, id, std::move(memory), VK_ERROR_OUT_OF_DEVICE_MEMORY);
  }
  memory->device_bytes = payload == nullptr ? info.allocationSize : 0;
  info.memoryTypeIndex = *type;
  const VkResult result = allocate(*ctx.device, info, payload, &memory->handle);
  *handle = memory->handle;
  return finish(ctx, id, std::move(memory), result);
}

struct ArenaSpan {
  std::uint64_t offset, size;
};

VkResult allocate_arena(CommandContext& ctx, const VkMemoryAllocateInfo& asked, ArenaSpan span,
                        const Payload* payload, ObjectId id, VkDeviceMemory* handle) {
  const PhysicalDevice& physical = *ctx.device->physical;
  VkMemoryAllocateInfo info = asked;
  const std::optional<std::uint32_t> type = physical.memory.host_type(info.memoryTypeIndex);
  std::byte* pages = ctx.session.memory().arena(span.offset, span.size);
  const std::uint64_t mask = physical.import_alignment - 1;
  if (pages == nullptr || (span.offset & mask) != 0 || (span.size & mask) != 0 ||
      info.allocationSize > span.size) {
    ctx.decoder.fail("arena memory outside the arena, or not aligned");
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  auto memory = std::make_unique<DeviceMemory>();
  memory->device = ctx.device->id;
  memory->guest_type = info.memoryTypeIndex;
  memory->region_bytes = pages;
  memory->arena_bytes = span.size;
  memory->size = info.allocationSize;
  ctx.session.count_arena(static_cast<std::int64_t>(span.size));
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (type && physical.memory.is_arena_type(info.memoryTypeIndex)) {
    const bool exportable = keep_export(*ctx.device, info) || payload != nullptr;
    const bool shadowed = exportable || physical.memory.is_shadowed_type(info.memoryTypeIndex);
    info.memoryTypeIndex = *type;
    if (!exportable || hold(ctx.session, *memory, payload)) {
      // The specification wants a dedicated allocation to have exactly its resource's size; an import has
      // whole pages.
      if (!shadowed) drop_from_chain(info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
      result = shadowed
                   ? make_shadowed(*ctx.device, info, payload, *memory)
                   : import_pages(physical.mode, ctx.device->table, ctx.device->handle,
                                  ctx.session.options().region, {pages, span.size}, info, &memory->handle);
    }
  }
  if (result != VK_SUCCESS) {
    VIADUCT_LOG_WARN("memory", "%llu bytes of arena memory: VkResult %d",
                     static_cast<unsigned long long>(span.size), result);
  }
  *handle = memory->handle;
  return finish(ctx, id, std::move(memory), result);
}

// What is imported must be what was exported (VUID-VkMemoryAllocateInfo-allocationSize-01742): a driver need
// not check, and would read beyond the payload's end.
const Payload* importable(const CommandContext& ctx, std::uint64_t number, const VkMemoryAllocateInfo& info) {
  const Payload* payload = ctx.session.payloads().find(number, Payload::Kind::kMemory);
  const bool same = payload != nullptr && ctx.device->external_memory_fd &&
                    payload->physical == position_of(*ctx.device->physical) &&
                    payload->size == info.allocationSize && payload->guest_type == info.memoryTypeIndex;
  return same ? payload : nullptr;
}

}  // namespace

void on_vkAllocateMemory(CommandContext& ctx, protocol::vkAllocateMemory_args& a) {
  a.result = allocate_device_only(ctx, *a.pAllocateInfo, nullptr, *a.pMemory_ids, a.pMemory);
}

void on_viaductAllocateArenaMemory(CommandContext& ctx, protocol::viaductAllocateArenaMemory_args& a) {
  a.result =
      allocate_arena(ctx, *a.pAllocateInfo, {a.arenaOffset, a.arenaSize}, nullptr, *a.pMemory_ids, a.pMemory);
}

void on_viaductImportMemory(CommandContext& ctx, protocol::viaductImportMemory_args& a) {
  const Payload* payload = importable(ctx, a.payload, *a.pAllocateInfo);
  if (payload == nullptr) {
    ctx.objects().insert_failed(ObjectType::kDeviceMemory, *a.pMemory_ids);
    a.result = VK_ERROR_INVALID_EXTERNAL_HANDLE;
  } else if (a.arenaSize == 0) {
    a.result = allocate_device_only(ctx, *a.pAllocateInfo, payload, *a.pMemory_ids, a.pMemory);
  } else {
    ctx.session.share_mappings();
    a.result = allocate_arena(ctx, *a.pAllocateInfo, {a.arenaOffset, a.arenaSize}, payload, *a.pMemory_ids,
                              a.pMemory);
  }
}

void on_viaductExportMemory(CommandContext& ctx, protocol::viaductExportMemory_args& a) {
  const DeviceMemory* memory = find_memory(ctx, a.memory_id);
  a.result = VK_ERROR_TOO_MANY_OBJECTS;
  if (!may_export(ctx, a.payload) || memory == nullptr || !memory->exportable ||
      ctx.device->table.vkGetMemoryFdKHR == nullptr) {
    return;
  }
  VkMemoryGetFdInfoKHR info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR;
  info.memory = memory->handle;
  info.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  int fd = -1;
  a.result = ctx.device->table.vkGetMemoryFdKHR(a.device, &info, &fd);
  if (a.result != VK_SUCCESS) return;
  Payload payload;
  payload.fd.reset(fd);
  payload.physical = position_of(*ctx.device->physical);
  payload.size = memory->size;
  payload.guest_type = memory->guest_type;
  payload.held = memory->held;
  ctx.session.payloads().insert(a.payload, std::move(payload));
}

void free_memory(Session& session, const Device& device, DeviceMemory& memory) noexcept {
  if (memory.handle != VK_NULL_HANDLE) device.table.vkFreeMemory(device.handle, memory.handle, nullptr);
  if (memory.held == nullptr) session.give_device_memory(memory.device_bytes);
  session.count_arena(-static_cast<std::int64_t>(memory.arena_bytes));
}

void on_vkFreeMemory(CommandContext& ctx, protocol::vkFreeMemory_args& a) {
  DeviceMemory* memory = a.memory_id == 0 ? nullptr : find_memory(ctx, a.memory_id);
  if (memory != nullptr) {
    if (memory->driver_bytes != nullptr) {
      ctx.device->shadow->unmap(a.memory_id);
    }
    free_memory(ctx.session, *ctx.device, *memory);
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
    return;
  }
  // Another mapping of the same memory may have been written to.
  ctx.session.guest_to_driver(*ctx.device);
  if (ctx.device->shadow->map(a.memory_id, memory->region_bytes, memory->driver_bytes, memory->size)) {
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
