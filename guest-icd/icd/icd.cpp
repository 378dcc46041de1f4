// What the Vulkan loader calls: interface version, and the addresses of everything else (vk_icd.h,
// loader-and-driver interface 5). Only these symbols are exported (icd.map).
#include <vulkan/vk_icd.h>

#include <algorithm>

#include "generated/guest/entrypoints.hpp"
#include "generated/guest/proc_table.hpp"

namespace {

constexpr std::uint32_t kInterfaceVersion = 5;
// Since 3 the driver makes its own surfaces.
constexpr std::uint32_t kMinInterfaceVersion = 3;

}  // namespace

using viaduct::guest::find_proc;
using viaduct::guest::ProcEntry;
using viaduct::guest::ProcLevel;

#define VIADUCT_EXPORT extern "C" __attribute__((visibility("default"))) VKAPI_ATTR

VIADUCT_EXPORT VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(std::uint32_t* pVersion) {
  if (*pVersion < kMinInterfaceVersion) return VK_ERROR_INCOMPATIBLE_DRIVER;
  *pVersion = std::min(*pVersion, kInterfaceVersion);
  return VK_SUCCESS;
}

VIADUCT_EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                       const char* pName) {
  return viaduct::guest::entry::vkGetInstanceProcAddr(instance, pName);
}

// Physical device functions only, so that the loader knows how to dispatch those it has never heard of.
VIADUCT_EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
                                                                             const char* pName) {
  const ProcEntry* entry = pName == nullptr ? nullptr : find_proc(pName);
  if (entry == nullptr || entry->level != ProcLevel::kPhysicalDevice) return nullptr;
  return viaduct::guest::entry::vkGetInstanceProcAddr(instance, pName);
}
