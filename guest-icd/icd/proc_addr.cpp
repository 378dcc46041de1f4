// vkGetInstanceProcAddr and vkGetDeviceProcAddr: what an instance or device gets is what its versions and
// enabled extensions provide, by the generated table of procedures.
#include <algorithm>

#include "generated/guest/entrypoints.hpp"
#include "generated/guest/proc_table.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/objects/instance.hpp"
#include "guest-icd/session/session.hpp"

namespace viaduct::guest {
namespace {

// Whether an instance of this driver can have the function at all. The loader asks for functions of device
// extensions here too, before any device exists.
bool provided_by_instance(const ProcEntry& entry, const Instance& instance) {
  if (entry.core_version != 0) return true;
  return std::any_of(entry.extensions.begin(), entry.extensions.end(), [&](std::uint16_t index) {
    const ExtensionEntry& extension = kExtensions[index];
    return extension.is_device ? extension.blocked == nullptr : instance.enabled(extension.name);
  });
}

bool provided_by_device(const ProcEntry& entry, const Device& device) {
  // What a later revision of an extension added, and the host's registry does not have.
  if (!device.session->known_commands().can_call(entry.command)) return false;
  if (entry.core_version != 0 && entry.core_version <= device.api_version) return true;
  return std::any_of(entry.extensions.begin(), entry.extensions.end(), [&](std::uint16_t index) {
    const ExtensionEntry& extension = kExtensions[index];
    return extension.is_device ? device.enabled(extension.name)
                               : device.physical->instance->enabled(extension.name);
  });
}

}  // namespace

namespace entry {

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                               const char* pName) noexcept {
  const ProcEntry* entry = pName == nullptr ? nullptr : find_proc(pName);
  if (entry == nullptr) return nullptr;
  if (entry->level == ProcLevel::kGlobal ||
      entry->function == reinterpret_cast<PFN_vkVoidFunction>(&vkGetInstanceProcAddr)) {
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
