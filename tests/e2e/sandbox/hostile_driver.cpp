// A Vulkan driver that attacks the process it is loaded into. It answers just enough for a worker to start
// and for a guest to see its one physical device, whose name is the report: a character an attempt
// (attempts.hpp). The application's name tells it about the world outside; an instance made without such a
// name (the worker's own, while it warms up) reports nothing and attacks nothing, except when the name begins
// with "scribble": then every descriptor of the process gets junk written to it, the socket to the daemon
// included.
#include <sys/socket.h>
#include <unistd.h>
#include <vulkan/vk_icd.h>
#include <vulkan/vulkan.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/e2e/sandbox/attempts.hpp"

namespace viaduct::sandbox_test {
namespace {

// Dispatchable handles begin with a word that belongs to the loader.
struct PhysicalDevice {
  VK_LOADER_DATA loader{};
};
struct Instance {
  VK_LOADER_DATA loader{};
  PhysicalDevice device;
};

std::string g_report = "nothing tried yet";

void scribble() {
  char junk[512];
  std::memset(junk, 0x5a, sizeof(junk));
  for (int fd = 0; fd < 256; ++fd) {
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO) continue;
    if (send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && write(fd, junk, 8) < 0) continue;
  }
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks*,
                                               VkInstance* out) {
  auto* instance = new Instance;
  instance->loader.loaderMagic = ICD_LOADER_MAGIC;
  instance->device.loader.loaderMagic = ICD_LOADER_MAGIC;
  const char* name = info->pApplicationInfo != nullptr ? info->pApplicationInfo->pApplicationName : nullptr;
  if (name != nullptr && std::strncmp(name, "daemon=", 7) == 0) g_report = run_attempts(parse_facts(name));
  if (name != nullptr && std::strncmp(name, "scribble", 8) == 0) scribble();
  *out = reinterpret_cast<VkInstance>(instance);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance, const VkAllocationCallbacks*) {
  delete reinterpret_cast<Instance*>(instance);
}

VKAPI_ATTR VkResult VKAPI_CALL instance_extensions(const char*, uint32_t* count, VkExtensionProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL instance_version(uint32_t* version) {
  *version = VK_API_VERSION_1_2;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL enumerate_devices(VkInstance instance, uint32_t* count,
                                                 VkPhysicalDevice* out) {
  if (out != nullptr && *count == 0) return VK_INCOMPLETE;
  if (out != nullptr)
    *out = reinterpret_cast<VkPhysicalDevice>(&reinterpret_cast<Instance*>(instance)->device);
  *count = 1;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice, VkPhysicalDeviceProperties* out) {
  std::memset(out, 0, sizeof(*out));
  out->apiVersion = VK_API_VERSION_1_2;
  out->deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
  std::snprintf(out->deviceName, sizeof(out->deviceName), "%s%s", kDeviceNamePrefix, g_report.c_str());
}

VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2* out) {
  properties(device, &out->properties);
}

VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice, VkPhysicalDeviceFeatures* out) {
  std::memset(out, 0, sizeof(*out));
}

VKAPI_ATTR void VKAPI_CALL features2(VkPhysicalDevice, VkPhysicalDeviceFeatures2* out) {
  std::memset(&out->features, 0, sizeof(out->features));
}

void fill_memory(VkPhysicalDeviceMemoryProperties* out) {
  std::memset(out, 0, sizeof(*out));
  out->memoryTypeCount = 1;
  out->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  out->memoryHeapCount = 1;
  out->memoryHeaps[0] = {1ULL << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
}

VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties* out) {
  fill_memory(out);
}

VKAPI_ATTR void VKAPI_CALL memory2(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties2* out) {
  fill_memory(&out->memoryProperties);
}

constexpr VkQueueFamilyProperties kFamily{VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_TRANSFER_BIT, 1, 0, {1, 1, 1}};

VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice, uint32_t* count, VkQueueFamilyProperties* out) {
  if (out != nullptr && *count > 0) out[0] = kFamily;
  *count = 1;
}

VKAPI_ATTR void VKAPI_CALL families2(VkPhysicalDevice, uint32_t* count, VkQueueFamilyProperties2* out) {
  if (out != nullptr && *count > 0) out[0].queueFamilyProperties = kFamily;
  *count = 1;
}

VKAPI_ATTR void VKAPI_CALL format(VkPhysicalDevice, VkFormat, VkFormatProperties* out) { *out = {}; }

VKAPI_ATTR void VKAPI_CALL format2(VkPhysicalDevice, VkFormat, VkFormatProperties2* out) {
  out->formatProperties = {};
}

VKAPI_ATTR VkResult VKAPI_CALL device_extensions(VkPhysicalDevice, const char*, uint32_t* count,
                                                 VkExtensionProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL layers(VkPhysicalDevice, uint32_t* count, VkLayerProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice, const VkDeviceCreateInfo*,
                                             const VkAllocationCallbacks*, VkDevice*) {
  return VK_ERROR_INITIALIZATION_FAILED;
}

VKAPI_ATTR VkResult VKAPI_CALL image_format(VkPhysicalDevice, VkFormat, VkImageType, VkImageTiling,
                                            VkImageUsageFlags, VkImageCreateFlags, VkImageFormatProperties*) {
  return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

VKAPI_ATTR VkResult VKAPI_CALL image_format2(VkPhysicalDevice, const VkPhysicalDeviceImageFormatInfo2*,
                                             VkImageFormatProperties2*) {
  return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

VKAPI_ATTR void VKAPI_CALL sparse_formats(VkPhysicalDevice, VkFormat, VkImageType, VkSampleCountFlagBits,
                                          VkImageUsageFlags, VkImageTiling, uint32_t* count,
                                          VkSparseImageFormatProperties*) {
  *count = 0;
}

VKAPI_ATTR void VKAPI_CALL external_buffer(VkPhysicalDevice, const VkPhysicalDeviceExternalBufferInfo*,
                                           VkExternalBufferProperties* out) {
  out->externalMemoryProperties = {};
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc(VkDevice, const char*) { return nullptr; }

struct Entry {
  const char* name;
  PFN_vkVoidFunction function;
};

template <class F>
PFN_vkVoidFunction erase(F function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

PFN_vkVoidFunction find(const char* name) {
  static const Entry kEntries[] = {
      {"vkCreateInstance", erase(create_instance)},
      {"vkDestroyInstance", erase(destroy_instance)},
      {"vkEnumerateInstanceExtensionProperties", erase(instance_extensions)},
      {"vkEnumerateInstanceVersion", erase(instance_version)},
      {"vkEnumeratePhysicalDevices", erase(enumerate_devices)},
      {"vkGetPhysicalDeviceProperties", erase(properties)},
      {"vkGetPhysicalDeviceProperties2", erase(properties2)},
      {"vkGetPhysicalDeviceFeatures", erase(features)},
      {"vkGetPhysicalDeviceFeatures2", erase(features2)},
      {"vkGetPhysicalDeviceMemoryProperties", erase(memory)},
      {"vkGetPhysicalDeviceMemoryProperties2", erase(memory2)},
      {"vkGetPhysicalDeviceQueueFamilyProperties", erase(families)},
      {"vkGetPhysicalDeviceQueueFamilyProperties2", erase(families2)},
      {"vkGetPhysicalDeviceFormatProperties", erase(format)},
      {"vkGetPhysicalDeviceFormatProperties2", erase(format2)},
      {"vkGetPhysicalDeviceImageFormatProperties", erase(image_format)},
      {"vkGetPhysicalDeviceImageFormatProperties2", erase(image_format2)},
      {"vkGetPhysicalDeviceSparseImageFormatProperties", erase(sparse_formats)},
      {"vkGetPhysicalDeviceExternalBufferProperties", erase(external_buffer)},
      {"vkEnumerateDeviceExtensionProperties", erase(device_extensions)},
      {"vkEnumerateDeviceLayerProperties", erase(layers)},
      {"vkCreateDevice", erase(create_device)},
      {"vkGetDeviceProcAddr", erase(get_device_proc)},
  };
  const auto* found = std::find_if(std::begin(kEntries), std::end(kEntries),
                                   [name](const Entry& entry) { return std::strcmp(entry.name, name) == 0; });
  return found == std::end(kEntries) ? nullptr : found->function;
}

}  // namespace
}  // namespace viaduct::sandbox_test

#define VIADUCT_ICD_EXPORT extern "C" __attribute__((visibility("default")))

VIADUCT_ICD_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance,
                                                                                      const char* name) {
  return viaduct::sandbox_test::find(name);
}

VIADUCT_ICD_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t* version) {
  *version = std::min(*version, 5U);
  return VK_SUCCESS;
}
