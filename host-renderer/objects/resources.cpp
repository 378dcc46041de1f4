#include "host-renderer/objects/resources.hpp"

#include "generated/host/overrides.hpp"
#include "host-renderer/memory/page_import.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <type_traits>

namespace viaduct::host {

using protocol::ObjectType;

namespace {

bool imports(const Device& device) noexcept { return device.physical->mode != SharingMode::kShadow; }

// Whether the application shares the resource's memory by file descriptors (it says so in a struct of this
// type). Such a resource is never bound to imported pages: a driver need not take both kinds of memory.
template <class External>
bool is_shared(const Device& device, const void* chain, VkStructureType type) noexcept {
  if (!device.external_memory_fd) return false;
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == type) {
      return (reinterpret_cast<const External*>(next)->handleTypes &
              VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT) != 0;
    }
  }
  return false;
}
bool is_shared(const Device& device, const VkBufferCreateInfo& info) noexcept {
  return is_shared<VkExternalMemoryBufferCreateInfo>(device, info.pNext,
                                                     VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
}
bool is_shared(const Device& device, const VkImageCreateInfo& info) noexcept {
  return is_shared<VkExternalMemoryImageCreateInfo>(device, info.pNext,
                                                    VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}

// What a resource declares: 0 when it is neither shared nor to be bound to imported pages.
template <class Info>
VkExternalMemoryHandleTypeFlags handle_types(const Device& device, const Info& info,
                                             Mappable mappable) noexcept {
  if (is_shared(device, info)) return VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  return mappable == Mappable::kImported ? import_handle_type(device.physical->mode) : 0;
}

bool is_importable(const VkExternalMemoryProperties& properties) noexcept {
  return (properties.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0;
}

// The driver's word for buffers like this one.
bool reports_import(const PhysicalDevice& physical, const VkBufferCreateInfo& info) noexcept {
  VkPhysicalDeviceExternalBufferInfo external{};
  external.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO;
  external.flags = info.flags;
  external.usage = info.usage;
  external.handleType = import_handle_type(physical.mode);
  VkExternalBufferProperties properties{};
  properties.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES;
  physical.instance->table.vkGetPhysicalDeviceExternalBufferProperties(physical.handle, &external,
                                                                       &properties);
  return is_importable(properties.externalMemoryProperties);
}

bool reports_import(const PhysicalDevice& physical, const VkImageCreateInfo& info) noexcept {
  VkPhysicalDeviceExternalImageFormatInfo external{};
  external.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO;
  external.handleType = import_handle_type(physical.mode);
  VkPhysicalDeviceImageFormatInfo2 format{};
  format.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2;
  format.pNext = &external;
  format.format = info.format;
  format.type = info.imageType;
  format.tiling = info.tiling;
  format.usage = info.usage;
  format.flags = info.flags;
  VkExternalImageFormatProperties external_properties{};
  external_properties.sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES;
  VkImageFormatProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2;
  properties.pNext = &external_properties;
  const VkResult result = physical.instance->table.vkGetPhysicalDeviceImageFormatProperties2(
      physical.handle, &format, &properties);
  return result == VK_SUCCESS && is_importable(external_properties.externalMemoryProperties);
}

// In import mode a resource which the driver cannot bind to imported pages is shadowed. A driver whose report
// is known to be wrong is taken by its deeds.
template <class Info>
Mappable mappable(const Device& device, const Info& info) noexcept {
  const PhysicalDevice& physical = *device.physical;
  if (physical.mode == SharingMode::kShadow || is_shared(device, info)) {
    return Mappable::kShadowed;
  }
  return physical.import_report_is_wrong || reports_import(physical, info) ? Mappable::kImported
                                                                           : Mappable::kShadowed;
}

// The application's own external-memory struct, if it has one: handle types that the guest cannot use are
// replaced.
template <class External>
External* own_external(const void* chain, VkStructureType type) noexcept {
  for (auto* next = static_cast<VkBaseOutStructure*>(const_cast<void*>(chain)); next != nullptr;
       next = next->pNext) {
    if (next->sType == type) {
      return reinterpret_cast<External*>(next);
    }
  }
  return nullptr;
}

// Declares that a resource may be bound to imported pages, for as long as this object lives.
template <class Info, class External, VkStructureType kType>
class WithExternal {
 public:
  WithExternal(const Info& asked, VkExternalMemoryHandleTypeFlags handle_types) noexcept : info_(asked) {
    External* own = own_external<External>(asked.pNext, kType);
    if (own != nullptr) {
      own->handleTypes = handle_types;
    } else if (handle_types != 0) {
      external_.sType = kType;
      external_.pNext = asked.pNext;
      external_.handleTypes = handle_types;
      info_.pNext = &external_;
    }
    // image_layouts.cpp says why this changes nothing for the application.
    if constexpr (std::is_same_v<Info, VkImageCreateInfo>) {
      if (handle_types != 0) info_.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    }
  }
  const Info* get() const noexcept { return &info_; }

 private:
  External external_{};
  Info info_;
};
using ExternalBuffer = WithExternal<VkBufferCreateInfo, VkExternalMemoryBufferCreateInfo,
                                    VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO>;
using ExternalImage = WithExternal<VkImageCreateInfo, VkExternalMemoryImageCreateInfo,
                                   VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO>;

void translate(const Device& device, VkMemoryRequirements& requirements, Mappable mappable) noexcept {
  requirements.memoryTypeBits = device.physical->memory.guest_bits(requirements.memoryTypeBits, mappable);
}

Mappable mappable_of(CommandContext& ctx, ObjectType type, protocol::ObjectId id) noexcept {
  const protocol::HandleSlot* slot = ctx.objects().find(type, id);
  return slot != nullptr ? noted_mappable(slot->object) : Mappable::kNo;
}

}  // namespace

Mappable buffer_mappable(const Device& device, const VkBufferCreateInfo& info) noexcept {
  // A sparse buffer is bound piece by piece, and its memory was not allocated for import.
  if (imports(device) && (info.flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) != 0) {
    return Mappable::kNo;
  }
  return mappable(device, info);
}

// Linear images; whatever else the driver can import, an optimal image belongs into device memory.
Mappable image_mappable(const Device& device, const VkImageCreateInfo& info) noexcept {
  if (info.tiling != VK_IMAGE_TILING_LINEAR || (info.flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) != 0) {
    return Mappable::kNo;
  }
  return mappable(device, info);
}

void on_vkCreateBuffer(CommandContext& ctx, protocol::vkCreateBuffer_args& a) {
  const Mappable mappable = buffer_mappable(*ctx.device, *a.pCreateInfo);
  const ExternalBuffer info(*a.pCreateInfo, handle_types(*ctx.device, *a.pCreateInfo, mappable));
  a.result = ctx.device->table.vkCreateBuffer(a.device, info.get(), nullptr, a.pBuffer);
  if (a.result != VK_SUCCESS) {
    *a.pBuffer = VK_NULL_HANDLE;
    ctx.objects().insert_failed(ObjectType::kBuffer, *a.pBuffer_ids);
  } else {
    ctx.objects().insert(ObjectType::kBuffer, *a.pBuffer_ids, driver_bits(*a.pBuffer),
                         mappable_note(mappable));
  }
}

void on_vkCreateImage(CommandContext& ctx, protocol::vkCreateImage_args& a) {
  const Mappable mappable = image_mappable(*ctx.device, *a.pCreateInfo);
  const ExternalImage info(*a.pCreateInfo, handle_types(*ctx.device, *a.pCreateInfo, mappable));
  a.result = ctx.device->table.vkCreateImage(a.device, info.get(), nullptr, a.pImage);
  if (a.result != VK_SUCCESS) {
    *a.pImage = VK_NULL_HANDLE;
    ctx.objects().insert_failed(ObjectType::kImage, *a.pImage_ids);
  } else {
    ctx.objects().insert(ObjectType::kImage, *a.pImage_ids, driver_bits(*a.pImage),
                         mappable_note(mappable, a.pCreateInfo->format));
  }
}

void on_vkGetBufferMemoryRequirements(CommandContext& ctx, protocol::vkGetBufferMemoryRequirements_args& a) {
  ctx.device->table.vkGetBufferMemoryRequirements(a.device, a.buffer, a.pMemoryRequirements);
  translate(*ctx.device, *a.pMemoryRequirements, mappable_of(ctx, ObjectType::kBuffer, a.buffer_id));
}

void on_vkGetBufferMemoryRequirements2(CommandContext& ctx,
                                       protocol::vkGetBufferMemoryRequirements2_args& a) {
  const DeviceTable& table = ctx.device->table;
  if (table.vkGetBufferMemoryRequirements2 != nullptr) {
    table.vkGetBufferMemoryRequirements2(a.device, a.pInfo, a.pMemoryRequirements);
  } else {
    table.vkGetBufferMemoryRequirements(a.device, a.pInfo->buffer,
                                        &a.pMemoryRequirements->memoryRequirements);
  }
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements,
            mappable_of(ctx, ObjectType::kBuffer, a.pInfo_buffer_id));
}

void on_vkGetImageMemoryRequirements(CommandContext& ctx, protocol::vkGetImageMemoryRequirements_args& a) {
  ctx.device->table.vkGetImageMemoryRequirements(a.device, a.image, a.pMemoryRequirements);
  translate(*ctx.device, *a.pMemoryRequirements, mappable_of(ctx, ObjectType::kImage, a.image_id));
}

void on_vkGetImageMemoryRequirements2(CommandContext& ctx, protocol::vkGetImageMemoryRequirements2_args& a) {
  const DeviceTable& table = ctx.device->table;
  if (table.vkGetImageMemoryRequirements2 != nullptr) {
    table.vkGetImageMemoryRequirements2(a.device, a.pInfo, a.pMemoryRequirements);
  } else {
    table.vkGetImageMemoryRequirements(a.device, a.pInfo->image, &a.pMemoryRequirements->memoryRequirements);
  }
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements,
            mappable_of(ctx, ObjectType::kImage, a.pInfo_image_id));
}

// The answers must be those of the objects that these infos would make, external memory included.
void on_vkGetDeviceBufferMemoryRequirements(CommandContext& ctx,
                                            protocol::vkGetDeviceBufferMemoryRequirements_args& a) {
  const Mappable mappable = buffer_mappable(*ctx.device, *a.pInfo->pCreateInfo);
  const VkBufferCreateInfo& asked = *a.pInfo->pCreateInfo;
  const ExternalBuffer create(asked, handle_types(*ctx.device, asked, mappable));
  VkDeviceBufferMemoryRequirements info = *a.pInfo;
  info.pCreateInfo = create.get();
  ctx.device->table.vkGetDeviceBufferMemoryRequirements(a.device, &info, a.pMemoryRequirements);
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements, mappable);
}

void on_vkGetDeviceImageMemoryRequirements(CommandContext& ctx,
                                           protocol::vkGetDeviceImageMemoryRequirements_args& a) {
  const Mappable mappable = image_mappable(*ctx.device, *a.pInfo->pCreateInfo);
  const VkImageCreateInfo& asked = *a.pInfo->pCreateInfo;
  const ExternalImage create(asked, handle_types(*ctx.device, asked, mappable));
  VkDeviceImageMemoryRequirements info = *a.pInfo;
  info.pCreateInfo = create.get();
  ctx.device->table.vkGetDeviceImageMemoryRequirements(a.device, &info, a.pMemoryRequirements);
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements, mappable);
}

// Objects of extensions: their memory is the device's alone.
void on_vkGetAccelerationStructureMemoryRequirementsNV(
    CommandContext& ctx, protocol::vkGetAccelerationStructureMemoryRequirementsNV_args& a) {
  ctx.device->table.vkGetAccelerationStructureMemoryRequirementsNV(a.device, a.pInfo, a.pMemoryRequirements);
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements, Mappable::kNo);
}

void on_vkGetGeneratedCommandsMemoryRequirementsNV(
    CommandContext& ctx, protocol::vkGetGeneratedCommandsMemoryRequirementsNV_args& a) {
  ctx.device->table.vkGetGeneratedCommandsMemoryRequirementsNV(a.device, a.pInfo, a.pMemoryRequirements);
  translate(*ctx.device, a.pMemoryRequirements->memoryRequirements, Mappable::kImported);
}

void on_vkGetVideoSessionMemoryRequirementsKHR(CommandContext& ctx,
                                               protocol::vkGetVideoSessionMemoryRequirementsKHR_args& a) {
  a.result = ctx.device->table.vkGetVideoSessionMemoryRequirementsKHR(
      a.device, a.videoSession, a.pMemoryRequirementsCount, a.pMemoryRequirements);
  for (std::uint32_t i = 0; a.pMemoryRequirements != nullptr && i < *a.pMemoryRequirementsCount; ++i) {
    translate(*ctx.device, a.pMemoryRequirements[i].memoryRequirements, Mappable::kNo);
  }
}

}  // namespace viaduct::host
