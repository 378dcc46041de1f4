// Instances, devices, their properties, and the few calls of which the host makes others.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "generated/protocol/args.hpp"
#include "host-renderer/objects/identity.hpp"
#include "tests/fake-driver/driver_constants.hpp"
#include "tests/fake-driver/guest_call.hpp"

namespace viaduct::fake {
namespace {

using protocol::Command;

constexpr char kOurInfo[] = "Viaduct 0.1.0 on ";

// Names that chance made up become those of real extensions.
void choose_extensions(const std::vector<std::string>& real, uint32_t count, const char* const* names) {
  auto** to = const_cast<const char**>(names);
  for (uint32_t i = 0; i < count; ++i) {
    to[i] = real[(std::strlen(to[i]) * 37 + i) % real.size()].c_str();
  }
}

void prepare_instance(Guest& guest, protocol::vkCreateInstance_args& a, Arena&) {
  VkInstanceCreateInfo& info = mine(a.pCreateInfo);
  choose_extensions(guest.instance_extensions, info.enabledExtensionCount, info.ppEnabledExtensionNames);
  if (info.pApplicationInfo == nullptr) return;
  VkApplicationInfo& application = mine(info.pApplicationInfo);
  application.apiVersion = VK_MAKE_API_VERSION(0, 1, application.apiVersion % 4, 0);
}

// The guest implements the instance extensions but those that let names reach the driver (by
// VK_EXT_debug_utils, also where the application sets them by VK_EXT_debug_marker), layers are the loader's;
// the host wants at least Vulkan 1.1.
void change_instance(Guest&, protocol::vkCreateInstance_args& a, Arena& arena) {
  VkInstanceCreateInfo& info = mine(a.pCreateInfo);
  const auto asks_for = [&info](const char* name) {
    return std::any_of(info.ppEnabledExtensionNames,
                       info.ppEnabledExtensionNames + info.enabledExtensionCount,
                       [name](const char* other) { return std::strcmp(name, other) == 0; });
  };
  const bool reports = asks_for(VK_EXT_DEBUG_REPORT_EXTENSION_NAME);
  const bool names = reports || asks_for(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  auto** kept = allocate<const char*>(arena, 2);
  uint32_t count = 0;
  if (reports) kept[count++] = VK_EXT_DEBUG_REPORT_EXTENSION_NAME;
  if (names) kept[count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  info.pNext = nullptr;
  info.flags = 0;
  info.enabledLayerCount = 0;
  info.ppEnabledLayerNames = nullptr;
  info.enabledExtensionCount = count;
  info.ppEnabledExtensionNames = count != 0 ? kept : nullptr;
  if (info.pApplicationInfo == nullptr) {
    auto* application = allocate<VkApplicationInfo>(arena);
    application->sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    info.pApplicationInfo = application;
  }
  VkApplicationInfo& application = mine(info.pApplicationInfo);
  application.apiVersion = std::max(application.apiVersion, VK_API_VERSION_1_1);
}

void prepare_device(Guest& guest, protocol::vkCreateDevice_args& a, Arena&) {
  VkDeviceCreateInfo& info = mine(a.pCreateInfo);
  choose_extensions(guest.device_extensions, info.enabledExtensionCount, info.ppEnabledExtensionNames);
  for (uint32_t i = 0; i < info.queueCreateInfoCount; ++i) {
    VkDeviceQueueCreateInfo& queues = mine(info.pQueueCreateInfos + i);
    queues.queueFamilyIndex = i;
    queues.flags &= VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT;
  }
  // Handles of other devices: there is one.
  auto* group = find_in_chain<VkDeviceGroupDeviceCreateInfo>(
      info.pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO);
  for (uint32_t i = 0; group != nullptr && i < group->physicalDeviceCount; ++i) {
    const_cast<VkPhysicalDevice*>(group->pPhysicalDevices)[i] = guest.physical;
  }
}

// Swapchains are the guest's; the host adds what importing memory takes.
void change_device(Guest&, protocol::vkCreateDevice_args& a, Arena& arena) {
  VkDeviceCreateInfo& info = mine(a.pCreateInfo);
  info.enabledLayerCount = 0;
  info.ppEnabledLayerNames = nullptr;
  std::vector<const char*> names;
  const auto add = [&names](const char* name) {
    const bool there = std::any_of(names.begin(), names.end(),
                                   [name](const char* other) { return std::strcmp(name, other) == 0; });
    if (!there) names.push_back(name);
  };
  for (uint32_t i = 0; i < info.enabledExtensionCount; ++i) {
    const char* name = info.ppEnabledExtensionNames[i];
    if (!is_window_system_extension(name)) add(name);
  }
  add(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  auto** kept = allocate<const char*>(arena, names.size());
  std::copy(names.begin(), names.end(), kept);
  info.ppEnabledExtensionNames = kept;
  info.enabledExtensionCount = static_cast<uint32_t>(names.size());
}

// A UUID that is the one derived from the driver's becomes the driver's again.
void undo_uuid(uint8_t (&uuid)[VK_UUID_SIZE]) {
  uint8_t derived[VK_UUID_SIZE];
  std::memcpy(derived, kUuid, sizeof(derived));
  host::derive_uuid(derived);
  if (std::memcmp(uuid, derived, sizeof(derived)) == 0) std::memcpy(uuid, kUuid, sizeof(uuid));
}

void undo_driver_info(char (&info)[VK_MAX_DRIVER_INFO_SIZE]) {
  if (std::string(kOurInfo) + kDriverInfo != info) return;
  std::memset(info, 0, sizeof(info));
  std::snprintf(info, sizeof(info), "%s", kDriverInfo);
}

void undo_properties(Guest&, protocol::vkGetPhysicalDeviceProperties2_args& a, Arena&) {
  VkPhysicalDeviceProperties& properties = a.pProperties->properties;
  if (properties.deviceName == std::string("Viaduct (") + kDeviceName + ")" &&
      properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU) {
    std::memset(properties.deviceName, 0, sizeof(properties.deviceName));
    std::snprintf(properties.deviceName, sizeof(properties.deviceName), "%s", kDeviceName);
    properties.deviceType = kDeviceType;
  }
  undo_uuid(properties.pipelineCacheUUID);
  const void* chain = a.pProperties->pNext;
  if (auto* ids = find_in_chain<VkPhysicalDeviceIDProperties>(
          chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES)) {
    undo_uuid(ids->deviceUUID);
    undo_uuid(ids->driverUUID);
  }
  if (auto* vulkan11 = find_in_chain<VkPhysicalDeviceVulkan11Properties>(
          chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES)) {
    undo_uuid(vulkan11->deviceUUID);
    undo_uuid(vulkan11->driverUUID);
  }
  if (auto* driver = find_in_chain<VkPhysicalDeviceDriverProperties>(
          chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES)) {
    undo_driver_info(driver->driverInfo);
  }
  if (auto* vulkan12 = find_in_chain<VkPhysicalDeviceVulkan12Properties>(
          chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES)) {
    undo_driver_info(vulkan12->driverInfo);
  }
}

// The arena is a heap of its own, behind the driver's.
void undo_memory_properties(Guest& guest, protocol::vkGetPhysicalDeviceMemoryProperties2_args& a, Arena&) {
  VkPhysicalDeviceMemoryProperties& memory = a.pMemoryProperties->memoryProperties;
  if (std::memcmp(&memory, &guest.memory, sizeof(memory)) != 0) return;
  memory = driver_memory();
  auto* budget = find_in_chain<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      a.pMemoryProperties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  if (budget == nullptr) return;
  const uint32_t arena = guest.memory.memoryHeapCount - 1;
  if (budget->heapBudget[arena] != guest.memory.memoryHeaps[arena].size || budget->heapUsage[arena] == 0)
    return;
  budget->heapBudget[arena] = budget->heapUsage[arena] = 0;
  // What this guest uses, not what the machine does.
  if (budget->heapUsage[0] < kMachineUsage) budget->heapUsage[0] = kMachineUsage;
}

// The guest reads its own clocks itself, and adds to the deviation what the way to the host and back took.
void prepare_timestamps(Guest&, protocol::vkGetCalibratedTimestampsEXT_args& a, Arena&) {
  a.timestampCount = std::min(a.timestampCount, 1u);
  if (a.timestampCount != 0) mine(a.pTimestampInfos).timeDomain = VK_TIME_DOMAIN_DEVICE_EXT;
}
void undo_timestamps(Guest&, protocol::vkGetCalibratedTimestampsEXT_args& a, Arena&) {
  if (*a.pMaxDeviation >= kMaxDeviation && *a.pMaxDeviation < 2 * kMaxDeviation) {
    *a.pMaxDeviation = kMaxDeviation;
  }
}

// The host itself knows that no image is importable by any handle.
void prepare_image_format(Guest&, protocol::vkGetPhysicalDeviceImageFormatProperties2_args& a, Arena&) {
  auto* external = find_in_chain<VkPhysicalDeviceExternalImageFormatInfo>(
      a.pImageFormatInfo->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  if (external != nullptr) external->handleType = VkExternalMemoryHandleTypeFlagBits{};
}

// The host refuses results that cannot fit their memory, and polls instead of waiting inside the driver, so
// that a lost device ends the wait; who waits gets whole results.
void prepare_query_results(Guest&, protocol::vkGetQueryPoolResults_args& a, Arena&) {
  a.queryCount = 1;
  a.flags &= ~VkQueryResultFlags{VK_QUERY_RESULT_64_BIT};
}
void change_query_results(Guest&, protocol::vkGetQueryPoolResults_args& a, Arena&) {
  if ((a.flags & VK_QUERY_RESULT_WAIT_BIT) == 0) return;
  a.flags &= ~VkQueryResultFlags{VK_QUERY_RESULT_WAIT_BIT | VK_QUERY_RESULT_PARTIAL_BIT};
}

}  // namespace

bool is_window_system_extension(std::string_view name) {
  return name == VK_KHR_SWAPCHAIN_EXTENSION_NAME || name == VK_KHR_SWAPCHAIN_MUTABLE_FORMAT_EXTENSION_NAME ||
         name == VK_KHR_INCREMENTAL_PRESENT_EXTENSION_NAME || name == VK_KHR_PRESENT_ID_EXTENSION_NAME ||
         name == VK_KHR_PRESENT_WAIT_EXTENSION_NAME || name == VK_EXT_SWAPCHAIN_MAINTENANCE_1_EXTENSION_NAME;
}

Rules device_rules() {
  return {
      {Command::vkCreateInstance, {step(prepare_instance), step(change_instance), {}}},
      {Command::vkCreateDevice, {step(prepare_device), step(change_device), {}}},
      {Command::vkGetPhysicalDeviceProperties2, {{}, {}, step(undo_properties)}},
      {Command::vkGetPhysicalDeviceMemoryProperties2, {{}, {}, step(undo_memory_properties)}},
      {Command::vkGetCalibratedTimestampsEXT, {step(prepare_timestamps), {}, step(undo_timestamps)}},
      {Command::vkGetPhysicalDeviceImageFormatProperties2, {step(prepare_image_format), {}, {}}},
      {Command::vkGetQueryPoolResults, {step(prepare_query_results), step(change_query_results), {}}},
  };
}

}  // namespace viaduct::fake
