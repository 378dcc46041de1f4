// misuse: a program that names its objects and makes two mistakes which no driver minds: it fills a buffer
// whose usage does not allow it, and leaves that buffer to the device's end.
//
//   misuse [--wait]    --wait: stays until it is ended
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

struct Program {
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;

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
    const char* extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    info.pApplicationInfo = &application;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &extension;
    check(vkCreateInstance(&info, nullptr, &instance), "vkCreateInstance");
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
    vkDestroyInstance(instance, nullptr);
  }
};

}  // namespace

int main(int argc, char**) {
  Program program;
  program.open();
  program.make_objects();
  program.name_objects();
  program.record();
  program.submit();
  std::puts("submitted");
  std::fflush(stdout);
  if (argc > 1) ::pause();
  program.close();
  return 0;
}
