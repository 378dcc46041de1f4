// The queries of VkPhysicalDevice that are answered from what its enumeration fetched. A chain with a struct
// that was not fetched goes to the host; after a loss such a struct is zeroed and the others have their
// answers still.
#include <algorithm>

#include "base/switches.hpp"
#include "generated/guest/calls.hpp"
#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/instance.hpp"
#include "guest-icd/session/channel.hpp"
#include "guest-icd/wsi/extensions.hpp"

namespace viaduct::guest {
namespace {

// VIADUCT_PERF=no_memo asks the host each time, for as long as there is one: each query is then a call of its
// own.
bool remembers(const PhysicalDevice& physical) noexcept {
  return perf_enabled(PerfSwitch::memo) || physical.channel->lost();
}

// Fills a chain: from what was fetched, or by ask(), which asks the host for all of it.
template <class Ask>
void fill_chain(const PhysicalDevice& physical, const ChainAnswers& answers, void* chain, const Ask& ask) {
  if (remembers(physical) && answers.fill(chain)) return;
  ask();
  if (physical.channel->lost()) answers.fill(chain);
}

// The fetched answer for a format, if the chain asks for nothing else.
bool answer_format(const PhysicalDevice& physical, VkFormat format, VkFormatProperties& core, void* chain) {
  if (!remembers(physical)) return false;
  const DeviceFacts& facts = physical.facts;
  const std::ptrdiff_t at = fetched_index(format, physical.usable_version());
  if (at < 0 || static_cast<std::size_t>(at) >= facts.formats.size()) return false;
  for (auto* p = static_cast<VkBaseOutStructure*>(chain); p != nullptr; p = p->pNext) {
    if (p->sType != VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 || facts.formats3.empty()) return false;
  }
  for (auto* p = static_cast<VkBaseOutStructure*>(chain); p != nullptr; p = p->pNext) {
    auto* wide = reinterpret_cast<VkFormatProperties3*>(p);
    const VkFormatProperties3& from = facts.formats3[static_cast<std::size_t>(at)];
    wide->linearTilingFeatures = from.linearTilingFeatures;
    wide->optimalTilingFeatures = from.optimalTilingFeatures;
    wide->bufferFeatures = from.bufferFeatures;
  }
  core = facts.formats[static_cast<std::size_t>(at)];
  return true;
}

}  // namespace

namespace entry {

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceProperties(VkPhysicalDevice physicalDevice,
                                                         VkPhysicalDeviceProperties* pProperties) noexcept {
  *pProperties = PhysicalDevice::from(physicalDevice)->facts.properties;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceProperties2(VkPhysicalDevice physicalDevice,
                                                          VkPhysicalDeviceProperties2* pProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  fill_chain(self, self.facts.property_chain, pProperties->pNext,
             [&] { call_vkGetPhysicalDeviceProperties2(*self.channel, physicalDevice, pProperties); });
  pProperties->properties = self.facts.properties;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceFeatures(VkPhysicalDevice physicalDevice,
                                                       VkPhysicalDeviceFeatures* pFeatures) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (!remembers(self)) return call_vkGetPhysicalDeviceFeatures(*self.channel, physicalDevice, pFeatures);
  *pFeatures = self.facts.features;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceFeatures2(VkPhysicalDevice physicalDevice,
                                                        VkPhysicalDeviceFeatures2* pFeatures) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (!remembers(self)) return call_vkGetPhysicalDeviceFeatures2(*self.channel, physicalDevice, pFeatures);
  fill_chain(self, self.facts.feature_chain, pFeatures->pNext,
             [&] { call_vkGetPhysicalDeviceFeatures2(*self.channel, physicalDevice, pFeatures); });
  pFeatures->features = self.facts.features;
  wsi::answer_features(pFeatures->pNext);
}

VKAPI_ATTR void VKAPI_CALL
vkGetPhysicalDeviceQueueFamilyProperties(VkPhysicalDevice physicalDevice, uint32_t* pQueueFamilyPropertyCount,
                                         VkQueueFamilyProperties* pQueueFamilyProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (!remembers(self)) {
    return call_vkGetPhysicalDeviceQueueFamilyProperties(*self.channel, physicalDevice,
                                                         pQueueFamilyPropertyCount, pQueueFamilyProperties);
  }
  const auto& families = self.facts.families;
  const auto total = static_cast<std::uint32_t>(families.size());
  if (pQueueFamilyProperties != nullptr) {
    *pQueueFamilyPropertyCount = std::min(*pQueueFamilyPropertyCount, total);
    for (std::uint32_t i = 0; i < *pQueueFamilyPropertyCount; ++i) {
      pQueueFamilyProperties[i] = families[i].properties;
    }
  } else {
    *pQueueFamilyPropertyCount = total;
  }
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceQueueFamilyProperties2(
    VkPhysicalDevice physicalDevice, uint32_t* pQueueFamilyPropertyCount,
    VkQueueFamilyProperties2* pQueueFamilyProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (!remembers(self)) {
    return call_vkGetPhysicalDeviceQueueFamilyProperties2(*self.channel, physicalDevice,
                                                          pQueueFamilyPropertyCount, pQueueFamilyProperties);
  }
  const auto& families = self.facts.families;
  const auto total = static_cast<std::uint32_t>(families.size());
  if (pQueueFamilyProperties == nullptr) {
    *pQueueFamilyPropertyCount = total;
    return;
  }
  const std::uint32_t n = std::min(*pQueueFamilyPropertyCount, total);
  const auto fill = [&] {
    bool all = true;
    for (std::uint32_t i = 0; i < n; ++i) {
      all = families[i].chain.fill(pQueueFamilyProperties[i].pNext) && all;
    }
    return all;
  };
  if (!fill()) {
    std::uint32_t count = n;
    call_vkGetPhysicalDeviceQueueFamilyProperties2(*self.channel, physicalDevice, &count,
                                                   pQueueFamilyProperties);
    if (self.channel->lost()) fill();
  }
  for (std::uint32_t i = 0; i < n; ++i) {
    pQueueFamilyProperties[i].queueFamilyProperties = families[i].properties;
  }
  *pQueueFamilyPropertyCount = n;
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceFormatProperties(
    VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties* pFormatProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (answer_format(self, format, *pFormatProperties, nullptr)) return;
  call_vkGetPhysicalDeviceFormatProperties(*self.channel, physicalDevice, format, pFormatProperties);
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceFormatProperties2(
    VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties2* pFormatProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (answer_format(self, format, pFormatProperties->formatProperties, pFormatProperties->pNext)) return;
  call_vkGetPhysicalDeviceFormatProperties2(*self.channel, physicalDevice, format, pFormatProperties);
}

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceMemoryProperties(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties* pMemoryProperties) noexcept {
  *pMemoryProperties = PhysicalDevice::from(physicalDevice)->memory;
}

// Budgets change, so a chain is asked for each time.
VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceMemoryProperties2(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties2* pMemoryProperties) noexcept {
  const PhysicalDevice& self = *PhysicalDevice::from(physicalDevice);
  if (pMemoryProperties->pNext != nullptr) {
    call_vkGetPhysicalDeviceMemoryProperties2(*self.channel, physicalDevice, pMemoryProperties);
  }
  pMemoryProperties->memoryProperties = self.memory;
}

}  // namespace entry
}  // namespace viaduct::guest
