// Entry points of VkDeviceMemory. Host-visible types live in the region's arena (DESIGN decision 4): the
// guest takes the span, the host imports or shadows the same pages, and vkMapMemory is pointer arithmetic.
// Only device-only allocations, large ones and shadowed ones wait for the host, because applications handle
// their failure.
#include <unistd.h>

#include <algorithm>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/memory/device_memory.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/external_handles.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/session/session.hpp"
#include "guest-icd/wsi/chain.hpp"

namespace viaduct::guest {
namespace {

using protocol::ObjectType;

// Imports up to this size are posted: a failure then is that of a host out of its own memory, which the
// device reports as lost.
constexpr VkDeviceSize kPostedAllocation = 1u << 20;

DeviceMemory* memory_of(Device& device, VkDeviceMemory handle) noexcept {
  return device.session->objects().memories.find(protocol::id_of(handle));
}

// What an allocation's chain says of file descriptors.
struct Sharing {
  bool exported = false;
  std::optional<ExternalPayload> imported{};
  int fd = -1;  ///< of the import
  bool valid = true;
};

Sharing sharing_of(Device& device, const VkMemoryAllocateInfo& info) noexcept {
  constexpr auto kOpaqueFd = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  Sharing sharing;
  const auto* exported = wsi::find_in_chain<VkExportMemoryAllocateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
  const auto* import =
      wsi::find_in_chain<VkImportMemoryFdInfoKHR>(info.pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR);
  if (exported == nullptr && import == nullptr) return sharing;
  sharing.exported = exported != nullptr && (exported->handleTypes & kOpaqueFd) != 0 &&
                     device.enabled("VK_KHR_external_memory_fd");
  if (import != nullptr && import->handleType != 0) {
    if (import->handleType == kOpaqueFd) {
      sharing.imported = device.session->external_handles().find(import->fd, ExternalPayload::Kind::kMemory);
    }
    sharing.fd = import->fd;
    sharing.valid = sharing.imported.has_value();
  }
  return sharing;
}

// The host has the memory beside the arena: that of such a type, and what is shared by file descriptors.
bool is_shadowed(const PhysicalDevice& physical, std::uint32_t type, const Sharing& sharing) noexcept {
  return (physical.shadowed_type_bits >> type & 1) != 0 || sharing.exported || sharing.imported;
}

bool is_coherent(const PhysicalDevice& physical, std::uint32_t type) noexcept {
  return (physical.memory.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
}

// A span for the allocation; waits for spans that the host still reads if that is what lacks.
std::optional<std::uint64_t> take_span(Device& device, std::uint64_t size) noexcept {
  Session& session = *device.session;
  Channel& channel = *device.channel;
  ArenaSpans& arena = session.arena();
  arena.reclaim(channel.consumed());
  for (;;) {
    if (const auto offset = arena.allocate(size, device.physical->arena_alignment)) return offset;
    const std::uint64_t waiting = arena.oldest_waiting();
    if (waiting == 0) return std::nullopt;
    channel.flush();
    if (!channel.wait_consumed(waiting)) return std::nullopt;
    arena.reclaim(channel.consumed());
  }
}

// Where no memory is shared, the host has a copy of the span from now on. The token is the allocation's id.
bool mirror_span(Device& device, std::uint64_t id, const DeviceMemory& memory) noexcept {
  transport::GuestMirror* mirror = device.channel->mirror();
  return mirror == nullptr || mirror->track(id, memory.offset, memory.span);
}

void note_mapped(Device& device, VkDeviceMemory handle, bool mapped) noexcept {
  if (transport::GuestMirror* mirror = device.channel->mirror()) {
    mirror->map(protocol::id_of(handle), mapped);
  }
}

void give_back_span(Device& device, std::uint64_t id, const DeviceMemory& memory) noexcept {
  if (memory.span == 0) return;
  if (transport::GuestMirror* mirror = device.channel->mirror()) mirror->untrack(id);
  ArenaSpans& arena = device.session->arena();
  if (memory.shadowed) {
    // The host copies from and to the span until it has read the free.
    arena.release_after(device.channel->sequence_of_posts(), memory.offset);
  } else {
    arena.release(memory.offset);
  }
}

// Non-coherent ranges whose host must hear of them; true if any.
bool wants_host(Device& device, std::uint32_t count, const VkMappedMemoryRange* ranges) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    const DeviceMemory* memory = memory_of(device, ranges[i].memory);
    if (memory != nullptr && !is_coherent(*device.physical, memory->type)) return true;
  }
  return false;
}

VkResult allocate_device_only(Device& device, const VkMemoryAllocateInfo& info, const Sharing& sharing,
                              VkDeviceMemory* handle) noexcept {
  Channel& channel = *device.channel;
  if (sharing.imported) {
    return call_viaductImportMemory(channel, device.handle(), &info, sharing.imported->number, 0, 0, handle);
  }
  return call_vkAllocateMemory(channel, device.handle(), &info, nullptr, handle);
}

VkResult allocate_arena(Device& device, const VkMemoryAllocateInfo& info, const Sharing& sharing,
                        DeviceMemory& memory, VkDeviceMemory* handle) noexcept {
  Channel& channel = *device.channel;
  const PhysicalDevice& physical = *device.physical;
  const std::uint64_t alignment = physical.arena_alignment;
  const std::uint32_t heap = physical.memory.memoryTypes[memory.type].heapIndex;
  const VkDeviceSize size = info.allocationSize;
  if (size == 0 || size > physical.memory.memoryHeaps[heap].size) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const std::uint64_t span = (size + alignment - 1) & ~(alignment - 1);
  const auto offset = take_span(device, span);
  if (!offset) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  memory.offset = *offset;
  memory.span = span;
  VkDevice self = device.handle();
  const std::uint64_t id = protocol::id_of(*handle);
  if (!mirror_span(device, id, memory)) {
    device.session->arena().release(memory.offset);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  if (!memory.shadowed && size <= kPostedAllocation) {
    post_viaductAllocateArenaMemory(channel, self, &info, *offset, span, handle);
    return VK_SUCCESS;
  }
  const VkResult result =
      sharing.imported
          ? call_viaductImportMemory(channel, self, &info, sharing.imported->number, *offset, span, handle)
          : call_viaductAllocateArenaMemory(channel, self, &info, *offset, span, handle);
  if (result != VK_SUCCESS) give_back_span(device, id, memory);
  return result;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkAllocateMemory(VkDevice device, const VkMemoryAllocateInfo* pAllocateInfo,
                                                const VkAllocationCallbacks*,
                                                VkDeviceMemory* pMemory) noexcept {
  Device* self = Device::from(device);
  if (self->is_lost()) return VK_ERROR_DEVICE_LOST;
  Channel& channel = *self->channel;
  const PhysicalDevice& physical = *self->physical;
  const std::uint32_t type = pAllocateInfo->memoryTypeIndex;
  if (type >= physical.memory.memoryTypeCount) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const std::uint64_t id = new_id(channel, ObjectType::kDeviceMemory);
  DeviceMemory* memory = id == 0 ? nullptr : self->session->objects().memories.make(id);
  if (memory == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  const Sharing sharing = sharing_of(*self, *pAllocateInfo);
  *memory = {0, 0, pAllocateInfo->allocationSize, type, is_shadowed(physical, type, sharing)};
  VkDeviceMemory handle = handle_of<VkDeviceMemory>(id);

  VkResult result = VK_ERROR_INVALID_EXTERNAL_HANDLE;
  if (sharing.valid) {
    const bool arena = (physical.arena_type_bits >> type & 1) != 0;
    result = arena ? allocate_arena(*self, *pAllocateInfo, sharing, *memory, &handle)
                   : allocate_device_only(*self, *pAllocateInfo, sharing, &handle);
  }
  if (result != VK_SUCCESS) {
    release_id(channel, ObjectType::kDeviceMemory, id);
    if (result == VK_ERROR_DEVICE_LOST) self->latch_lost();
    return result;
  }
  *pMemory = handle;
  if (sharing.imported) {
    ::close(sharing.fd);  // the driver's from now on
    self->session->external_handles().collect(channel);
  }
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkFreeMemory(VkDevice device, VkDeviceMemory memory,
                                        const VkAllocationCallbacks* pAllocator) noexcept {
  if (memory == VK_NULL_HANDLE) return;
  Device* self = Device::from(device);
  const DeviceMemory* known = memory_of(*self, memory);
  post_vkFreeMemory(*self->channel, device, memory, pAllocator);
  if (known != nullptr) give_back_span(*self, protocol::id_of(memory), *known);
  release_id(*self->channel, ObjectType::kDeviceMemory, protocol::id_of(memory));
}

VKAPI_ATTR VkResult VKAPI_CALL vkMapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                           VkDeviceSize, VkMemoryMapFlags, void** ppData) noexcept {
  Device* self = Device::from(device);
  const DeviceMemory* known = memory_of(*self, memory);
  if (known == nullptr || known->span == 0) return VK_ERROR_MEMORY_MAP_FAILED;
  if (known->shadowed) {
    self->channel->publish_memory();  // perhaps through another mapping of the same memory
    const VkResult result = call_viaductMapMemory(*self->channel, device, memory, 1);
    // Of a lost device the memory can still be mapped; the specification has no "lost" for this call.
    if (result != VK_SUCCESS && result != VK_ERROR_DEVICE_LOST) return result;
  }
  note_mapped(*self, memory, true);
  *ppData = self->session->region().bytes(known->offset + offset);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkUnmapMemory(VkDevice device, VkDeviceMemory memory) noexcept {
  Device* self = Device::from(device);
  const DeviceMemory* known = memory_of(*self, memory);
  note_mapped(*self, memory, false);
  if (known != nullptr && known->shadowed) {
    self->channel->publish_memory();
    post_viaductMapMemory(*self->channel, device, memory, 0);
  }
}

#ifdef VK_VERSION_1_4
VKAPI_ATTR VkResult VKAPI_CALL vkMapMemory2(VkDevice device, const VkMemoryMapInfo* pMemoryMapInfo,
                                            void** ppData) noexcept {
  return entry::vkMapMemory(device, pMemoryMapInfo->memory, pMemoryMapInfo->offset, pMemoryMapInfo->size, 0,
                            ppData);
}

VKAPI_ATTR VkResult VKAPI_CALL vkUnmapMemory2(VkDevice device,
                                              const VkMemoryUnmapInfo* pMemoryUnmapInfo) noexcept {
  entry::vkUnmapMemory(device, pMemoryUnmapInfo->memory);
  return VK_SUCCESS;
}
#endif

VKAPI_ATTR VkResult VKAPI_CALL vkFlushMappedMemoryRanges(VkDevice device, uint32_t memoryRangeCount,
                                                         const VkMappedMemoryRange* pMemoryRanges) noexcept {
  Device* self = Device::from(device);
  if (wants_host(*self, memoryRangeCount, pMemoryRanges)) {
    self->channel->publish_memory();
    post_vkFlushMappedMemoryRanges(*self->channel, device, memoryRangeCount, pMemoryRanges);
  }
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL vkInvalidateMappedMemoryRanges(
    VkDevice device, uint32_t memoryRangeCount, const VkMappedMemoryRange* pMemoryRanges) noexcept {
  Device* self = Device::from(device);
  if (!wants_host(*self, memoryRangeCount, pMemoryRanges)) return VK_SUCCESS;
  const VkResult result =
      call_vkInvalidateMappedMemoryRanges(*self->channel, device, memoryRangeCount, pMemoryRanges);
  // Not among the results that the specification permits here; the next submission tells of the loss.
  return result == VK_ERROR_DEVICE_LOST ? VK_SUCCESS : result;
}

}  // namespace entry
}  // namespace viaduct::guest
