// What the Vulkan loader asks of a driver: the fake one's exported functions.
#include <vulkan/vk_icd.h>

#include <algorithm>
#include <cstring>

#include "generated/fake_driver/entries.hpp"
#include "tests/fake-driver/host_bytes.hpp"
#include "tests/fake-driver/names.hpp"

namespace viaduct::fake {
namespace {

PFN_vkVoidFunction find(const char* name);

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_proc(VkInstance, const char* name) {
  return find(name);
}
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc(VkDevice, const char* name) { return find(name); }

PFN_vkVoidFunction find(const char* name) {
  if (std::strcmp(name, "vkGetInstanceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(get_instance_proc);
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(get_device_proc);
  if (const PFN_vkVoidFunction naming = find_naming_function(name)) return naming;
  if (const PFN_vkVoidFunction copying = find_host_bytes_function(name)) return copying;
  const auto found = std::lower_bound(
      kEntries.begin(), kEntries.end(), name,
      [](const NamedEntry& entry, const char* wanted) { return std::strcmp(entry.name, wanted) < 0; });
  return found != kEntries.end() && std::strcmp(found->name, name) == 0 ? found->function : nullptr;
}

}  // namespace
}  // namespace viaduct::fake

#define VIADUCT_ICD_EXPORT extern "C" __attribute__((visibility("default")))

VIADUCT_ICD_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance,
                                                                                      const char* name) {
  return viaduct::fake::find(name);
}

VIADUCT_ICD_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t* version) {
  *version = std::min(*version, 5U);
  return VK_SUCCESS;
}
