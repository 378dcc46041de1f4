// Entry points of VkPhysicalDevice that the guest answers from what it fetched at the first enumeration. The
// other queries are generated: their answers are remembered by the session's memo.
#include <new>
#include <vector>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/objects/instance.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

using protocol::ObjectType;

// What creating devices and memory needs to know of a physical device.
VkResult fetch(PhysicalDevice& physical) {
  Channel& channel = *physical.channel;
  VkPhysicalDeviceProperties properties{};
  call_vkGetPhysicalDeviceProperties(channel, physical.handle(), &properties);
  physical.api_version = properties.apiVersion;
  call_vkGetPhysicalDeviceMemoryProperties(channel, physical.handle(), &physical.memory);
  call_viaductGetMemoryInfo(channel, physical.handle(), &physical.memory_mode, &physical.arena_type_bits,
                            &physical.arena_alignment);
  if (physical.arena_alignment < 4096) physical.arena_alignment = 4096;
  std::uint32_t count = 0;
  VkResult result =
      call_vkEnumerateDeviceExtensionProperties(channel, physical.handle(), nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> host(count);
  if (result == VK_SUCCESS && count > 0) {
    result =
        call_vkEnumerateDeviceExtensionProperties(channel, physical.handle(), nullptr, &count, host.data());
    host.resize(count);
  }
  physical.extensions = device_extensions(host, physical.session->host_commands());
  return result < 0 ? result : VK_SUCCESS;
}

VkResult enumerate_devices(Instance& instance) {
  const std::lock_guard lock(instance.enumeration_mutex);
  if (instance.enumerated) return VK_SUCCESS;
  Channel& channel = *instance.channel;
  std::uint32_t count = 0;
  VkResult result = call_vkEnumeratePhysicalDevices(channel, instance.handle(), &count, nullptr);
  if (result < 0) return result;
  std::vector<std::unique_ptr<PhysicalDevice>> made;
  std::vector<VkPhysicalDevice> handles;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t id = new_id(channel, ObjectType::kPhysicalDevice);
    if (id == 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
    made.push_back(std::make_unique<PhysicalDevice>(instance, id));
    handles.push_back(made.back()->handle());
  }
  if (count > 0) {
    result = call_vkEnumeratePhysicalDevices(channel, instance.handle(), &count, handles.data());
    if (result < 0) return result;
  }
  made.resize(std::min<std::size_t>(made.size(), count));
  for (const auto& physical : made) {
    if (const VkResult fetched = fetch(*physical); fetched != VK_SUCCESS) return fetched;
  }
  instance.physical_devices = std::move(made);
  instance.enumerated = true;
  return VK_SUCCESS;
}

// Loss is no result that enumeration may have.
VkResult without_loss(VkResult result) noexcept {
  return result == VK_ERROR_DEVICE_LOST ? VK_ERROR_INITIALIZATION_FAILED : result;
}

VkResult enumerate_handles(VkInstance instance, std::vector<VkPhysicalDevice>& handles) noexcept {
  try {
    Instance& self = *Instance::from(instance);
    const VkResult result = enumerate_devices(self);
    if (result != VK_SUCCESS) return without_loss(result);
    for (const auto& physical : self.physical_devices) handles.push_back(physical->handle());
    return VK_SUCCESS;
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL vkEnumeratePhysicalDevices(VkInstance instance, uint32_t* pPhysicalDeviceCount,
                                                          VkPhysicalDevice* pPhysicalDevices) noexcept {
  std::vector<VkPhysicalDevice> handles;
  const VkResult result = enumerate_handles(instance, handles);
  if (result != VK_SUCCESS) return result;
  return enumerate<VkPhysicalDevice>(handles, pPhysicalDeviceCount, pPhysicalDevices);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkEnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t* pPhysicalDeviceGroupCount,
                                VkPhysicalDeviceGroupProperties* pPhysicalDeviceGroupProperties) noexcept {
  // Every device is a group of its own: the host's groups would span GPUs that a tenant need not all have.
  std::vector<VkPhysicalDevice> handles;
  const VkResult result = enumerate_handles(instance, handles);
  if (result != VK_SUCCESS) return result;
  const auto total = static_cast<std::uint32_t>(handles.size());
  if (pPhysicalDeviceGroupProperties == nullptr) {
    *pPhysicalDeviceGroupCount = total;
    return VK_SUCCESS;
  }
  const std::uint32_t n = std::min(*pPhysicalDeviceGroupCount, total);
  for (std::uint32_t i = 0; i < n; ++i) {
    VkPhysicalDeviceGroupProperties& group = pPhysicalDeviceGroupProperties[i];
    group.physicalDeviceCount = 1;
    group.physicalDevices[0] = handles[i];
    for (std::uint32_t j = 1; j < VK_MAX_DEVICE_GROUP_SIZE; ++j) group.physicalDevices[j] = VK_NULL_HANDLE;
    group.subsetAllocation = VK_FALSE;
  }
  *pPhysicalDeviceGroupCount = n;
  return n < total ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkEnumerateDeviceExtensionProperties(VkPhysicalDevice physicalDevice, const char* pLayerName,
                                     uint32_t* pPropertyCount, VkExtensionProperties* pProperties) noexcept {
  if (pLayerName != nullptr) return VK_ERROR_LAYER_NOT_PRESENT;
  return enumerate<VkExtensionProperties>(PhysicalDevice::from(physicalDevice)->extensions, pPropertyCount,
                                          pProperties);
}

VKAPI_ATTR VkResult VKAPI_CALL vkEnumerateDeviceLayerProperties(VkPhysicalDevice, uint32_t* pPropertyCount,
                                                                VkLayerProperties*) noexcept {
  *pPropertyCount = 0;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceMemoryProperties(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties* pMemoryProperties) noexcept {
  *pMemoryProperties = PhysicalDevice::from(physicalDevice)->memory;
}

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceToolProperties(VkPhysicalDevice, uint32_t* pToolCount,
                                                                 VkPhysicalDeviceToolProperties*) noexcept {
  *pToolCount = 0;  // tools on the host are not this application's
  return VK_SUCCESS;
}

}  // namespace entry
}  // namespace viaduct::guest
