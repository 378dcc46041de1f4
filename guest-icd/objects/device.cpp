// Entry points of VkDevice. Creation waits (its failures are the application's business); queues are fetched
// with it, so that vkGetDeviceQueue is a lookup.
#include "guest-icd/objects/device.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/log.hpp"
#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "guest-icd/queue/queue.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {

Device::Device(PhysicalDevice& owner, std::uint64_t object_id) noexcept
    : Dispatchable(*owner.session, *owner.channel, object_id),
      physical(&owner),
      api_version(std::min(owner.instance->api_version, owner.api_version)),
      debug_names(owner.instance->debug_names) {}

Device::~Device() = default;

bool Device::is_lost() const noexcept {
  if (lost.load(std::memory_order_relaxed)) return true;
  if (!channel->lost()) return false;
  lost.store(true, std::memory_order_release);
  return true;
}

namespace {

using protocol::ObjectType;

bool offered(const PhysicalDevice& physical, const char* name) noexcept {
  return std::any_of(physical.extensions.begin(), physical.extensions.end(),
                     [&](const auto& entry) { return std::strcmp(entry.extensionName, name) == 0; });
}

VkResult name_queues(Device& device, const VkDeviceCreateInfo& info) {
  Session& session = *device.session;
  for (std::uint32_t i = 0; i < info.queueCreateInfoCount; ++i) {
    const VkDeviceQueueCreateInfo& from = info.pQueueCreateInfos[i];
    for (std::uint32_t index = 0; index < from.queueCount; ++index) {
      const auto slot = session.take_queue_slot();
      if (!slot) return VK_ERROR_TOO_MANY_OBJECTS;
      const std::uint64_t id = new_id(*device.channel, ObjectType::kQueue);
      if (id == 0) {
        session.return_queue_slot(slot->index, slot->initial_value);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
      }
      auto queue = std::make_unique<Queue>(device, id, slot->index);
      queue->flags = from.flags;
      queue->family = from.queueFamilyIndex;
      queue->index = index;
      queue->last_value.store(slot->initial_value, std::memory_order_relaxed);
      device.queues.push_back(std::move(queue));
    }
  }
  return VK_SUCCESS;
}

void release_queues(Device& device) noexcept {
  for (const auto& queue : device.queues) {
    device.session->return_queue_slot(queue->slot, queue->last_value.load(std::memory_order_acquire));
    release_id(*device.channel, ObjectType::kQueue, queue->header.id);
  }
  device.queues.clear();
}

// How what a program maps reaches the host's driver; for people, viaduct-doctor's among them.
void log_sharing(const PhysicalDevice& physical) noexcept {
  const bool mirrored = physical.channel->mirror() != nullptr;
  const bool copied = (physical.arena_type_bits & ~physical.shadowed_type_bits) == 0;
  VIADUCT_LOG_INFO("memory", "mapped memory: %s, and the host's driver %s",
                   mirrored ? "what changes travels on the stream" : "its pages are shared with the host",
                   copied ? "has memory of its own, to and from which the host copies what changes (shadow)"
                          : "works in the host's pages, without another copy (import or dma-buf)");
}

VkResult create_device(PhysicalDevice& physical, const VkDeviceCreateInfo& info, VkDevice* out) {
  std::vector<const char*> names;
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    const char* name = info.ppEnabledExtensionNames[i];
    if (!offered(physical, name)) return VK_ERROR_EXTENSION_NOT_PRESENT;
    if (host_sees_device_extension(name)) names.push_back(name);
  }
  Channel& channel = *physical.channel;
  const std::uint64_t id = new_id(channel, ObjectType::kDevice);
  if (id == 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  auto device = std::make_unique<Device>(physical, id);
  for (std::uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    device->extensions.emplace(info.ppEnabledExtensionNames[i]);
  }
  VkResult result = name_queues(*device, info);
  if (result == VK_SUCCESS) {
    VkDeviceCreateInfo sent = info;
    sent.enabledLayerCount = 0;
    sent.ppEnabledLayerNames = nullptr;
    sent.enabledExtensionCount = static_cast<std::uint32_t>(names.size());
    sent.ppEnabledExtensionNames = names.data();
    VkDevice handle = device->handle();
    result = call_vkCreateDevice(channel, physical.handle(), &sent, nullptr, &handle);
  }
  if (result != VK_SUCCESS) {
    release_queues(*device);
    release_id(channel, ObjectType::kDevice, id);
    return result;
  }
  for (const auto& queue : device->queues) {
    VkQueue handle = queue->handle();
    post_viaductGetDeviceQueue(channel, device->handle(), queue->flags, queue->family, queue->index,
                               queue->slot, queue->last_value.load(std::memory_order_relaxed), &handle);
  }
  if (device->debug_names) {
    NamedObjects& named = device->session->objects().named;
    named.add(*device);
    for (const auto& queue : device->queues) named.add(*queue);
  }
  log_sharing(physical);
  *out = device.release()->handle();
  return VK_SUCCESS;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDevice(VkPhysicalDevice physicalDevice,
                                              const VkDeviceCreateInfo* pCreateInfo,
                                              const VkAllocationCallbacks*, VkDevice* pDevice) noexcept {
  const HearsHost hears(physicalDevice);
  try {
    return create_device(*PhysicalDevice::from(physicalDevice), *pCreateInfo, pDevice);
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDevice(VkDevice device,
                                           const VkAllocationCallbacks* pAllocator) noexcept {
  if (device == VK_NULL_HANDLE) return;
  std::unique_ptr<Device> self(Device::from(device));
  Channel& channel = *self->channel;
  post_vkDestroyDevice(channel, device, pAllocator);
  channel.flush();
  if (self->debug_names) {
    // While the names of what its end has to say something of are known.
    { const HearsHost hears(*self, HearWhen::kNow); }
    NamedObjects& named = self->session->objects().named;
    named.remove(*self);
    for (const auto& queue : self->queues) named.remove(*queue);
  }
  release_queues(*self);
  const std::uint64_t id = self->header.id;
  self.reset();
  release_id(channel, ObjectType::kDevice, id);
}

}  // namespace entry
}  // namespace viaduct::guest
