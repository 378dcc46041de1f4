// Entry points of VkBuffer and VkImage: posted creates (but those that may well fail are called), memory
// requirements from the memo, posted binds.
#include "guest-icd/objects/resource.hpp"

#include <array>
#include <cstring>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/objects/scratch.hpp"
#include "guest-icd/session/session.hpp"
#include "guest-icd/wsi/chain.hpp"
#include "guest-icd/wsi/swapchain.hpp"
#include "protocol/wire/writer.hpp"

// Generated, in whichever of the numbered files they fell.
namespace viaduct::protocol {
template <class S>
void write_request_vkCreateBuffer(S&, VkDevice, const VkBufferCreateInfo*, const VkAllocationCallbacks*,
                                  VkBuffer*);
template <class S>
void write_request_vkCreateImage(S&, VkDevice, const VkImageCreateInfo*, const VkAllocationCallbacks*,
                                 VkImage*);
}  // namespace viaduct::protocol

namespace viaduct::guest {
namespace {

using protocol::id_of;
using protocol::ObjectType;

// The create request with no name for the object: the device and everything the requirements depend on.
template <class S>
void write_info(S& sink, VkDevice device, const VkBufferCreateInfo& info) {
  VkBuffer none = VK_NULL_HANDLE;
  protocol::write_request_vkCreateBuffer(sink, device, &info, nullptr, &none);
}
template <class S>
void write_info(S& sink, VkDevice device, const VkImageCreateInfo& info) {
  VkImage none = VK_NULL_HANDLE;
  protocol::write_request_vkCreateImage(sink, device, &info, nullptr, &none);
}

// The memo's key of a create-info. Records' keys begin with a command index; this one begins with a word that
// is none.
template <class Info>
bool make_key(std::vector<std::byte>& key, VkDevice device, const Info& info, std::uint32_t kind) noexcept {
  try {
    protocol::SizeCounter counter(8);
    write_info(counter, device, info);
    key.resize(counter.finish());
    protocol::Writer writer(key.data());
    writer.u32(~kind);
    writer.u32(0);
    write_info(writer, device, info);
    writer.finish();
    return true;
  } catch (...) {
    key.clear();
    return false;
  }
}

// Prepares a new object's entry: its requirements if an equal create-info is known, otherwise the key to
// learn them.
template <class Info>
void prepare(Channel& channel, Resource& resource, VkDevice device, const Info& info,
             std::uint32_t kind) noexcept {
  resource.reset();
  if (!make_key(resource.key, device, info, kind)) return;
  const bool known = channel.memo().find(resource.key, [&](std::span<const std::byte> bytes) {
    std::memcpy(&resource.requirements, bytes.data(), sizeof(Requirements));
  });
  if (known) resource.known.store(true, std::memory_order_release);
}

void learn(Channel& channel, Resource& resource, const VkMemoryRequirements2& from,
           const VkMemoryDedicatedRequirements& dedicated) noexcept {
  const Requirements requirements{from.memoryRequirements, dedicated.prefersDedicatedAllocation,
                                  dedicated.requiresDedicatedAllocation};
  if (!resource.key.empty()) {
    channel.memo().insert(resource.key, std::as_bytes(std::span(&requirements, 1)));
  }
  // Two threads may ask about one object at once: both write the same answer.
  resource.requirements = requirements;
  resource.known.store(true, std::memory_order_release);
}

// Fills the application's structs; false if its chain asks for something that is not remembered.
bool answer(const Resource& resource, VkMemoryRequirements2& to) noexcept {
  if (!resource.known.load(std::memory_order_acquire)) return false;
  for (auto* next = static_cast<VkBaseOutStructure*>(to.pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) return false;
  }
  for (auto* next = static_cast<VkBaseOutStructure*>(to.pNext); next != nullptr; next = next->pNext) {
    auto* dedicated = reinterpret_cast<VkMemoryDedicatedRequirements*>(next);
    dedicated->prefersDedicatedAllocation = resource.requirements.prefers_dedicated;
    dedicated->requiresDedicatedAllocation = resource.requirements.requires_dedicated;
  }
  to.memoryRequirements = resource.requirements.memory;
  return true;
}

// The common path of the four requirement queries. `ask` performs the call on the host.
template <class Info, class Ask>
void requirements(Device& device, Resource* resource, const Info& info, VkMemoryRequirements2& to,
                  const Ask& ask) noexcept {
  const bool plain = info.pNext == nullptr && resource != nullptr;
  if (plain && answer(*resource, to)) return;
  if (plain) {
    VkMemoryDedicatedRequirements dedicated{VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS, nullptr, 0, 0};
    VkMemoryRequirements2 asked{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, &dedicated, {}};
    ask(&asked);
    if (!device.channel->lost()) learn(*device.channel, *resource, asked, dedicated);
    if (answer(*resource, to)) return;
  }
  ask(&to);
}

// Larger than this and a driver may have no room for it, or not want to: applications try and see.
constexpr double kPostedBytes = 1u << 30;

bool may_fail(const VkBufferCreateInfo& info) noexcept {
  const auto* address = wsi::find_in_chain<VkBufferOpaqueCaptureAddressCreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO);
  const bool wants_address = address != nullptr && address->opaqueCaptureAddress != 0;
  return static_cast<double>(info.size) > kPostedBytes || wants_address;
}

bool may_fail(const VkImageCreateInfo& info) noexcept {
  constexpr double kLargestTexel = 32;  // VK_FORMAT_R64G64B64A64_*
  const double texels = static_cast<double>(info.extent.width) * info.extent.height * info.extent.depth *
                        info.arrayLayers * static_cast<double>(info.samples);
  const bool compressed = wsi::find_in_chain<VkBaseInStructure>(
                              info.pNext, VK_STRUCTURE_TYPE_IMAGE_COMPRESSION_CONTROL_EXT) != nullptr;
  return texels * kLargestTexel > kPostedBytes || compressed;
}

// Posts the creation, or waits for the host's answer; the object's name is free again if that is a failure.
template <class Info, class Handle, class Post, class Call>
VkResult create(Device& device, ObjectType type, const Info& info, Handle* out, const Post& post,
                const Call& call) noexcept {
  if (!may_fail(info)) {
    post(*device.channel);
    return VK_SUCCESS;
  }
  const std::uint64_t id = id_of(*out);
  const VkResult result = call(*device.channel);
  if (result == VK_SUCCESS) {
    *out = handle_of<Handle>(id);
    return VK_SUCCESS;
  }
  *out = VK_NULL_HANDLE;
  release_id(*device.channel, type, id);
  if (result == VK_ERROR_DEVICE_LOST) device.latch_lost();
  return result;
}

VkResult lost_or_success(Device& device) noexcept {
  return device.is_lost() ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}

// Binds are posted, so each one's own status is what the call's is.
template <class Info>
VkResult give_statuses(VkResult result, std::uint32_t count, const Info* infos) noexcept {
#ifdef VK_VERSION_1_4
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto* status =
        wsi::find_in_chain<VkBindMemoryStatus>(infos[i].pNext, VK_STRUCTURE_TYPE_BIND_MEMORY_STATUS);
    if (status != nullptr && status->pResult != nullptr) *status->pResult = result;
  }
#else
  (void)count;
  (void)infos;
#endif
  return result;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateBuffer(VkDevice device, const VkBufferCreateInfo* pCreateInfo,
                                              const VkAllocationCallbacks* pAllocator,
                                              VkBuffer* pBuffer) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  const std::uint64_t id = new_id(channel, ObjectType::kBuffer);
  Resource* buffer = id == 0 ? nullptr : self->session->objects().buffers.make(id);
  if (buffer == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  prepare(channel, *buffer, device, *pCreateInfo, 1);
  *pBuffer = handle_of<VkBuffer>(id);
  return create(
      *self, ObjectType::kBuffer, *pCreateInfo, pBuffer,
      [&](Channel& to) { post_vkCreateBuffer(to, device, pCreateInfo, pAllocator, pBuffer); },
      [&](Channel& to) { return call_vkCreateBuffer(to, device, pCreateInfo, pAllocator, pBuffer); });
}

VKAPI_ATTR void VKAPI_CALL vkDestroyBuffer(VkDevice device, VkBuffer buffer,
                                           const VkAllocationCallbacks* pAllocator) noexcept {
  if (buffer == VK_NULL_HANDLE) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyBuffer(channel, device, buffer, pAllocator);
  release_id(channel, ObjectType::kBuffer, id_of(buffer));
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateImage(VkDevice device, const VkImageCreateInfo* pCreateInfo,
                                             const VkAllocationCallbacks* pAllocator,
                                             VkImage* pImage) noexcept {
  Device* self = Device::from(device);
  Channel& channel = *self->channel;
  VkImageCreateInfo info = *pCreateInfo;
  const auto* shared = wsi::find_in_chain<VkImageSwapchainCreateInfoKHR>(
      info.pNext, VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR);
  if (shared != nullptr) {
    // To be bound to a swapchain image's memory: made the way the swapchain makes its own
    // (wsi/swapchain_image.cpp).
    info.flags |= VK_IMAGE_CREATE_ALIAS_BIT;
    info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    if (const auto* swapchain = wsi::Swapchain::from(shared->swapchain)) info.tiling = swapchain->tiling();
  }
  const std::uint64_t id = new_id(channel, ObjectType::kImage);
  Resource* image = id == 0 ? nullptr : self->session->objects().images.make(id);
  if (image == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;
  prepare(channel, *image, device, info, 2);
  image->format = info.format;
  image->layers = info.arrayLayers;
  *pImage = handle_of<VkImage>(id);
  return create(
      *self, ObjectType::kImage, info, pImage,
      [&](Channel& to) { post_vkCreateImage(to, device, &info, pAllocator, pImage); },
      [&](Channel& to) { return call_vkCreateImage(to, device, &info, pAllocator, pImage); });
}

VKAPI_ATTR void VKAPI_CALL vkDestroyImage(VkDevice device, VkImage image,
                                          const VkAllocationCallbacks* pAllocator) noexcept {
  if (image == VK_NULL_HANDLE) return;
  Channel& channel = Channel::of(device);
  post_vkDestroyImage(channel, device, image, pAllocator);
  release_id(channel, ObjectType::kImage, id_of(image));
}

VKAPI_ATTR void VKAPI_CALL
vkGetBufferMemoryRequirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2* pInfo,
                               VkMemoryRequirements2* pMemoryRequirements) noexcept {
  Device* self = Device::from(device);
  requirements(*self, self->session->objects().buffers.find(id_of(pInfo->buffer)), *pInfo,
               *pMemoryRequirements, [&](VkMemoryRequirements2* to) {
                 call_vkGetBufferMemoryRequirements2(*self->channel, device, pInfo, to);
               });
}

VKAPI_ATTR void VKAPI_CALL vkGetBufferMemoryRequirements(VkDevice device, VkBuffer buffer,
                                                         VkMemoryRequirements* pMemoryRequirements) noexcept {
  const VkBufferMemoryRequirementsInfo2 info{VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, nullptr,
                                             buffer};
  VkMemoryRequirements2 requirements{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
  entry::vkGetBufferMemoryRequirements2(device, &info, &requirements);
  *pMemoryRequirements = requirements.memoryRequirements;
}

VKAPI_ATTR void VKAPI_CALL
vkGetImageMemoryRequirements2(VkDevice device, const VkImageMemoryRequirementsInfo2* pInfo,
                              VkMemoryRequirements2* pMemoryRequirements) noexcept {
  Device* self = Device::from(device);
  requirements(*self, self->session->objects().images.find(id_of(pInfo->image)), *pInfo, *pMemoryRequirements,
               [&](VkMemoryRequirements2* to) {
                 call_vkGetImageMemoryRequirements2(*self->channel, device, pInfo, to);
               });
}

VKAPI_ATTR void VKAPI_CALL vkGetImageMemoryRequirements(VkDevice device, VkImage image,
                                                        VkMemoryRequirements* pMemoryRequirements) noexcept {
  const VkImageMemoryRequirementsInfo2 info{VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, nullptr,
                                            image};
  VkMemoryRequirements2 requirements{VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, nullptr, {}};
  entry::vkGetImageMemoryRequirements2(device, &info, &requirements);
  *pMemoryRequirements = requirements.memoryRequirements;
}

VKAPI_ATTR VkResult VKAPI_CALL vkBindBufferMemory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                                  VkDeviceSize memoryOffset) noexcept {
  post_vkBindBufferMemory(Channel::of(device), device, buffer, memory, memoryOffset);
  return lost_or_success(*Device::from(device));
}

VKAPI_ATTR VkResult VKAPI_CALL vkBindBufferMemory2(VkDevice device, uint32_t bindInfoCount,
                                                   const VkBindBufferMemoryInfo* pBindInfos) noexcept {
  post_vkBindBufferMemory2(Channel::of(device), device, bindInfoCount, pBindInfos);
  return give_statuses(lost_or_success(*Device::from(device)), bindInfoCount, pBindInfos);
}

VKAPI_ATTR VkResult VKAPI_CALL vkBindImageMemory(VkDevice device, VkImage image, VkDeviceMemory memory,
                                                 VkDeviceSize memoryOffset) noexcept {
  post_vkBindImageMemory(Channel::of(device), device, image, memory, memoryOffset);
  return lost_or_success(*Device::from(device));
}

VKAPI_ATTR VkResult VKAPI_CALL vkBindImageMemory2(VkDevice device, uint32_t bindInfoCount,
                                                  const VkBindImageMemoryInfo* pBindInfos) noexcept {
  Scratch scratch;
  VkBindImageMemoryInfo* infos = scratch.copy(pBindInfos, bindInfoCount);
  if (infos == nullptr && bindInfoCount > 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (std::uint32_t i = 0; i < bindInfoCount; ++i) {
    const auto* bind = wsi::find_in_chain<VkBindImageMemorySwapchainInfoKHR>(
        infos[i].pNext, VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR);
    if (bind == nullptr || bind->swapchain == VK_NULL_HANDLE) continue;
    // The image aliases the swapchain's: on the host it is bound to the same memory.
    infos[i].memory = wsi::Swapchain::from(bind->swapchain)->image(bind->imageIndex).memory();
    infos[i].memoryOffset = 0;
  }
  post_vkBindImageMemory2(Channel::of(device), device, bindInfoCount, infos);
  return give_statuses(lost_or_success(*Device::from(device)), bindInfoCount, pBindInfos);
}

VKAPI_ATTR VkDeviceAddress VKAPI_CALL
vkGetBufferDeviceAddress(VkDevice device, const VkBufferDeviceAddressInfo* pInfo) noexcept {
  Device* self = Device::from(device);
  Resource* buffer = self->session->objects().buffers.find(id_of(pInfo->buffer));
  // An address is fixed once the memory is bound, which it must be here.
  if (buffer != nullptr) {
    if (const VkDeviceAddress known = buffer->address.load(std::memory_order_relaxed)) return known;
  }
  const VkDeviceAddress address = call_vkGetBufferDeviceAddress(*self->channel, device, pInfo);
  if (buffer != nullptr) buffer->address.store(address, std::memory_order_relaxed);
  return address;
}

}  // namespace entry
}  // namespace viaduct::guest
