// api.device_init: making instances and devices, rightly and wrongly.
#include <cstring>

#include "area.hpp"

using namespace conformance;

namespace {

VkResult make_instance(uint32_t version, std::vector<const char*> layers, std::vector<const char*> extensions,
                       VkInstance* out = nullptr) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = version;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  info.enabledLayerCount = static_cast<uint32_t>(layers.size());
  info.ppEnabledLayerNames = layers.data();
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  VkInstance instance = VK_NULL_HANDLE;
  const VkResult result = vkCreateInstance(&info, nullptr, &instance);
  if (out != nullptr) {
    *out = instance;
  } else if (result == VK_SUCCESS) {
    vkDestroyInstance(instance, nullptr);
  }
  return result;
}

void instances() {
  say_result("version 0", make_instance(0, {}, {}));
  say_result("version 1.0.5", make_instance(VK_MAKE_API_VERSION(0, 1, 0, 5), {}, {}));
  say_result("version 1.1", make_instance(VK_API_VERSION_1_1, {}, {}));
  say_result("version 1.99", make_instance(VK_MAKE_API_VERSION(0, 1, 99, 0), {}, {}));
  say_result("version 5.0", make_instance(VK_MAKE_API_VERSION(0, 5, 0, 0), {}, {}));
  say_result("a layer nobody has", make_instance(VK_API_VERSION_1_1, {"VK_LAYER_nobody_has_it"}, {}));
  say_result("an extension nobody has", make_instance(VK_API_VERSION_1_1, {}, {"VK_NOBODY_has_it"}));
  say_result("debug utils", make_instance(VK_API_VERSION_1_1, {}, {"VK_EXT_debug_utils"}));
  say_result("surface", make_instance(VK_API_VERSION_1_0, {},
                                      {"VK_KHR_surface", "VK_KHR_get_physical_device_properties2"}));
  const std::string long_name(300, 'x');
  say_result("a long name", make_instance(VK_API_VERSION_1_1, {}, {long_name.c_str()}));
}

struct DeviceOptions {
  std::vector<const char*> extensions;
  const VkPhysicalDeviceFeatures* features = nullptr;
  const void* next = nullptr;
  const void* queue_next = nullptr;
  float priority = 1.0f;
};

VkResult make_device(const Context& ctx, const DeviceOptions& options) {
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, options.queue_next};
  queue.queueFamilyIndex = ctx.family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &options.priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, options.next};
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<uint32_t>(options.extensions.size());
  info.ppEnabledExtensionNames = options.extensions.data();
  info.pEnabledFeatures = options.features;
  VkDevice device = VK_NULL_HANDLE;
  const VkResult result = vkCreateDevice(ctx.physical, &info, nullptr, &device);
  if (result == VK_SUCCESS) {
    VkQueue got = VK_NULL_HANDLE, again = VK_NULL_HANDLE;
    vkGetDeviceQueue(device, ctx.family, 0, &got);
    VkDeviceQueueInfo2 queue2{VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, nullptr, 0, ctx.family, 0};
    vkGetDeviceQueue2(device, &queue2, &again);
    must(got != VK_NULL_HANDLE && got == again, "the device's queue is not one");
    must(vkQueueWaitIdle(got) == VK_SUCCESS && vkDeviceWaitIdle(device) == VK_SUCCESS,
         "a new device is not idle");
    vkDestroyDevice(device, nullptr);
  }
  return result;
}

// Each of the features of 1.0 that the driver lacks must be refused, alone and within
// VkPhysicalDeviceFeatures2.
void unsupported_features(const Context& ctx) {
  VkPhysicalDeviceFeatures offered;
  vkGetPhysicalDeviceFeatures(ctx.physical, &offered);
  constexpr size_t kCount = sizeof(offered) / sizeof(VkBool32);
  VkBool32 there[kCount];
  std::memcpy(there, &offered, sizeof(offered));
  for (size_t i = 0; i < kCount; ++i) {
    VkBool32 asked[kCount] = {};
    asked[i] = VK_TRUE;
    VkPhysicalDeviceFeatures features;
    std::memcpy(&features, asked, sizeof(features));
    const VkPhysicalDeviceFeatures2 two{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, features};
    DeviceOptions plain, chained;
    plain.features = &features;
    chained.next = &two;
    if (there[i] && i % 8 != 0) continue;
    say("feature %zu: %s, chained %s", i, name(make_device(ctx, plain)), name(make_device(ctx, chained)));
  }
  VkPhysicalDeviceVulkan12Features lacking{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  DeviceOptions options;
  options.next = &lacking;
  VkPhysicalDeviceVulkan11Features eleven{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
  eleven.protectedMemory = VK_TRUE;
  options.next = &eleven;
  say_result("protected memory", make_device(ctx, options));
}

void devices(const Context& ctx) {
  DeviceOptions options;
  say_result("a device", make_device(ctx, options));
  options.priority = 0.0f;
  say_result("priority 0", make_device(ctx, options));
  options.extensions = {"VK_NOBODY_has_it"};
  say_result("an extension nobody has", make_device(ctx, options));
  options.extensions = {"VK_KHR_surface"};
  say_result("an instance extension", make_device(ctx, options));
  options.extensions = {"VK_KHR_swapchain"};
  say_result("swapchain", make_device(ctx, options));
  options.extensions = {"VK_KHR_swapchain", "VK_KHR_swapchain"};
  say_result("the same twice", make_device(ctx, options));
  options.extensions.clear();
  VkDevicePrivateDataCreateInfo reserved{VK_STRUCTURE_TYPE_DEVICE_PRIVATE_DATA_CREATE_INFO, nullptr, 4};
  VkPhysicalDevicePrivateDataFeatures feature{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES,
                                              &reserved, VK_TRUE};
  options.next = &feature;
  say_result("reserved private data", make_device(ctx, options));
  VkDeviceGroupDeviceCreateInfo group{VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO, nullptr, 1,
                                      &ctx.physical};
  options.next = &group;
  say_result("a group of one", make_device(ctx, options));
  for (int i = 0; i < 20; ++i) must(make_device(ctx, {}) == VK_SUCCESS, "device %d", i);
}

void many_instances() {
  std::vector<VkInstance> instances(8);
  for (VkInstance& instance : instances) {
    must(make_instance(VK_API_VERSION_1_1, {}, {}, &instance) == VK_SUCCESS, "eight instances at once");
  }
  for (VkInstance instance : instances) {
    uint32_t count = 0;
    must(vkEnumeratePhysicalDevices(instance, &count, nullptr) == VK_SUCCESS && count > 0,
         "each has a device");
  }
  for (VkInstance instance : instances) vkDestroyInstance(instance, nullptr);
  // One after the other: each is the process's only one, made and gone.
  for (int i = 0; i < 100; ++i) {
    const VkResult result = make_instance(VK_API_VERSION_1_1, {}, {});
    must(result == VK_SUCCESS, "instance %d in a row: %s", i, name(result));
  }
}

CONFORMANCE_AREA(device_init) {
  instances();
  many_instances();
  Context ctx;
  devices(ctx);
  unsupported_features(ctx);
}

}  // namespace
