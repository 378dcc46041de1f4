#include "tests/fake-driver/semantics.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>

#include "tests/fake-driver/driver_constants.hpp"
#include "tests/fake-driver/objects.hpp"
#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake::hand {
namespace {

struct Memory {
  std::byte* data = nullptr;
  VkDeviceSize size = 0;
};
struct Buffer {
  VkDeviceSize size = 0;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceSize offset = 0;
};

struct Memories {
  std::mutex mutex;
  std::map<VkDeviceMemory, Memory> memories;
  std::map<VkBuffer, Buffer> buffers;
  std::map<VkInstance, VkPhysicalDevice> physical_devices;
  std::map<std::tuple<VkDevice, uint32_t, uint32_t>, VkQueue> queues;
};

Memories& state() {
  static Memories* const kState = new Memories;
  return *kState;
}

// The answer to "how many, and which": copies as many as there is room for.
template <class T, class Make>
VkResult enumerate(uint32_t* count, T* out, uint32_t have, const Make& make) {
  if (out == nullptr) {
    *count = have;
    return VK_SUCCESS;
  }
  const uint32_t n = std::min(*count, have);
  for (uint32_t i = 0; i < n; ++i) make(out[i], i);
  *count = n;
  return n < have ? VK_INCOMPLETE : VK_SUCCESS;
}

VkResult extensions(std::span<const Extension> all, const char* layer, uint32_t* count,
                    VkExtensionProperties* out) {
  if (layer != nullptr) return VK_ERROR_LAYER_NOT_PRESENT;
  return enumerate(count, out, static_cast<uint32_t>(all.size()),
                   [all](VkExtensionProperties& to, uint32_t i) {
                     std::memset(&to, 0, sizeof(to));
                     std::snprintf(to.extensionName, sizeof(to.extensionName), "%s", all[i].name);
                     to.specVersion = all[i].version;
                   });
}

VkPhysicalDevice physical_device_of(VkInstance instance) {
  const std::lock_guard guard(state().mutex);
  VkPhysicalDevice& device = state().physical_devices[instance];
  if (device == VK_NULL_HANDLE) device = new_dispatchable<VkPhysicalDevice>();
  return device;
}

constexpr VkQueueFamilyProperties kFamily{
    VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT,
    4,
    64,
    {1, 1, 1}};

// Each device has queues of its own: the loader keeps what belongs to the device in them.
VkQueue queue_of(VkDevice device, uint32_t family, uint32_t index) {
  const std::lock_guard guard(state().mutex);
  VkQueue& queue = state().queues[{device, family, index}];
  if (queue == VK_NULL_HANDLE) queue = new_dispatchable<VkQueue>();
  return queue;
}

}  // namespace

VkResult vkCreateInstance(const VkInstanceCreateInfo*, const VkAllocationCallbacks*, VkInstance* out) {
  *out = new_dispatchable<VkInstance>();
  return VK_SUCCESS;
}

VkResult vkEnumerateInstanceVersion(uint32_t* version) {
  *version = VK_HEADER_VERSION_COMPLETE;
  return VK_SUCCESS;
}

VkResult vkEnumerateInstanceExtensionProperties(const char* layer, uint32_t* count,
                                                VkExtensionProperties* out) {
  return extensions(kInstanceExtensions, layer, count, out);
}

VkResult vkEnumerateInstanceLayerProperties(uint32_t* count, VkLayerProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

VkResult vkEnumeratePhysicalDevices(VkInstance instance, uint32_t* count, VkPhysicalDevice* out) {
  return enumerate(count, out, 1,
                   [instance](VkPhysicalDevice& to, uint32_t) { to = physical_device_of(instance); });
}

VkResult vkEnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t* count,
                                         VkPhysicalDeviceGroupProperties* out) {
  return enumerate(count, out, 1, [instance](VkPhysicalDeviceGroupProperties& to, uint32_t) {
    to.physicalDeviceCount = 1;
    to.physicalDevices[0] = physical_device_of(instance);
    to.subsetAllocation = VK_FALSE;
  });
}

VkResult vkEnumerateDeviceExtensionProperties(VkPhysicalDevice, const char* layer, uint32_t* count,
                                              VkExtensionProperties* out) {
  return extensions(kDeviceExtensions, layer, count, out);
}

VkResult vkEnumerateDeviceLayerProperties(VkPhysicalDevice, uint32_t* count, VkLayerProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

void vkGetPhysicalDeviceProperties(VkPhysicalDevice, VkPhysicalDeviceProperties* out) {
  std::memset(out, 0, sizeof(*out));
  out->apiVersion = VK_HEADER_VERSION_COMPLETE;
  out->driverVersion = 7;
  out->vendorID = 0x10005;
  out->deviceID = 0xfa4e;
  out->deviceType = kDeviceType;
  std::snprintf(out->deviceName, sizeof(out->deviceName), "%s", kDeviceName);
  std::memcpy(out->pipelineCacheUUID, kUuid, sizeof(kUuid));
  out->limits.maxImageDimension2D = 16384;
  out->limits.maxMemoryAllocationCount = 1u << 20;
  out->limits.maxBoundDescriptorSets = 32;
  out->limits.maxPushConstantsSize = 256;
  out->limits.minMemoryMapAlignment = 64;
  out->limits.minTexelBufferOffsetAlignment = 16;
  out->limits.minUniformBufferOffsetAlignment = 16;
  out->limits.minStorageBufferOffsetAlignment = 16;
  out->limits.nonCoherentAtomSize = 64;
  out->limits.timestampPeriod = 1.0F;
}

namespace {

template <class T>
T* find_in_chain(void* chain, VkStructureType type) {
  for (auto* next = static_cast<VkBaseOutStructure*>(chain); next != nullptr; next = next->pNext) {
    if (next->sType == type) return reinterpret_cast<T*>(next);
  }
  return nullptr;
}

template <class Properties>
void name_driver(Properties* properties) {
  if (properties == nullptr) return;
  std::memset(properties->driverName, 0, sizeof(properties->driverName));
  std::memset(properties->driverInfo, 0, sizeof(properties->driverInfo));
  std::snprintf(properties->driverName, sizeof(properties->driverName), "fake");
  std::snprintf(properties->driverInfo, sizeof(properties->driverInfo), "%s", kDriverInfo);
}

template <class Properties>
void identify(Properties* properties) {
  if (properties == nullptr) return;
  std::memcpy(properties->deviceUUID, kUuid, sizeof(kUuid));
  std::memcpy(properties->driverUUID, kUuid, sizeof(kUuid));
}

}  // namespace

void write_identity(void* chain) {
  name_driver(find_in_chain<VkPhysicalDeviceDriverProperties>(
      chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES));
  name_driver(find_in_chain<VkPhysicalDeviceVulkan12Properties>(
      chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES));
  auto* import = find_in_chain<VkPhysicalDeviceExternalMemoryHostPropertiesEXT>(
      chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
  if (import != nullptr) import->minImportedHostPointerAlignment = 4096;
  identify(
      find_in_chain<VkPhysicalDeviceIDProperties>(chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES));
  identify(find_in_chain<VkPhysicalDeviceVulkan11Properties>(
      chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES));
}

void write_budget(void* chain) {
  auto* budget = find_in_chain<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  if (budget == nullptr) return;
  budget->heapUsage[0] = kMachineUsage;
  for (uint32_t heap = 1; heap < VK_MAX_MEMORY_HEAPS; ++heap) {
    budget->heapBudget[heap] = budget->heapUsage[heap] = 0;
  }
}

void write_importable(void* chain) {
  auto* external = find_in_chain<VkExternalImageFormatProperties>(
      chain, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
  if (external == nullptr) return;
  VkExternalMemoryProperties& properties = external->externalMemoryProperties;
  properties.externalMemoryFeatures |= VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
  properties.exportFromImportedHandleTypes &= VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  properties.compatibleHandleTypes &= VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
}

void vkGetPhysicalDeviceFeatures(VkPhysicalDevice, VkPhysicalDeviceFeatures* out) {
  constexpr std::size_t kCount = sizeof(*out) / sizeof(VkBool32);
  auto* flags = reinterpret_cast<VkBool32*>(out);
  std::fill(flags, flags + kCount, VK_TRUE);
}

void vkGetPhysicalDeviceQueueFamilyProperties(VkPhysicalDevice, uint32_t* count,
                                              VkQueueFamilyProperties* out) {
  enumerate(count, out, 1, [](VkQueueFamilyProperties& to, uint32_t) { to = kFamily; });
}

void vkGetPhysicalDeviceQueueFamilyProperties2(VkPhysicalDevice, uint32_t* count,
                                               VkQueueFamilyProperties2* out) {
  enumerate(count, out, 1,
            [](VkQueueFamilyProperties2& to, uint32_t) { to.queueFamilyProperties = kFamily; });
}

void vkGetPhysicalDeviceMemoryProperties(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties* out) {
  *out = driver_memory();
}

VkResult vkCreateDevice(VkPhysicalDevice, const VkDeviceCreateInfo*, const VkAllocationCallbacks*,
                        VkDevice* out) {
  *out = new_dispatchable<VkDevice>();
  return VK_SUCCESS;
}

void vkGetDeviceQueue(VkDevice device, uint32_t family, uint32_t index, VkQueue* out) {
  *out = queue_of(device, family, index);
}

void vkGetDeviceQueue2(VkDevice device, const VkDeviceQueueInfo2* info, VkQueue* out) {
  *out = queue_of(device, info->queueFamilyIndex, info->queueIndex);
}

VkResult vkAllocateMemory(VkDevice, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks*,
                          VkDeviceMemory* out) {
  Memory memory;
  memory.size = info->allocationSize;
  for (const auto* next = static_cast<const VkBaseInStructure*>(info->pNext); next != nullptr;
       next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT) continue;
    const auto* import = reinterpret_cast<const VkImportMemoryHostPointerInfoEXT*>(next);
    memory.data = static_cast<std::byte*>(import->pHostPointer);
  }
  if (memory.data == nullptr && memory.size != 0) {
    void* mapped = mmap(nullptr, memory.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    memory.data = static_cast<std::byte*>(mapped);
  }
  *out = new_handle<VkDeviceMemory>();
  const std::lock_guard guard(state().mutex);
  state().memories[*out] = memory;
  return VK_SUCCESS;
}

VkResult vkMapMemory(VkDevice, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize, VkMemoryMapFlags,
                     void** out) {
  const std::lock_guard guard(state().mutex);
  const auto found = state().memories.find(memory);
  if (found == state().memories.end()) return VK_ERROR_MEMORY_MAP_FAILED;
  *out = found->second.data + offset;
  return VK_SUCCESS;
}

VkResult vkCreateBuffer(VkDevice, const VkBufferCreateInfo* info, const VkAllocationCallbacks*,
                        VkBuffer* out) {
  *out = new_handle<VkBuffer>();
  const std::lock_guard guard(state().mutex);
  state().buffers[*out].size = info->size;
  return VK_SUCCESS;
}

VkResult vkBindBufferMemory(VkDevice, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
  const std::lock_guard guard(state().mutex);
  const auto found = state().buffers.find(buffer);
  if (found != state().buffers.end()) {
    found->second.memory = memory;
    found->second.offset = offset;
  }
  return VK_SUCCESS;
}

void tell_bound(const void* chain) {
#ifdef VK_VERSION_1_4
  const auto* status =
      find_in_chain<VkBindMemoryStatus>(const_cast<void*>(chain), VK_STRUCTURE_TYPE_BIND_MEMORY_STATUS);
  if (status != nullptr) *status->pResult = VK_SUCCESS;
#else
  (void)chain;
#endif
}

VkResult vkBindBufferMemory2(VkDevice device, uint32_t count, const VkBindBufferMemoryInfo* infos) {
  for (uint32_t i = 0; i < count; ++i) {
    hand::vkBindBufferMemory(device, infos[i].buffer, infos[i].memory, infos[i].memoryOffset);
    tell_bound(infos[i].pNext);
  }
  return VK_SUCCESS;
}

VkMemoryRequirements requirements_of(VkBuffer buffer) {
  const std::lock_guard guard(state().mutex);
  const auto found = state().buffers.find(buffer);
  const VkDeviceSize size = found == state().buffers.end() ? 4096 : found->second.size;
  return {(size + 255) / 256 * 256, 256, kMemoryTypeBits};
}

VkMemoryRequirements requirements_of_anything() { return {65536, 256, kMemoryTypeBits}; }

void vkCmdFillBuffer(VkCommandBuffer, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
                     uint32_t word) {
  const std::lock_guard guard(state().mutex);
  const auto found = state().buffers.find(buffer);
  if (found == state().buffers.end() || found->second.memory == VK_NULL_HANDLE) return;
  const Buffer& target = found->second;
  const Memory& memory = state().memories[target.memory];
  const VkDeviceSize wanted = size == VK_WHOLE_SIZE && offset <= target.size ? target.size - offset : size;
  if (memory.data == nullptr || wanted > memory.size || target.offset + offset > memory.size - wanted) return;
  for (VkDeviceSize at = 0; at + sizeof(word) <= wanted; at += sizeof(word)) {
    std::memcpy(memory.data + target.offset + offset + at, &word, sizeof(word));
  }
}

VkResult vkAllocateCommandBuffers(VkDevice, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* out) {
  for (uint32_t i = 0; i < info->commandBufferCount; ++i) out[i] = new_dispatchable<VkCommandBuffer>();
  return VK_SUCCESS;
}

VkResult vkGetMemoryHostPointerPropertiesEXT(VkDevice, VkExternalMemoryHandleTypeFlagBits, const void*,
                                             VkMemoryHostPointerPropertiesEXT* out) {
  out->memoryTypeBits = kMemoryTypeBits;
  return VK_SUCCESS;
}

bool is_instruction(const VkShaderModuleCreateInfo* info) {
  if (info->codeSize < sizeof(kInstructionMagic) || info->pCode[0] != kInstructionMagic) return false;
  const char* text = reinterpret_cast<const char*>(info->pCode + 1);
  const std::string_view instruction(text, strnlen(text, info->codeSize - sizeof(kInstructionMagic)));
  if (instruction == "hold" || instruction == "release") {
    hold_submissions(instruction == "hold");
  } else {
    Recorder::get().instruct(instruction);
  }
  return true;
}

VkResult read_log(std::size_t* size, void* out) {
  const std::size_t capacity = out == nullptr ? 0 : *size;
  const std::size_t have = Recorder::get().read({static_cast<std::byte*>(out), capacity}, out != nullptr);
  *size = out == nullptr ? have : have <= capacity ? have : 0;
  return have <= capacity || out == nullptr ? VK_SUCCESS : VK_INCOMPLETE;
}

}  // namespace viaduct::fake::hand
