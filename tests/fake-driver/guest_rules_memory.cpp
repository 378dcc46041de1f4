// Memory, buffers and images: what the host translates. The fake driver has one memory type for everything,
// of which the guest sees three: device-only, and the arena's, imported and shadowed.
#include "generated/protocol/args.hpp"
#include "tests/fake-driver/driver_constants.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

using protocol::Command;

constexpr VkDeviceSize kPage = 4096;
constexpr VkDeviceSize kLargest = 1u << 20;

bool fits_arena(const VkBufferCreateInfo& info) {
  return (info.flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) == 0;
}

bool fits_arena(const VkImageCreateInfo& info) {
  return info.tiling == VK_IMAGE_TILING_LINEAR && (info.flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) == 0;
}

// Half of all images are linear.
void choose_tiling(VkImageCreateInfo& info) {
  info.tiling = (info.flags & 4) != 0 ? VK_IMAGE_TILING_LINEAR : VK_IMAGE_TILING_OPTIMAL;
}

// What may be bound to the arena's memory is declared to be bindable to imported pages.
template <class External, class Info>
void declare_import(Info& info, VkStructureType type, Arena& arena) {
  const VkExternalMemoryHandleTypeFlags handles =
      fits_arena(info) ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT : 0;
  auto* external = find_in_chain<External>(info.pNext, type);
  if (external == nullptr && handles == 0) return;
  if (external == nullptr) {
    external = allocate<External>(arena);
    external->sType = type;
    external->pNext = info.pNext;
    info.pNext = external;
  }
  external->handleTypes = handles;
}

void declare_import(VkBufferCreateInfo& info, Arena& arena) {
  declare_import<VkExternalMemoryBufferCreateInfo>(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                   arena);
}

void declare_import(VkImageCreateInfo& info, Arena& arena) {
  declare_import<VkExternalMemoryImageCreateInfo>(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
                                                  arena);
  // The only layout that such an image may begin in (VUID-VkImageCreateInfo-pNext-01443).
  if (fits_arena(info)) info.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
}

void prepare_allocation(Guest& guest, protocol::vkAllocateMemory_args& a, Arena&) {
  VkMemoryAllocateInfo& info = mine(a.pAllocateInfo);
  info.memoryTypeIndex %= guest.memory.memoryTypeCount;
  info.allocationSize = 1 + info.allocationSize % kLargest;
}

void change_allocation(Guest& guest, protocol::vkAllocateMemory_args& a, Arena&) {
  VkMemoryAllocateInfo& info = mine(a.pAllocateInfo);
  drop_from_chain(info.pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
  const uint32_t imported = guest.arena_types() & ~guest.shadowed_types();
  if ((imported >> info.memoryTypeIndex & 1) != 0) {
    // Whole pages of the region are imported (the struct for that has no digest: it never travels).
    info.allocationSize = (info.allocationSize + kPage - 1) / kPage * kPage;
    drop_from_chain(info.pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
  }
  info.memoryTypeIndex = 0;
}

void prepare_image(Guest&, protocol::vkCreateImage_args& a, Arena&) { choose_tiling(mine(a.pCreateInfo)); }
void change_image(Guest&, protocol::vkCreateImage_args& a, Arena& arena) {
  declare_import(mine(a.pCreateInfo), arena);
}
void change_buffer(Guest&, protocol::vkCreateBuffer_args& a, Arena& arena) {
  declare_import(mine(a.pCreateInfo), arena);
}

void change_device_buffer(Guest&, protocol::vkGetDeviceBufferMemoryRequirements_args& a, Arena& arena) {
  declare_import(mine(a.pInfo->pCreateInfo), arena);
}
void undo_device_buffer(Guest& guest, protocol::vkGetDeviceBufferMemoryRequirements_args& a, Arena&) {
  undo_requirements(guest, a.pMemoryRequirements->memoryRequirements, fits_arena(*a.pInfo->pCreateInfo));
}

void prepare_device_image(Guest&, protocol::vkGetDeviceImageMemoryRequirements_args& a, Arena&) {
  choose_tiling(mine(a.pInfo->pCreateInfo));
}
void change_device_image(Guest&, protocol::vkGetDeviceImageMemoryRequirements_args& a, Arena& arena) {
  declare_import(mine(a.pInfo->pCreateInfo), arena);
}
void undo_device_image(Guest& guest, protocol::vkGetDeviceImageMemoryRequirements_args& a, Arena&) {
  undo_requirements(guest, a.pMemoryRequirements->memoryRequirements, fits_arena(*a.pInfo->pCreateInfo));
}

void undo_acceleration(Guest& guest, protocol::vkGetAccelerationStructureMemoryRequirementsNV_args& a,
                       Arena&) {
  undo_requirements(guest, a.pMemoryRequirements->memoryRequirements, false);
}
void undo_generated(Guest& guest, protocol::vkGetGeneratedCommandsMemoryRequirementsNV_args& a, Arena&) {
  undo_requirements(guest, a.pMemoryRequirements->memoryRequirements, true);
}
void undo_video(Guest& guest, protocol::vkGetVideoSessionMemoryRequirementsKHR_args& a, Arena&) {
  for (uint32_t i = 0; a.pMemoryRequirements != nullptr && i < *a.pMemoryRequirementsCount; ++i) {
    undo_requirements(guest, a.pMemoryRequirements[i].memoryRequirements, false);
  }
}

}  // namespace

void undo_requirements(const Guest& guest, VkMemoryRequirements& requirements, bool in_arena) {
  const uint32_t all = (1u << guest.memory.memoryTypeCount) - 1;
  const uint32_t expected = all & ~(in_arena ? guest.shadowed_types() : guest.arena_types());
  // Anything else stays as it is, and is found to differ.
  if (requirements.memoryTypeBits == expected) requirements.memoryTypeBits = kMemoryTypeBits;
}

Rules memory_rules() {
  return {
      {Command::vkAllocateMemory, {step(prepare_allocation), step(change_allocation), {}}},
      {Command::vkCreateBuffer, {{}, step(change_buffer), {}}},
      {Command::vkCreateImage, {step(prepare_image), step(change_image), {}}},
      {Command::vkGetDeviceBufferMemoryRequirements,
       {{}, step(change_device_buffer), step(undo_device_buffer)}},
      {Command::vkGetDeviceImageMemoryRequirements,
       {step(prepare_device_image), step(change_device_image), step(undo_device_image)}},
      {Command::vkGetAccelerationStructureMemoryRequirementsNV, {{}, {}, step(undo_acceleration)}},
      {Command::vkGetGeneratedCommandsMemoryRequirementsNV, {{}, {}, step(undo_generated)}},
      {Command::vkGetVideoSessionMemoryRequirementsKHR, {{}, {}, step(undo_video)}},
  };
}

}  // namespace viaduct::fake
