// misuse: a program that names its objects and makes two mistakes which no driver minds: it fills a buffer
// whose usage does not allow it, and leaves that buffer to the device's end.
//
//   misuse [--wait] [--hear]    --wait: stays until it is ended
//                               --hear: prints what its messenger and its callback are told
//
// On the way it names everything that a driver must leave alone as well: objects that live elsewhere, are
// gone, or are of no known type. Exit status 0 if every call succeeded.
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

constexpr VkDeviceSize kSize = 256;

void check(VkResult result, const char* what) {
  if (result == VK_SUCCESS) return;
  std::fprintf(stderr, "%s: VkResult %d\n", what, result);
  std::exit(1);
}

struct Program;
VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user);
VKAPI_ATTR VkBool32 VKAPI_CALL on_report(VkDebugReportFlagsEXT flags, VkDebugReportObjectTypeEXT, uint64_t,
                                         size_t, int32_t, const char*, const char* message, void*) {
  std::printf("reported %u: %s\n", flags, message);
  return VK_FALSE;
}

struct Program {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  bool hears = false;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  VkDebugReportCallbackEXT callback = VK_NULL_HANDLE;

  template <class F>
  F function(const char* name) const {
    auto* found = reinterpret_cast<F>(vkGetDeviceProcAddr(device, name));
    if (found == nullptr) {
      std::fprintf(stderr, "no %s\n", name);
      std::exit(1);
    }
    return found;
  }

  void open() {
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.apiVersion = VK_API_VERSION_1_2;
    const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_DEBUG_REPORT_EXTENSION_NAME};
    VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    info.pApplicationInfo = &application;
    info.enabledExtensionCount = 2;
    info.ppEnabledExtensionNames = extensions;
    check(vkCreateInstance(&info, nullptr, &instance), "vkCreateInstance");
    if (hears) listen();
    uint32_t count = 1;
    if (vkEnumeratePhysicalDevices(instance, &count, &physical) < 0 || count == 0) std::exit(1);

    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue_info{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue_info.queueCount = 1;
    queue_info.pQueuePriorities = &priority;
    VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    device_info.queueCreateInfoCount = 1;
    device_info.pQueueCreateInfos = &queue_info;
    check(vkCreateDevice(physical, &device_info, nullptr, &device), "vkCreateDevice");
    vkGetDeviceQueue(device, 0, 0, &queue);
  }

  template <class F>
  F instance_function(const char* name) const {
    return reinterpret_cast<F>(vkGetInstanceProcAddr(instance, name));
  }

  void listen() {
    VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
    info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    info.pfnUserCallback = on_message;
    info.pUserData = this;
    check(instance_function<PFN_vkCreateDebugUtilsMessengerEXT>("vkCreateDebugUtilsMessengerEXT")(
              instance, &info, nullptr, &messenger),
          "vkCreateDebugUtilsMessengerEXT");
    VkDebugReportCallbackCreateInfoEXT report{VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT};
    report.flags = VK_DEBUG_REPORT_ERROR_BIT_EXT;
    report.pfnCallback = on_report;
    check(instance_function<PFN_vkCreateDebugReportCallbackEXT>("vkCreateDebugReportCallbackEXT")(
              instance, &report, nullptr, &callback),
          "vkCreateDebugReportCallbackEXT");
  }

  void make_objects() {
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = kSize;
    info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
    check(vkCreateBuffer(device, &info, nullptr, &buffer), "vkCreateBuffer");
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device, buffer, &needs);
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocate.allocationSize = needs.size;
    while ((needs.memoryTypeBits >> allocate.memoryTypeIndex & 1) == 0) ++allocate.memoryTypeIndex;
    check(vkAllocateMemory(device, &allocate, nullptr, &memory), "vkAllocateMemory");
    check(vkBindBufferMemory(device, buffer, memory, 0), "vkBindBufferMemory");
    VkCommandPoolCreateInfo pool_info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    check(vkCreateCommandPool(device, &pool_info, nullptr, &pool), "vkCreateCommandPool");
    VkCommandBufferAllocateInfo buffers{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    buffers.commandPool = pool;
    buffers.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(device, &buffers, &commands), "vkAllocateCommandBuffers");
  }

  void name(VkObjectType type, uint64_t handle, const char* text) const {
    VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
    info.objectType = type;
    info.objectHandle = handle;
    info.pObjectName = text;
    check(function<PFN_vkSetDebugUtilsObjectNameEXT>("vkSetDebugUtilsObjectNameEXT")(device, &info),
          "vkSetDebugUtilsObjectNameEXT");
  }

  void name_objects() const {
    name(VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer, "the wrong buffer");
    name(VK_OBJECT_TYPE_COMMAND_BUFFER, (uint64_t)commands, "the only commands");
    name(VK_OBJECT_TYPE_QUEUE, (uint64_t)queue, "the only queue");
    name(VK_OBJECT_TYPE_COMMAND_POOL, (uint64_t)pool, std::string(100'000, 'x').c_str());
    // A host that took it would crash or complain.
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    check(vkCreateFence(device, &info, nullptr, &fence), "vkCreateFence");
    name(VK_OBJECT_TYPE_FENCE, (uint64_t)fence, "a fence");
    vkDestroyFence(device, fence, nullptr);
    VkDebugUtilsObjectTagInfoEXT tag{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_TAG_INFO_EXT};
    tag.objectType = VK_OBJECT_TYPE_BUFFER;
    tag.objectHandle = (uint64_t)buffer;
    tag.tagSize = sizeof(tag);
    tag.pTag = &tag;
    check(function<PFN_vkSetDebugUtilsObjectTagEXT>("vkSetDebugUtilsObjectTagEXT")(device, &tag),
          "vkSetDebugUtilsObjectTagEXT");
  }

  void record() const {
    VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT};
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    check(vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
    label.pLabelName = "filling what must not be filled";
    function<PFN_vkCmdBeginDebugUtilsLabelEXT>("vkCmdBeginDebugUtilsLabelEXT")(commands, &label);
    label.pLabelName = "now";
    function<PFN_vkCmdInsertDebugUtilsLabelEXT>("vkCmdInsertDebugUtilsLabelEXT")(commands, &label);
    vkCmdFillBuffer(commands, buffer, 0, kSize, 7);
    function<PFN_vkCmdEndDebugUtilsLabelEXT>("vkCmdEndDebugUtilsLabelEXT")(commands);
    check(vkEndCommandBuffer(commands), "vkEndCommandBuffer");
  }

  void submit() const {
    VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT};
    label.pLabelName = "the only submission";
    // More than a host needs to keep.
    for (int i = 0; i < 1000; ++i) {
      function<PFN_vkQueueBeginDebugUtilsLabelEXT>("vkQueueBeginDebugUtilsLabelEXT")(queue, &label);
    }
    VkSubmitInfo batch{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    batch.commandBufferCount = 1;
    batch.pCommandBuffers = &commands;
    check(vkQueueSubmit(queue, 1, &batch, VK_NULL_HANDLE), "vkQueueSubmit");
    for (int i = 0; i < 1000; ++i) {
      function<PFN_vkQueueEndDebugUtilsLabelEXT>("vkQueueEndDebugUtilsLabelEXT")(queue);
    }
    check(vkQueueWaitIdle(queue), "vkQueueWaitIdle");
  }

  void close() const {
    vkFreeMemory(device, memory, nullptr);
    vkDestroyCommandPool(device, pool, nullptr);
    vkDestroyDevice(device, nullptr);
    if (hears) {
      instance_function<PFN_vkDestroyDebugUtilsMessengerEXT>("vkDestroyDebugUtilsMessengerEXT")(
          instance, messenger, nullptr);
      instance_function<PFN_vkDestroyDebugReportCallbackEXT>("vkDestroyDebugReportCallbackEXT")(
          instance, callback, nullptr);
    }
    vkDestroyInstance(instance, nullptr);
  }
};

// An object by what the program knows it as: a handle that is not its own is told as unknown.
VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  const auto& self = *static_cast<const Program*>(user);
  std::printf("heard %s:", data->pMessageIdName);
  for (uint32_t i = 0; i < data->objectCount; ++i) {
    const VkDebugUtilsObjectNameInfoEXT& object = data->pObjects[i];
    const char* what = "unknown";
    if (object.objectHandle == (uint64_t)self.buffer) what = "buffer";
    if (object.objectHandle == (uint64_t)self.commands) what = "commands";
    if (object.objectHandle == (uint64_t)self.device) what = "device";
    std::printf(" %s (%s)", what, object.pObjectName != nullptr ? object.pObjectName : "");
  }
  for (uint32_t i = 0; i < data->cmdBufLabelCount; ++i) {
    std::printf("%s %s", i == 0 ? " in" : ",", data->pCmdBufLabels[i].pLabelName);
  }
  std::puts("");
  return VK_FALSE;
}

}  // namespace

int main(int argc, char** argv) {
  Program program;
  bool waits = false;
  for (int i = 1; i < argc; ++i) {
    program.hears |= std::string(argv[i]) == "--hear";
    waits |= std::string(argv[i]) == "--wait";
  }
  program.open();
  program.make_objects();
  program.name_objects();
  program.record();
  program.submit();
  std::puts("submitted");
  std::fflush(stdout);
  if (waits) ::pause();
  program.close();
  return 0;
}
