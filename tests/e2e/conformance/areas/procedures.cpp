// api.version_check, api.get_device_proc_addr: which functions an instance and a device hand out.
#include <cstring>

#include "area.hpp"

using namespace conformance;

namespace {

struct Made {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  Made(uint32_t version, std::vector<const char*> extensions) {
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.apiVersion = version;
    VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    info.pApplicationInfo = version == 0 ? nullptr : &application;
    PIXELS_VK(vkCreateInstance(&info, nullptr, &instance));
    uint32_t one = 1;
    vkEnumeratePhysicalDevices(instance, &one, &physical);
    const float priority = 0.5f;
    VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    device_info.queueCreateInfoCount = 1;
    device_info.pQueueCreateInfos = &queue;
    device_info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    device_info.ppEnabledExtensionNames = extensions.data();
    PIXELS_VK(vkCreateDevice(physical, &device_info, nullptr, &device));
  }
  ~Made() {
    vkDestroyDevice(device, nullptr);
    vkDestroyInstance(instance, nullptr);
  }
  bool has(const char* function) const { return vkGetDeviceProcAddr(device, function) != nullptr; }
};

constexpr uint32_t kNever = UINT32_MAX;

// Since which version a device has it, and by which of the extensions that are enabled here.
struct Function {
  const char* name;
  uint32_t version;
  const char* extension = "";
};
constexpr Function kFunctions[] = {
    {"vkGetDeviceProcAddr", VK_API_VERSION_1_0},
    {"vkDestroyDevice", VK_API_VERSION_1_0},
    {"vkQueueSubmit", VK_API_VERSION_1_0},
    {"vkCmdDraw", VK_API_VERSION_1_0},
    {"vkBindBufferMemory2", VK_API_VERSION_1_1},
    {"vkTrimCommandPool", VK_API_VERSION_1_1},
    {"vkGetDeviceQueue2", VK_API_VERSION_1_1},
    {"vkCreateRenderPass2", VK_API_VERSION_1_2},
    {"vkWaitSemaphores", VK_API_VERSION_1_2},
    {"vkCmdDrawIndirectCount", VK_API_VERSION_1_2},
    {"vkQueueSubmit2", VK_API_VERSION_1_3},
    {"vkCmdBeginRendering", VK_API_VERSION_1_3},
    {"vkGetDeviceBufferMemoryRequirements", VK_API_VERSION_1_3},
    {"vkBindBufferMemory2KHR", kNever, "VK_KHR_bind_memory2"},
    {"vkCreateRenderPass2KHR", kNever, "VK_KHR_create_renderpass2"},
    {"vkWaitSemaphoresKHR", kNever, "VK_KHR_timeline_semaphore"},
    {"vkQueueSubmit2KHR", kNever, "VK_KHR_synchronization2"},
    {"vkCmdPipelineBarrier2KHR", kNever, "VK_KHR_synchronization2"},
    {"vkCmdSetViewportWithCountEXT", kNever, "VK_EXT_extended_dynamic_state"},
    {"vkCreateSwapchainKHR", kNever, "VK_KHR_swapchain"},
    {"vkQueuePresentKHR", kNever, "VK_KHR_swapchain"},
    {"vkAcquireNextImage2KHR", kNever, "VK_KHR_swapchain"},
    {"vkGetDeviceGroupPresentCapabilitiesKHR", kNever, "VK_KHR_swapchain"},
    {"vkCmdPushDescriptorSetKHR", kNever, "VK_KHR_push_descriptor"},
    {"vkSetDebugUtilsObjectNameEXT", kNever, "VK_EXT_debug_utils"},
    // Not a device's functions, or nobody's.
    {"vkCreateInstance", kNever},
    {"vkEnumeratePhysicalDevices", kNever},
    {"vkGetPhysicalDeviceProperties", kNever},
    {"vkCreateDevice", kNever},
    {"vkCreateXcbSurfaceKHR", kNever},
    {"vkNoSuchFunction", kNever},
    {"", kNever},
};

void check(uint32_t version, const std::vector<const char*>& extensions) {
  const Made made(version, extensions);
  const uint32_t has = version == 0 ? VK_API_VERSION_1_0 : version;
  for (const Function& function : kFunctions) {
    bool expected = function.version <= has;
    for (const char* extension : extensions) expected |= std::strcmp(extension, function.extension) == 0;
    must(made.has(function.name) == expected, "a device of %u.%u with %zu extensions %s %s",
         VK_API_VERSION_MAJOR(has), VK_API_VERSION_MINOR(has), extensions.size(), expected ? "lacks" : "has",
         function.name);
  }
}

CONFORMANCE_AREA(procedures) {
  for (const uint32_t version :
       {0u, VK_API_VERSION_1_0, VK_API_VERSION_1_1, VK_API_VERSION_1_2, VK_API_VERSION_1_3}) {
    check(version, {});
  }
  check(VK_API_VERSION_1_1,
        {"VK_KHR_swapchain", "VK_KHR_synchronization2", "VK_KHR_timeline_semaphore", "VK_KHR_bind_memory2"});
  check(VK_API_VERSION_1_3, {"VK_KHR_create_renderpass2", "VK_EXT_extended_dynamic_state"});
  const Made made(VK_API_VERSION_1_1, {});
  for (const char* function :
       {"vkCreateInstance", "vkEnumerateInstanceVersion", "vkEnumerateInstanceLayerProperties",
        "vkEnumerateInstanceExtensionProperties", "vkDestroyInstance", "vkCreateDevice", "vkQueueSubmit"}) {
    say("without an instance: %s %d", function, vkGetInstanceProcAddr(nullptr, function) != nullptr);
  }
  for (const char* function :
       {"vkCreateDevice", "vkQueueSubmit", "vkCmdDraw", "vkCreateXcbSurfaceKHR",
        "vkGetPhysicalDeviceFeatures2", "vkCreateDebugUtilsMessengerEXT", "vkNoSuchFunction"}) {
    say("of the instance: %s %d", function, vkGetInstanceProcAddr(made.instance, function) != nullptr);
  }
  // Functions that the instance gives work on the device.
  const auto wait_idle =
      reinterpret_cast<PFN_vkDeviceWaitIdle>(vkGetInstanceProcAddr(made.instance, "vkDeviceWaitIdle"));
  say_result("vkDeviceWaitIdle by the instance", wait_idle(made.device));
  const auto own =
      reinterpret_cast<PFN_vkDeviceWaitIdle>(vkGetDeviceProcAddr(made.device, "vkDeviceWaitIdle"));
  say_result("vkDeviceWaitIdle by the device", own(made.device));
}

}  // namespace
