#include "tests/unit/host/fake_vulkan.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string_view>

#include "protocol/wire/object_id.hpp"
#include "tests/unit/host/timelines.hpp"

namespace viaduct::host::testing {
namespace {

std::atomic<std::uint64_t> g_next{0x1000};

template <class Handle>
Handle make_handle() {
  return (Handle)(g_next += 0x10);  // NOLINT: a number is all a handle is here
}

bool is_first_version() { return FakeVulkan::get().api_version == VK_API_VERSION_1_0; }

VkResult create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks*, VkInstance* out) {
  const std::uint32_t asked = info->pApplicationInfo != nullptr ? info->pApplicationInfo->apiVersion : 0;
  if (is_first_version() && asked > VK_API_VERSION_1_0) return VK_ERROR_INCOMPATIBLE_DRIVER;
  *out = make_handle<VkInstance>();
  return VK_SUCCESS;
}

void destroy_instance(VkInstance, const VkAllocationCallbacks*) {}

VkResult enumerate_version(std::uint32_t* version) {
  *version = VK_API_VERSION_1_3;
  return VK_SUCCESS;
}

VkResult instance_extensions(const char*, std::uint32_t* count, VkExtensionProperties* out) {
  if (out != nullptr && *count > 0) *out = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, 2};
  *count = 1;
  return VK_SUCCESS;
}

VkResult set_name(VkDevice, const VkDebugUtilsObjectNameInfoEXT* info) {
  ++FakeVulkan::get().names;
  FakeVulkan::get().last_name_size = std::strlen(info->pObjectName);
  return VK_SUCCESS;
}

VkResult create_messenger(VkInstance, const VkDebugUtilsMessengerCreateInfoEXT* info,
                          const VkAllocationCallbacks*, VkDebugUtilsMessengerEXT* out) {
  ++FakeVulkan::get().messengers;
  FakeVulkan::get().messenger = *info;
  *out = make_handle<VkDebugUtilsMessengerEXT>();
  return VK_SUCCESS;
}

void destroy_messenger(VkInstance, VkDebugUtilsMessengerEXT, const VkAllocationCallbacks*) {
  --FakeVulkan::get().messengers;
}

VkResult set_tag(VkDevice, const VkDebugUtilsObjectTagInfoEXT*) {
  ++FakeVulkan::get().tags;
  return VK_SUCCESS;
}

void begin_label(VkQueue, const VkDebugUtilsLabelEXT*) {
  FakeVulkan& fake = FakeVulkan::get();
  const int open = ++fake.open_labels;
  if (open > fake.most_open_labels) fake.most_open_labels = open;
}

void end_label(VkQueue) { --FakeVulkan::get().open_labels; }

VkResult no_device_extensions(VkPhysicalDevice, const char*, std::uint32_t* count, VkExtensionProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

VkResult enumerate_devices(VkInstance, std::uint32_t* count, VkPhysicalDevice* out) {
  *count = 1;
  if (out != nullptr) *out = (VkPhysicalDevice)std::uint64_t{0x77};  // NOLINT
  return VK_SUCCESS;
}

void properties(VkPhysicalDevice, VkPhysicalDeviceProperties* out) {
  *out = {};
  out->apiVersion = FakeVulkan::get().api_version;
  std::strcpy(out->deviceName, "fake");
}

void memory_properties(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties* out) {
  *out = {};
  out->memoryHeapCount = 1;
  out->memoryHeaps[0] = {1ull << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  out->memoryTypeCount = 1;
  out->memoryTypes[0] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                             VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                         0};
}

void features(VkPhysicalDevice, VkPhysicalDeviceFeatures* out) {
  *out = {};
  out->geometryShader = VK_TRUE;
}

void queue_families(VkPhysicalDevice, std::uint32_t* count, VkQueueFamilyProperties* out) {
  *count = 1;
  if (out != nullptr) *out = {VK_QUEUE_GRAPHICS_BIT, 1, 64, {1, 1, 1}};
}

void format_properties(VkPhysicalDevice, VkFormat format, VkFormatProperties* out) {
  *out = {0, static_cast<VkFormatFeatureFlags>(format), 0};
}

void external_buffer(VkPhysicalDevice, const VkPhysicalDeviceExternalBufferInfo* info,
                     VkExternalBufferProperties* out) {
  const bool importable = (info->usage & ~FakeVulkan::get().importable_usage) == 0;
  out->externalMemoryProperties = {};
  if (importable) {
    out->externalMemoryProperties.externalMemoryFeatures = VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
  }
}

VkResult create_device(VkPhysicalDevice, const VkDeviceCreateInfo* info, const VkAllocationCallbacks*,
                       VkDevice* out) {
  if (is_first_version() && info->enabledExtensionCount > 0) return VK_ERROR_EXTENSION_NOT_PRESENT;
  if (is_first_version() && info->pNext != nullptr) return VK_ERROR_FEATURE_NOT_PRESENT;
  *out = make_handle<VkDevice>();
  ++FakeVulkan::get().live_devices;
  return VK_SUCCESS;
}

void destroy_device(VkDevice, const VkAllocationCallbacks*) { --FakeVulkan::get().live_devices; }

void get_queue(VkDevice, std::uint32_t, std::uint32_t, VkQueue* out) { *out = make_handle<VkQueue>(); }

VkResult create_semaphore(VkDevice, const VkSemaphoreCreateInfo* info, const VkAllocationCallbacks*,
                          VkSemaphore* out) {
  *out = make_handle<VkSemaphore>();
  for (auto* next = static_cast<const VkBaseInStructure*>(info->pNext); next != nullptr; next = next->pNext) {
    if (next->sType == VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO) {
      Timelines::get().raise(*out, reinterpret_cast<const VkSemaphoreTypeCreateInfo*>(next)->initialValue);
    }
  }
  return VK_SUCCESS;
}

void destroy_semaphore(VkDevice, VkSemaphore, const VkAllocationCallbacks*) {}

VkResult counter(VkDevice, VkSemaphore semaphore, std::uint64_t* out) {
  *out = Timelines::get().value(semaphore);
  return VK_SUCCESS;
}

VkResult wait_semaphores(VkDevice, const VkSemaphoreWaitInfo* info, std::uint64_t timeout) {
  return Timelines::get().wait(*info, timeout);
}

// Submissions execute at once, so every fence that is waited for is signalled.
VkResult create_fence(VkDevice, const VkFenceCreateInfo*, const VkAllocationCallbacks*, VkFence* out) {
  *out = make_handle<VkFence>();
  return VK_SUCCESS;
}

void destroy_fence(VkDevice, VkFence, const VkAllocationCallbacks*) {}

VkResult wait_fences(VkDevice, std::uint32_t, const VkFence*, VkBool32, std::uint64_t) { return VK_SUCCESS; }

VkResult fence_status(VkDevice, VkFence) {
  FakeVulkan& fake = FakeVulkan::get();
  ++fake.fence_looks;
  return fake.fence_result;
}

VkResult reset_fences(VkDevice, std::uint32_t, const VkFence*) { return VK_SUCCESS; }

VkResult signal_semaphore(VkDevice, const VkSemaphoreSignalInfo* info) {
  Timelines::get().raise(info->semaphore, info->value);
  return VK_SUCCESS;
}

VkResult queue_submit(VkQueue, std::uint32_t count, const VkSubmitInfo* submits, VkFence) {
  const VkResult result = FakeVulkan::get().submit_result;
  if (result != VK_SUCCESS) return result;
  ++FakeVulkan::get().submits;
  for (std::uint32_t i = 0; i < count; ++i) {
    FakeVulkan::get().recording.submit(submits[i].pCommandBuffers, submits[i].commandBufferCount);
    for (auto* next = static_cast<const VkBaseInStructure*>(submits[i].pNext); next != nullptr;
         next = next->pNext) {
      if (next->sType != VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO) continue;
      const auto& timeline = *reinterpret_cast<const VkTimelineSemaphoreSubmitInfo*>(next);
      for (std::uint32_t j = 0; j < submits[i].signalSemaphoreCount && j < timeline.signalSemaphoreValueCount;
           ++j) {
        Timelines::get().raise(submits[i].pSignalSemaphores[j], timeline.pSignalSemaphoreValues[j]);
      }
    }
  }
  return VK_SUCCESS;
}

VkResult create_buffer(VkDevice, const VkBufferCreateInfo*, const VkAllocationCallbacks*, VkBuffer* out) {
  *out = make_handle<VkBuffer>();
  return FakeVulkan::get().buffer_result;
}

VkResult create_query_pool(VkDevice, const VkQueryPoolCreateInfo*, const VkAllocationCallbacks*,
                           VkQueryPool* out) {
  *out = make_handle<VkQueryPool>();
  return VK_SUCCESS;
}

// As careless as real drivers: 33 values a query, whatever dataSize says.
VkResult query_results(VkDevice, VkQueryPool, std::uint32_t, std::uint32_t count, std::size_t, void* data,
                       VkDeviceSize stride, VkQueryResultFlags) {
  for (std::uint32_t query = 0; query < count; ++query) {
    auto* values = static_cast<std::byte*>(data) + query * stride;
    std::memset(values, 0x5a, 33 * sizeof(std::uint64_t));
  }
  return VK_SUCCESS;
}

void buffer_requirements(VkDevice, VkBuffer, VkMemoryRequirements* out) { *out = {4096, 256, 1}; }

VkResult allocate_command_buffers(VkDevice, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* out) {
  for (std::uint32_t i = 0; i < info->commandBufferCount; ++i) {
    out[i] = make_handle<VkCommandBuffer>();
    FakeVulkan::get().recording.allocated(info->commandPool, out[i]);
  }
  return VK_SUCCESS;
}

VkResult allocate_descriptor_sets(VkDevice, const VkDescriptorSetAllocateInfo* info, VkDescriptorSet* out) {
  // A scripted failure strikes once: the overflow pool then has room.
  const VkResult result = FakeVulkan::get().descriptor_result.exchange(VK_SUCCESS);
  for (std::uint32_t i = 0; i < info->descriptorSetCount; ++i) out[i] = make_handle<VkDescriptorSet>();
  return result;
}

VkResult create_descriptor_pool(VkDevice, const VkDescriptorPoolCreateInfo* info,
                                const VkAllocationCallbacks*, VkDescriptorPool* out) {
  FakeVulkan& fake = FakeVulkan::get();
  ++fake.descriptor_pools;
  for (auto* next = static_cast<const VkBaseInStructure*>(info->pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT) continue;
    const auto& types = *reinterpret_cast<const VkMutableDescriptorTypeCreateInfoEXT*>(next);
    for (std::uint32_t i = 0; i < types.mutableDescriptorTypeListCount; ++i) {
      fake.mutable_types += types.pMutableDescriptorTypeLists[i].descriptorTypeCount;
    }
  }
  *out = make_handle<VkDescriptorPool>();
  return VK_SUCCESS;
}

VkResult begin(VkCommandBuffer buffer, const VkCommandBufferBeginInfo*) {
  FakeVulkan::get().recording.begin(buffer);
  return VK_SUCCESS;
}
VkResult end(VkCommandBuffer buffer) {
  FakeVulkan::get().recording.end(buffer);
  return VK_SUCCESS;
}
void fill(VkCommandBuffer buffer, VkBuffer filled, VkDeviceSize, VkDeviceSize, std::uint32_t data) {
  ++FakeVulkan::get().fills;
  FakeVulkan::get().recording.fill(buffer, filled, data);
}
void execute_commands(VkCommandBuffer, std::uint32_t count, const VkCommandBuffer* secondaries) {
  FakeVulkan::get().recording.execute(secondaries, count);
}
VkResult reset_pool(VkDevice, VkCommandPool pool, VkCommandPoolResetFlags) {
  FakeVulkan::get().recording.reset_pool(pool);
  return VK_SUCCESS;
}
void destroy_buffer(VkDevice, VkBuffer buffer, const VkAllocationCallbacks*) {
  FakeVulkan::get().recording.destroy(buffer);
}
void draw(VkCommandBuffer, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) {
  ++FakeVulkan::get().draws;
}

VkResult create_compute_pipelines(VkDevice, VkPipelineCache, std::uint32_t count,
                                  const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks*,
                                  VkPipeline* out) {
  CompilingLog& log = FakeVulkan::get().compiling;
  for (std::uint32_t i = 0; i < count; ++i) out[i] = log.compile(infos[i].stage.module);
  return log.result;
}
void destroy_module(VkDevice, VkShaderModule module, const VkAllocationCallbacks*) {
  FakeVulkan::get().compiling.destroy(module);
}
void bind_pipeline(VkCommandBuffer, VkPipelineBindPoint, VkPipeline pipeline) {
  FakeVulkan::get().compiling.bound = protocol::handle_bits(pipeline);
}

VkResult create_cache(VkDevice, const VkPipelineCacheCreateInfo* info, const VkAllocationCallbacks*,
                      VkPipelineCache* out) {
  FakeVulkan::get().compiling.caches_in_turn += info->flags & 1;
  *out = make_handle<VkPipelineCache>();
  return VK_SUCCESS;
}

VkResult cache_data(VkDevice, VkPipelineCache, std::size_t* size, void* data) {
  const std::size_t have = FakeVulkan::get().cache_size;
  if (data != nullptr) {
    const std::size_t n = *size < have ? *size : have;
    for (std::size_t i = 0; i < n; ++i)
      static_cast<std::uint8_t*>(data)[i] = static_cast<std::uint8_t>(i * 7);
    *size = n;
  } else {
    *size = have;
  }
  return VK_SUCCESS;
}

template <class Handle>
VkResult create_any(VkDevice, const void*, const VkAllocationCallbacks*, Handle* out) {
  *out = make_handle<Handle>();
  return VK_SUCCESS;
}

// All mappings are the same memory, larger than any that the tests allocate.
VkResult map_memory(VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkMemoryMapFlags, void** out) {
  alignas(64) static std::byte memory[1 << 20];
  *out = memory;
  return VK_SUCCESS;
}

VkResult allocate_memory(VkDevice, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks*,
                         VkDeviceMemory* out) {
  *out = make_handle<VkDeviceMemory>();
  for (auto* next = static_cast<const VkBaseInStructure*>(info->pNext); next != nullptr; next = next->pNext) {
    FakeVulkan::get().imports +=
        next->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT ? 1u : 0u;
    if (next->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR) {
      ++FakeVulkan::get().imports;
      ::close(reinterpret_cast<const VkImportMemoryFdInfoKHR*>(next)->fd);
    }
  }
  return info->allocationSize <= (1 << 20) ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

template <class Info>
VkResult get_fd(VkDevice, const Info*, int* out) {
  *out = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return *out >= 0 ? VK_SUCCESS : VK_ERROR_TOO_MANY_OBJECTS;
}

VkResult import_semaphore(VkDevice, const VkImportSemaphoreFdInfoKHR* info) {
  ::close(info->fd);
  return VK_SUCCESS;
}

// For whatever has a result and no output that anybody looks at.
VkResult succeed() { return VK_SUCCESS; }

template <class Function>
PFN_vkVoidFunction erased(Function function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

PFN_vkVoidFunction fake_get_device_proc_addr(VkDevice, const char* name) {
  return fake_get_instance_proc_addr(nullptr, name);
}

const std::map<std::string_view, PFN_vkVoidFunction>& functions() {
  static const std::map<std::string_view, PFN_vkVoidFunction> all = {
      {"vkCreateInstance", erased(create_instance)},
      {"vkDestroyInstance", erased(destroy_instance)},
      {"vkCreateDebugUtilsMessengerEXT", erased(create_messenger)},
      {"vkDestroyDebugUtilsMessengerEXT", erased(destroy_messenger)},
      {"vkEnumerateInstanceVersion", erased(enumerate_version)},
      {"vkEnumerateInstanceExtensionProperties", erased(instance_extensions)},
      {"vkEnumerateDeviceExtensionProperties", erased(no_device_extensions)},
      {"vkEnumeratePhysicalDevices", erased(enumerate_devices)},
      {"vkGetPhysicalDeviceProperties", erased(properties)},
      {"vkGetPhysicalDeviceMemoryProperties", erased(memory_properties)},
      {"vkGetPhysicalDeviceFeatures", erased(features)},
      {"vkGetPhysicalDeviceQueueFamilyProperties", erased(queue_families)},
      {"vkGetPhysicalDeviceFormatProperties", erased(format_properties)},
      {"vkGetPhysicalDeviceExternalBufferProperties", erased(external_buffer)},
      {"vkGetDeviceProcAddr", erased(fake_get_device_proc_addr)},
      {"vkCreateDevice", erased(create_device)},
      {"vkDestroyDevice", erased(destroy_device)},
      {"vkGetDeviceQueue", erased(get_queue)},
      {"vkCreateSemaphore", erased(create_semaphore)},
      {"vkDestroySemaphore", erased(destroy_semaphore)},
      {"vkGetSemaphoreCounterValue", erased(counter)},
      {"vkWaitSemaphores", erased(wait_semaphores)},
      {"vkSignalSemaphore", erased(signal_semaphore)},
      {"vkCreateFence", erased(create_fence)},
      {"vkDestroyFence", erased(destroy_fence)},
      {"vkWaitForFences", erased(wait_fences)},
      {"vkGetFenceStatus", erased(fence_status)},
      {"vkResetFences", erased(reset_fences)},
      {"vkQueueSubmit", erased(queue_submit)},
      {"vkCreateBuffer", erased(create_buffer)},
      {"vkCreateQueryPool", erased(create_query_pool)},
      {"vkGetQueryPoolResults", erased(query_results)},
      {"vkDestroyBuffer", erased(destroy_buffer)},
      {"vkGetBufferMemoryRequirements", erased(buffer_requirements)},
      {"vkAllocateMemory", erased(allocate_memory)},
      {"vkGetMemoryFdKHR", erased(get_fd<VkMemoryGetFdInfoKHR>)},
      {"vkGetSemaphoreFdKHR", erased(get_fd<VkSemaphoreGetFdInfoKHR>)},
      {"vkImportSemaphoreFdKHR", erased(import_semaphore)},
      {"vkMapMemory", erased(map_memory)},
      {"vkFreeMemory", erased(succeed)},
      {"vkCreateCommandPool", erased(create_any<VkCommandPool>)},
      {"vkDestroyCommandPool", erased(succeed)},
      {"vkAllocateCommandBuffers", erased(allocate_command_buffers)},
      {"vkFreeCommandBuffers", erased(succeed)},
      {"vkBeginCommandBuffer", erased(begin)},
      {"vkEndCommandBuffer", erased(end)},
      {"vkCmdExecuteCommands", erased(execute_commands)},
      {"vkResetCommandPool", erased(reset_pool)},
      {"vkUpdateDescriptorSets", erased(succeed)},
      {"vkCmdFillBuffer", erased(fill)},
      {"vkCmdDraw", erased(draw)},
      {"vkCreatePipelineCache", erased(create_cache)},
      {"vkCreatePipelineLayout", erased(create_any<VkPipelineLayout>)},
      {"vkCreateShaderModule", erased(create_any<VkShaderModule>)},
      {"vkDestroyShaderModule", erased(destroy_module)},
      {"vkCreateComputePipelines", erased(create_compute_pipelines)},
      {"vkCmdBindPipeline", erased(bind_pipeline)},
      {"vkGetPipelineCacheData", erased(cache_data)},
      {"vkCreateDescriptorPool", erased(create_descriptor_pool)},
      {"vkDestroyDescriptorPool", erased(succeed)},
      {"vkResetDescriptorPool", erased(succeed)},
      {"vkAllocateDescriptorSets", erased(allocate_descriptor_sets)},
      {"vkFreeDescriptorSets", erased(succeed)},
      {"vkSetDebugUtilsObjectNameEXT", erased(set_name)},
      {"vkSetDebugUtilsObjectTagEXT", erased(set_tag)},
      {"vkQueueBeginDebugUtilsLabelEXT", erased(begin_label)},
      {"vkQueueEndDebugUtilsLabelEXT", erased(end_label)},
      {"vkCreateDescriptorSetLayout", erased(create_any<VkDescriptorSetLayout>)},
  };
  return all;
}

}  // namespace

void FakeVulkan::say(VkDebugUtilsMessageSeverityFlagBitsEXT severity, const char* id_name, const char* text,
                     VkObjectType type, std::uint64_t handle) const {
  VkDebugUtilsObjectNameInfoEXT object{};
  object.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
  object.objectType = type;
  object.objectHandle = handle;
  VkDebugUtilsMessengerCallbackDataEXT data{};
  data.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT;
  data.pMessageIdName = id_name;
  data.pMessage = text;
  data.objectCount = type != VK_OBJECT_TYPE_UNKNOWN ? 1 : 0;
  data.pObjects = &object;
  messenger.pfnUserCallback(severity, VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT, &data,
                            messenger.pUserData);
}

FakeVulkan& FakeVulkan::get() {
  static FakeVulkan& fake = *new FakeVulkan;
  return fake;
}

void FakeVulkan::reset() {
  FakeVulkan& fake = get();
  fake.submit_result = VK_SUCCESS;
  fake.buffer_result = VK_SUCCESS;
  fake.descriptor_result = VK_SUCCESS;
  fake.submits = 0;
  fake.fence_result = VK_SUCCESS;
  fake.fence_looks = 0;
  fake.fills = 0;
  fake.draws = 0;
  fake.live_devices = 0;
  fake.recording.reset();
  fake.compiling.reset();
  fake.cache_size = 64;
  fake.descriptor_pools = 0;
  fake.mutable_types = 0;
  fake.imports = 0;
  fake.importable_usage = ~0u;
  fake.api_version = VK_API_VERSION_1_3;
  fake.names = 0;
  fake.last_name_size = 0;
  fake.tags = 0;
  fake.open_labels = 0;
  fake.most_open_labels = 0;
}

PFN_vkVoidFunction fake_get_instance_proc_addr(VkInstance, const char* name) {
  const std::string_view text(name);
  const bool newer = text == "vkEnumerateInstanceVersion" || text.find("Semaphores") != text.npos ||
                     text.find("SemaphoreCounter") != text.npos || text.find("External") != text.npos;
  if (newer && is_first_version()) return nullptr;
  const auto found = functions().find(text);
  return found != functions().end() ? found->second : nullptr;
}

}  // namespace viaduct::host::testing
