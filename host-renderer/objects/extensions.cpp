#include "host-renderer/objects/extensions.hpp"

#include "generated/host/extensions.hpp"
#include "host-renderer/objects/objects.hpp"

#include <algorithm>
#include <cstring>

namespace viaduct::host {
namespace {

bool contains(const std::vector<VkExtensionProperties>& all, std::string_view name) {
  return std::any_of(all.begin(), all.end(),
                     [&](const VkExtensionProperties& e) { return name == e.extensionName; });
}

// Surfaces and callbacks live in the guest, so these are none that a guest is told of as the host's.
bool is_guests_own(std::string_view extension) noexcept {
  return extension.find("surface") != extension.npos || extension.find("_debug_") != extension.npos;
}

std::vector<VkExtensionProperties> driver_instance_extensions(const Driver& driver) {
  std::uint32_t count = 0;
  std::vector<VkExtensionProperties> there;
  if (driver.table().vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr) == VK_SUCCESS) {
    there.resize(count);
    if (driver.table().vkEnumerateInstanceExtensionProperties(nullptr, &count, there.data()) < 0) {
      count = 0;
    }
    there.resize(count);
  }
  return there;
}

void add_once(std::vector<const char*>& names, const char* name) {
  const bool there = std::any_of(names.begin(), names.end(),
                                 [&](const char* other) { return std::strcmp(other, name) == 0; });
  if (!there) {
    names.push_back(name);
  }
}

}  // namespace

bool may_be_offered(std::string_view extension) noexcept {
  const ExtensionInfo* info = find_extension(extension);
  return info != nullptr && info->blocked == nullptr;
}

std::vector<VkExtensionProperties> driver_device_extensions(const PhysicalDevice& physical) {
  const InstanceTable& table = physical.instance->table;
  std::uint32_t count = 0;
  table.vkEnumerateDeviceExtensionProperties(physical.handle, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  if (table.vkEnumerateDeviceExtensionProperties(physical.handle, nullptr, &count, all.data()) < 0) {
    count = 0;
  }
  all.resize(count);
  return all;
}

std::vector<VkExtensionProperties> offered_device_extensions(const PhysicalDevice& physical) {
  std::vector<VkExtensionProperties> offered = driver_device_extensions(physical);
  std::erase_if(offered, [](const VkExtensionProperties& e) { return !may_be_offered(e.extensionName); });
  // Of a later revision this build has neither the commands nor the structs.
  for (VkExtensionProperties& e : offered) {
    e.specVersion = std::min(e.specVersion, find_extension(e.extensionName)->spec_version);
  }
  return offered;
}

std::vector<VkExtensionProperties> offered_instance_extensions(const Driver& driver) {
  std::vector<VkExtensionProperties> there = driver_instance_extensions(driver);
  std::erase_if(there, [](const VkExtensionProperties& e) {
    return is_guests_own(e.extensionName) || !may_be_offered(e.extensionName);
  });
  return there;
}

std::vector<const char*> host_instance_extensions(const Driver& driver, std::span<const char* const> asked) {
  const std::vector<VkExtensionProperties> offered = offered_instance_extensions(driver);
  std::vector<const char*> names;
  bool debug_report = false;
  bool debug_utils = driver.validation() != nullptr;
  for (const std::string_view name : asked) {
    debug_report |= name == VK_EXT_DEBUG_REPORT_EXTENSION_NAME;
    debug_utils |= name == VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  }
  for (const char* name : asked) {
    if (contains(offered, name)) {
      add_once(names, name);
    }
  }
  // Names that the guest sets by VK_EXT_debug_marker, which needs VK_EXT_debug_report, reach the driver by
  // VK_EXT_debug_utils.
  const std::vector<VkExtensionProperties> there = driver_instance_extensions(driver);
  if (debug_report && contains(there, VK_EXT_DEBUG_REPORT_EXTENSION_NAME)) {
    add_once(names, VK_EXT_DEBUG_REPORT_EXTENSION_NAME);
  }
  if ((debug_utils || debug_report) && contains(there, VK_EXT_DEBUG_UTILS_EXTENSION_NAME)) {
    add_once(names, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  }
  return names;
}

std::vector<const char*> host_device_extensions(const PhysicalDevice& physical,
                                                std::span<const char* const> asked) {
  const std::vector<VkExtensionProperties> there = driver_device_extensions(physical);
  std::vector<const char*> names;
  for (const char* name : asked) {
    const std::string_view view(name);
    const bool guests_own = view.find("swapchain") != view.npos;
    if (!guests_own && may_be_offered(view) && contains(there, view)) {
      add_once(names, name);
    }
  }
  if (physical.mode == SharingMode::kImport) {
    add_once(names, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  }
  if (physical.mode == SharingMode::kDmaBuf) {
    add_once(names, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
    add_once(names, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
  }
  return names;
}

}  // namespace viaduct::host
