// What the Vulkan loader calls: interface version, and the addresses of everything else (vk_icd.h, loader-and-driver
// interface 5). Only these symbols are exported (icd.map).
#include <vulkan/vk_icd.h>

#include <algorithm>

#include "generated/guest/entrypoints.hpp"
#include "generated/guest/proc_table.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/extensions.hpp"
#include "guest-icd/objects/instance.hpp"

namespace viaduct::guest {
namespace {

constexpr std::uint32_t kInterfaceVersion = 5;
constexpr std::uint32_t kMinInterfaceVersion = 3;

// Whether an instance of this driver can have the function at all. The loader asks for functions of device extensions
// here too, before any device exists.
bool provided_by_instance(const ProcEntry& entry, const Instance& instance) {
  if (entry.core_version != 0 && (entry.level == ProcLevel::kDevice || entry.level == ProcLevel::kPhysicalDevice ||
                                  entry.core_version <= VK_HEADER_VERSION_COMPLETE)) {
    return true;
  }
  return std::any_of(entry.extensions.begin(), entry.extensions.end(), [&](std::uint16_t index) {
    const ExtensionEntry& extension = kExtensions[index];
    return extension.is_device ? extension.blocked == nullptr : instance.enabled(extension.name);
  });
}

bool provided_by_device(const ProcEntry& entry, const Device& device) {
  if (entry.core_version != 0 && entry.core_version <= device.api_version) return true;
  return std::any_of(entry.extensions.begin(), entry.extensions.end(), [&](std::uint16_t index) {
    const ExtensionEntry& extension = kExtensions[index];
    return extension.is_device ? device.enabled(extension.name)
                               : device.physical->instance->enabled(extension.name);
  });
}

}  // namespace

namespace entry {

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance, const char* pName) noexcept {
  const ProcEntry* entry = pName == nullptr ? nullptr : find_proc(pName);
  if (entry == nullptr) return nullptr;
  if (entry->level == ProcLevel::kGlobal || entry->function == reinterpret_cast<PFN_vkVoidFunction>(&vkGetInstanceProcAddr)) {
    return entry->function;
  }
  if (instance == VK_NULL_HANDLE || !provided_by_instance(*entry, *Instance::from(instance))) return nullptr;
  return entry->function;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetDeviceProcAddr(VkDevice device, const char* pName) noexcept {
  const ProcEntry* entry = pName == nullptr ? nullptr : find_proc(pName);
  if (entry == nullptr || entry->level != ProcLevel::kDevice) return nullptr;
  return provided_by_device(*entry, *Device::from(device)) ? entry->function : nullptr;
}

}  // namespace entry
}  // namespace viaduct::guest

using viaduct::guest::find_proc;
using viaduct::guest::ProcEntry;
using viaduct::guest::ProcLevel;

#define VIADUCT_EXPORT extern "C" __attribute__((visibility("default"))) VKAPI_ATTR

VIADUCT_EXPORT VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(std::uint32_t* pVersion) {
  if (*pVersion < viaduct::guest::kMinInterfaceVersion) return VK_ERROR_INCOMPATIBLE_DRIVER;
  *pVersion = std::min(*pVersion, viaduct::guest::kInterfaceVersion);
  return VK_SUCCESS;
}

VIADUCT_EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance, const char* pName) {
  return viaduct::guest::entry::vkGetInstanceProcAddr(instance, pName);
}

// Physical device functions only, so that the loader knows how to dispatch those it has never heard of.
VIADUCT_EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char* pName) {
  const ProcEntry* entry = pName == nullptr ? nullptr : find_proc(pName);
  if (entry == nullptr || entry->level != ProcLevel::kPhysicalDevice) return nullptr;
  return viaduct::guest::entry::vkGetInstanceProcAddr(instance, pName);
}
