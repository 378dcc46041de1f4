// dEQP-VK.info, api.info, api.version_check: what may be asked before a device exists.
#include <algorithm>
#include <cstring>

#include "area.hpp"

using namespace conformance;

namespace {

// The two-call idiom with too little room: VK_INCOMPLETE, the count written, nothing behind it touched.
template <class T, class Enumerate>
void check_enumeration(const char* what, const T& empty, Enumerate&& enumerate) {
  uint32_t count = 0;
  const VkResult counted = enumerate(&count, nullptr);
  must(counted == VK_SUCCESS, "%s: counting gives %s", what, name(counted));
  constexpr uint32_t kGuards = 2;
  std::vector<T> all(count + kGuards, empty);
  std::memset(static_cast<void*>(&all[count]), 0xa5, sizeof(T) * kGuards);
  const std::vector<unsigned char> guard(sizeof(T) * kGuards, 0xa5);
  uint32_t got = count;
  must(enumerate(&got, all.data()) == VK_SUCCESS && got == count, "%s: the second count is another", what);
  must(std::memcmp(&all[count], guard.data(), guard.size()) == 0, "%s: written behind the end", what);
  if (count == 0) return;
  std::vector<T> fewer(count + kGuards, empty);
  std::memset(static_cast<void*>(&fewer[count - 1]), 0xa5, sizeof(T));
  got = count - 1;
  const VkResult incomplete = enumerate(&got, fewer.data());
  must(incomplete == VK_INCOMPLETE && got == count - 1, "%s: %s for %u of %u", what, name(incomplete), got,
       count);
  must(std::memcmp(&fewer[count - 1], guard.data(), sizeof(T)) == 0, "%s: written beyond the count", what);
  got = 0;
  must(enumerate(&got, fewer.data()) == VK_INCOMPLETE && got == 0, "%s: no room is not incomplete", what);
}

void enumerations(const Context& ctx) {
  check_enumeration("physical devices", VkPhysicalDevice{}, [&](uint32_t* n, VkPhysicalDevice* out) {
    return vkEnumeratePhysicalDevices(ctx.instance, n, out);
  });
  VkPhysicalDeviceGroupProperties group{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES};
  check_enumeration("groups", group, [&](uint32_t* n, VkPhysicalDeviceGroupProperties* out) {
    return vkEnumeratePhysicalDeviceGroups(ctx.instance, n, out);
  });
  check_enumeration("extensions", VkExtensionProperties{}, [&](uint32_t* n, VkExtensionProperties* out) {
    return vkEnumerateDeviceExtensionProperties(ctx.physical, nullptr, n, out);
  });
  check_enumeration("instance extensions", VkExtensionProperties{},
                    [&](uint32_t* n, VkExtensionProperties* out) {
                      return vkEnumerateInstanceExtensionProperties(nullptr, n, out);
                    });
  VkPhysicalDeviceToolProperties tool{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TOOL_PROPERTIES};
  check_enumeration("tools", tool, [&](uint32_t* n, VkPhysicalDeviceToolProperties* out) {
    return vkGetPhysicalDeviceToolProperties(ctx.physical, n, out);
  });
  say_result("a layer nobody has", [&] {
    uint32_t n = 0;
    return vkEnumerateDeviceExtensionProperties(ctx.physical, "VK_LAYER_nobody_has_it", &n, nullptr);
  }());
}

void queue_families(const Context& ctx) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(ctx.physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> one(count + 1);
  std::memset(static_cast<void*>(&one[count]), 0xa5, sizeof(one[0]));
  uint32_t got = count + 1;
  vkGetPhysicalDeviceQueueFamilyProperties(ctx.physical, &got, one.data());
  must(got == count, "more room changes the number of queue families");
  const std::vector<unsigned char> guard(sizeof(one[0]), 0xa5);
  must(std::memcmp(&one[count], guard.data(), guard.size()) == 0, "queue families: written behind the end");
  got = count;
  std::vector<VkQueueFamilyProperties2> two(count, {VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2});
  vkGetPhysicalDeviceQueueFamilyProperties2(ctx.physical, &got, two.data());
  for (uint32_t i = 0; i < count; ++i) {
    must(std::memcmp(&one[i], &two[i].queueFamilyProperties, sizeof(one[i])) == 0,
         "family %u differs in 1 and 2", i);
  }
  got = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(ctx.physical, &got, one.data());
  must(got == 0, "no room for queue families gives %u", got);
  say("%u queue families", count);
}

template <class T>
T* fill(T& value, int byte, VkStructureType type, void* next = nullptr) {
  std::memset(static_cast<void*>(&value), byte, sizeof(T));
  value.sType = type;
  value.pNext = next;
  return &value;
}

// Asked twice over different garbage: the same answer, and every byte of it written.
template <class T>
void check_written(const char* what, VkPhysicalDevice physical, VkStructureType type, bool is_feature) {
  T asked[2];
  for (int round = 0; round < 2; ++round) {
    fill(asked[round], round * 0xff, type);
    if (is_feature) {
      VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &asked[round], {}};
      vkGetPhysicalDeviceFeatures2(physical, &features);
    } else {
      VkPhysicalDeviceProperties2 properties{
          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &asked[round], {}};
      vkGetPhysicalDeviceProperties2(physical, &properties);
    }
    must(asked[round].sType == type && asked[round].pNext == nullptr, "%s: its head was changed", what);
  }
  // Behind the head there are only VkBool32, and perhaps padding.
  constexpr size_t kHead = sizeof(VkBaseOutStructure);
  const auto* first = reinterpret_cast<const unsigned char*>(&asked[0]);
  const auto* second = reinterpret_cast<const unsigned char*>(&asked[1]);
  must(!is_feature || std::memcmp(first + kHead, second + kHead, sizeof(T) - kHead - sizeof(VkBool32)) == 0,
       "%s: not every feature is written", what);
}

void features(const Context& ctx) {
  check_written<VkPhysicalDeviceVulkan11Features>(
      "1.1 features", ctx.physical, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, true);
  check_written<VkPhysicalDeviceVulkan12Features>(
      "1.2 features", ctx.physical, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, true);
  check_written<VkPhysicalDeviceVulkan13Features>(
      "1.3 features", ctx.physical, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, true);
  check_written<VkPhysicalDeviceVulkan11Properties>(
      "1.1 properties", ctx.physical, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, false);
  VkPhysicalDeviceFeatures plain;
  vkGetPhysicalDeviceFeatures(ctx.physical, &plain);
  VkPhysicalDeviceVulkan12Features vulkan12;
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
  VkPhysicalDeviceDescriptorIndexingFeatures indexing;
  VkPhysicalDeviceFeatures2 two{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
  two.pNext = fill(vulkan12, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  vkGetPhysicalDeviceFeatures2(ctx.physical, &two);
  must(std::memcmp(&plain, &two.features, sizeof(plain)) == 0, "features differ in 1 and 2");
  fill(indexing, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_FEATURES);
  two.pNext = fill(timeline, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, &indexing);
  vkGetPhysicalDeviceFeatures2(ctx.physical, &two);
  must(timeline.timelineSemaphore == vulkan12.timelineSemaphore, "timelineSemaphore differs");
  must(indexing.runtimeDescriptorArray == vulkan12.runtimeDescriptorArray, "runtimeDescriptorArray differs");
  must(timeline.pNext == &indexing, "the chain was changed");
}

void properties(const Context& ctx) {
  VkPhysicalDeviceVulkan11Properties vulkan11;
  VkPhysicalDeviceVulkan12Properties vulkan12;
  VkPhysicalDeviceIDProperties id;
  VkPhysicalDeviceDriverProperties driver;
  VkPhysicalDeviceProperties2 two{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
  fill(driver, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  fill(id, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, &driver);
  fill(vulkan12, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES, &id);
  two.pNext = fill(vulkan11, 0xff, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, &vulkan12);
  vkGetPhysicalDeviceProperties2(ctx.physical, &two);
  must(std::strcmp(two.properties.deviceName, ctx.properties.deviceName) == 0,
       "deviceName differs in 1 and 2");
  must(std::memcmp(&two.properties.limits, &ctx.properties.limits, sizeof(VkPhysicalDeviceLimits)) == 0,
       "limits differ in 1 and 2");
  must(std::memcmp(two.properties.pipelineCacheUUID, ctx.properties.pipelineCacheUUID, VK_UUID_SIZE) == 0,
       "pipelineCacheUUID differs in 1 and 2");
  must(std::memcmp(id.deviceUUID, vulkan11.deviceUUID, VK_UUID_SIZE) == 0, "deviceUUID differs");
  must(std::memcmp(id.driverUUID, vulkan11.driverUUID, VK_UUID_SIZE) == 0, "driverUUID differs");
  must(id.deviceLUIDValid == vulkan11.deviceLUIDValid, "deviceLUIDValid differs");
  must(std::strcmp(driver.driverInfo, vulkan12.driverInfo) == 0, "driverInfo differs");
  must(std::strcmp(driver.driverName, vulkan12.driverName) == 0, "driverName differs");
  must(std::memcmp(&driver.conformanceVersion, &vulkan12.conformanceVersion, 4) == 0,
       "conformanceVersion differs");
}

// 11.2.1: what every implementation's memory types must be.
void memory_types(const Context& ctx) {
  VkPhysicalDeviceMemoryProperties2 two{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  vkGetPhysicalDeviceMemoryProperties2(ctx.physical, &two);
  const VkPhysicalDeviceMemoryProperties& memory = two.memoryProperties;
  must(memory.memoryTypeCount == ctx.memory_properties.memoryTypeCount &&
           memory.memoryHeapCount == ctx.memory_properties.memoryHeapCount,
       "memory types differ in 1 and 2");
  bool coherent = false, local = false, local_heap = false;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    must(memory.memoryHeaps[i].size > 0, "heap %u is empty", i);
    local_heap = local_heap || (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0;
  }
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryType& type = memory.memoryTypes[i];
    must(type.heapIndex < memory.memoryHeapCount, "type %u is in no heap", i);
    must(type.propertyFlags == ctx.memory_properties.memoryTypes[i].propertyFlags,
         "type %u differs in 1 and 2", i);
    constexpr VkMemoryPropertyFlags kMappable =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    coherent = coherent || (type.propertyFlags & kMappable) == kMappable;
    const bool is_local = (type.propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0;
    local = local || is_local;
    must(is_local == ((memory.memoryHeaps[type.heapIndex].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0),
         "type %u and its heap are not both local", i);
    for (uint32_t j = 0; j < i; ++j) {
      const VkMemoryPropertyFlags earlier = memory.memoryTypes[j].propertyFlags;
      must(earlier == type.propertyFlags || (earlier & type.propertyFlags) != type.propertyFlags,
           "type %u is a subset of the earlier %u", i, j);
    }
  }
  must(coherent && local && local_heap, "a promised memory type is missing");
}

CONFORMANCE_AREA(info) {
  Context ctx;
  enumerations(ctx);
  queue_families(ctx);
  features(ctx);
  properties(ctx);
  memory_types(ctx);
}

// One line an extension, for the test to hold against the registry.
CONFORMANCE_AREA(extensions) {
  Context ctx;
  uint32_t count = 0;
  vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  vkEnumerateInstanceExtensionProperties(nullptr, &count, all.data());
  for (const auto& extension : all) say("instance %s", extension.extensionName);
  vkEnumerateDeviceExtensionProperties(ctx.physical, nullptr, &count, nullptr);
  all.resize(count);
  vkEnumerateDeviceExtensionProperties(ctx.physical, nullptr, &count, all.data());
  for (const auto& extension : all) say("device %s", extension.extensionName);
}

}  // namespace
