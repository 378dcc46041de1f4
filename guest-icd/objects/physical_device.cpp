// The enumeration of physical devices, which fetches what an application will ask of them next
// (physical_queries.cpp answers from it). The other queries are generated: their answers are remembered by
// the session's memo.
#include <algorithm>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/instance.hpp"
#include "guest-icd/objects/object_ids.hpp"
#include "guest-icd/session/session.hpp"
#include "guest-icd/wsi/extensions.hpp"

namespace viaduct::guest {
namespace {

using protocol::ObjectType;

// More than any driver has; where one has them all the same, they are asked for once more.
constexpr std::uint32_t kExtensionGuess = 512;
constexpr std::uint32_t kMaxQueueFamilies = 64;

VkResult fetch_extensions(PhysicalDevice& physical) {
  std::vector<VkExtensionProperties> host;
  VkResult result = VK_INCOMPLETE;
  for (std::uint32_t count = kExtensionGuess; result == VK_INCOMPLETE; count *= 2) {
    std::uint32_t there = count;
    host.resize(there);
    result = call_vkEnumerateDeviceExtensionProperties(*physical.channel, physical.handle(), nullptr, &there,
                                                       host.data());
    host.resize(result < 0 ? 0 : there);
  }
  physical.extensions = device_extensions(host, physical.session->known_commands());
  return result;
}

// VkFormatProperties3 is core in 1.3 and an extension before.
bool has_wide_formats(const PhysicalDevice& physical) noexcept {
  return physical.usable_version() >= VK_API_VERSION_1_3 ||
         std::any_of(physical.extensions.begin(), physical.extensions.end(), [](const auto& e) {
           return std::string_view(e.extensionName) == VK_KHR_FORMAT_FEATURE_FLAGS_2_EXTENSION_NAME;
         });
}

// The outputs of the one call that asks for everything.
struct Request {
  explicit Request(PhysicalDevice& physical)
      : formats(fetched_formats(physical.usable_version())), format_properties(formats.size()) {
    DeviceFacts& facts = physical.facts;
    const auto answers = [&](std::span<const ChainStruct> known) {
      return ChainAnswers(known, physical.usable_version(), physical.extensions);
    };
    facts.property_chain = answers(kPropertyStructs);
    facts.feature_chain = answers(kFeatureStructs);
    properties.pNext = facts.property_chain.chain();
    features.pNext = facts.feature_chain.chain();
    facts.families.assign(kMaxQueueFamilies, {{}, answers(kQueueFamilyStructs)});
    families.resize(kMaxQueueFamilies, {VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2, nullptr, {}});
    for (std::size_t i = 0; i < families.size(); ++i) families[i].pNext = facts.families[i].chain.chain();
    if (has_wide_formats(physical)) facts.formats3.resize(formats.size());
    for (std::size_t i = 0; i < formats.size(); ++i) {
      format_properties[i] = {VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, nullptr, {}};
      if (facts.formats3.empty()) continue;
      facts.formats3[i].sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3;
      format_properties[i].pNext = &facts.formats3[i];
    }
  }

  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
  std::vector<VkQueueFamilyProperties2> families;
  std::vector<VkFormat> formats;
  std::vector<VkFormatProperties2> format_properties;
};

// Mapped memory is the region; where this side's mapping of it is not cached, nothing that the host's driver
// does makes it so. A type that is not coherent has no other way to be read, and stays what it is.
void drop_cached(VkPhysicalDeviceMemoryProperties& memory) noexcept {
  for (VkMemoryType& type : std::span(memory.memoryTypes).first(memory.memoryTypeCount)) {
    if ((type.propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0) continue;
    type.propertyFlags &= ~static_cast<VkMemoryPropertyFlags>(VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  }
}

// Three calls: the version and the extensions tell what may be asked for, the third asks for all of it.
VkResult fetch(PhysicalDevice& physical) {
  Channel& channel = *physical.channel;
  VkPhysicalDeviceProperties properties{};
  call_vkGetPhysicalDeviceProperties(channel, physical.handle(), &properties);
  physical.api_version = std::min(properties.apiVersion, physical.session->known_commands().core_version());
  if (const VkResult result = fetch_extensions(physical); result < 0) return result;

  Request request(physical);
  DeviceFacts& facts = physical.facts;
  auto family_count = static_cast<std::uint32_t>(request.families.size());
  call_viaductGetPhysicalDeviceInfo(
      channel, physical.handle(), &physical.memory, &physical.arena_type_bits, &physical.shadowed_type_bits,
      &physical.arena_alignment, &request.properties, &request.features, &family_count,
      request.families.data(), static_cast<std::uint32_t>(request.formats.size()), request.formats.data(),
      request.format_properties.data());
  if (!physical.session->region().cached()) drop_cached(physical.memory);
  // Nothing else has no memory type: the host has not answered.
  if (physical.memory.memoryTypeCount == 0) return VK_ERROR_INITIALIZATION_FAILED;
  if (physical.arena_alignment < 4096) physical.arena_alignment = 4096;
  facts.properties = request.properties.properties;
  facts.properties.apiVersion = physical.api_version;
  if (physical.instance->as_cpu) facts.properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
  facts.features = request.features.features;
  facts.families.resize(std::min<std::size_t>(family_count, request.families.size()));
  for (std::size_t i = 0; i < facts.families.size(); ++i) {
    facts.families[i].properties = request.families[i].queueFamilyProperties;
  }
  facts.formats.reserve(request.formats.size());
  for (const auto& format : request.format_properties) facts.formats.push_back(format.formatProperties);
  return VK_SUCCESS;
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
  const HearsHost hears(instance);
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

VKAPI_ATTR VkResult VKAPI_CALL vkGetPhysicalDeviceToolProperties(VkPhysicalDevice, uint32_t* pToolCount,
                                                                 VkPhysicalDeviceToolProperties*) noexcept {
  *pToolCount = 0;  // tools on the host are not this application's
  return VK_SUCCESS;
}

}  // namespace entry
}  // namespace viaduct::guest
