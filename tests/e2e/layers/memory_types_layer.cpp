// VK_LAYER_VIADUCT_memory_types: gives a software driver, whose one memory type is everything at once, the
// memory types, the heaps and the device type of a discrete GPU. Test only; it sits below viaduct-worker, in the worker's own
// loader. Long because it is one list of intercepted entry points and what stands behind each.
//
// It is stricter than hardware, so that what would go wrong on a card goes wrong here: memory of a type that
// is not visible cannot be mapped; memory of a visible, non-coherent type is mapped as a copy, and only
// flushes and invalidates move bytes between the copy and what the device sees; optimal images take
// device-local types only; what the layout says cannot be imported is reported so, and the program ends when
// such a resource is declared for import or bound to imported memory all the same. It supposes a driver with
// one memory type, which it checks, and whose memory can all be mapped.
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "layouts.hpp"

#define LAYER_EXPORT extern "C" __attribute__((visibility("default")))

namespace viaduct::tests {
namespace {

// The next layer's functions are looked up while the chain is being made: the loader's answer changes
// afterwards.
using Functions = std::unordered_map<std::string, PFN_vkVoidFunction>;

struct InstanceData {
  VkInstance instance = VK_NULL_HANDLE;
  PFN_vkGetInstanceProcAddr next = nullptr;
  Functions functions;
};

struct MemoryData {
  uint32_t type = 0;
  VkDeviceSize size = 0;
  bool imported = false;
  std::byte* driver = nullptr;  // the driver's mapping, while the copy exists
  std::vector<std::byte> copy;  // what the host sees of non-coherent memory while it is mapped
};

struct DeviceData {
  VkDevice device = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr next = nullptr;
  Functions functions;
  std::mutex lock;
  std::unordered_map<VkDeviceMemory, MemoryData> memories;
  std::unordered_set<VkImage> linear_images;
  std::unordered_set<VkBuffer> unimportable_buffers;
};

std::mutex g_lock;
std::unordered_map<void*, std::unique_ptr<InstanceData>> g_instances;  // by the loader's dispatch table
std::unordered_map<void*, std::unique_ptr<DeviceData>> g_devices;

template <class Handle>
void* key(Handle handle) {
  return *reinterpret_cast<void**>(handle);
}

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "VK_LAYER_VIADUCT_memory_types: %s\n", why);
  std::abort();
}

template <class Handle>
InstanceData& instance_of(Handle handle) {
  std::lock_guard guard(g_lock);
  auto found = g_instances.find(key(handle));
  if (found == g_instances.end()) give_up("a call for an instance that the layer has not seen");
  return *found->second;
}

DeviceData& device_of(VkDevice device) {
  std::lock_guard guard(g_lock);
  auto found = g_devices.find(key(device));
  if (found == g_devices.end()) give_up("a call for a device that the layer has not seen");
  return *found->second;
}

MemoryData& memory_of(DeviceData& data, VkDeviceMemory memory) {
  auto found = data.memories.find(memory);
  if (found == data.memories.end()) give_up("a call for memory that the layer has not seen");
  return found->second;
}

// The next layer's function, under its core name or, for the promoted ones, its KHR name.
PFN_vkVoidFunction find_next(const Functions& functions, const char* name, const char* other) {
  auto found = functions.find(name);
  if ((found == functions.end() || !found->second) && other) found = functions.find(other);
  return found == functions.end() ? nullptr : found->second;
}

template <class Function>
Function next_instance(InstanceData& data, const char* name, const char* other = nullptr) {
  return reinterpret_cast<Function>(find_next(data.functions, name, other));
}

template <class Function>
Function next_device(DeviceData& data, const char* name, const char* other = nullptr) {
  return reinterpret_cast<Function>(find_next(data.functions, name, other));
}

bool non_coherent(uint32_t type) {
  VkMemoryPropertyFlags flags = chosen_layout().types[type].propertyFlags;
  return (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) && !(flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
}

void impose(VkPhysicalDeviceMemoryProperties& properties) {
  if (properties.memoryTypeCount != 1) {
    std::fprintf(stderr, "VK_LAYER_VIADUCT_memory_types: the driver has %u memory types, not one\n",
                 properties.memoryTypeCount);
    std::abort();
  }
  const MemoryLayout& layout = chosen_layout();
  properties = {};
  properties.memoryTypeCount = static_cast<uint32_t>(layout.types.size());
  properties.memoryHeapCount = static_cast<uint32_t>(layout.heaps.size());
  for (uint32_t i = 0; i < layout.types.size(); ++i) properties.memoryTypes[i] = layout.types[i];
  for (uint32_t i = 0; i < layout.heaps.size(); ++i) properties.memoryHeaps[i] = layout.heaps[i];
}

// Nor is it a CPU any more: Mesa, for one, goes other ways for those.
void impose(VkPhysicalDeviceProperties& properties) {
  properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  properties.limits.nonCoherentAtomSize = chosen_layout().non_coherent_atom_size;
}

void impose_buffer(VkMemoryRequirements& needs) { needs.memoryTypeBits = chosen_layout().all_types(); }
void impose_image(VkMemoryRequirements& needs, VkImageTiling tiling) {
  needs.memoryTypeBits =
      tiling == VK_IMAGE_TILING_LINEAR ? chosen_layout().all_types() : chosen_layout().image_types();
}

Functions instance_functions(VkInstance instance, PFN_vkGetInstanceProcAddr next);
Functions device_functions(VkDevice device, PFN_vkGetDeviceProcAddr next);

// ---- instance level

VKAPI_ATTR VkResult VKAPI_CALL CreateInstance(const VkInstanceCreateInfo* info,
                                              const VkAllocationCallbacks* allocator, VkInstance* instance) {
  auto* link = static_cast<VkLayerInstanceCreateInfo*>(const_cast<void*>(info->pNext));
  while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
                  link->function != VK_LAYER_LINK_INFO))
    link = static_cast<VkLayerInstanceCreateInfo*>(const_cast<void*>(link->pNext));
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  auto next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  auto create = reinterpret_cast<PFN_vkCreateInstance>(next(VK_NULL_HANDLE, "vkCreateInstance"));
  VkResult result = create(info, allocator, instance);
  if (result != VK_SUCCESS) return result;
  std::lock_guard guard(g_lock);
  g_instances[key(*instance)] =
      std::make_unique<InstanceData>(InstanceData{*instance, next, instance_functions(*instance, next)});
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL DestroyInstance(VkInstance instance, const VkAllocationCallbacks* allocator) {
  if (!instance) return;
  void* entry = key(instance);
  next_instance<PFN_vkDestroyInstance>(instance_of(instance), "vkDestroyInstance")(instance, allocator);
  std::lock_guard guard(g_lock);
  g_instances.erase(entry);
}

VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceMemoryProperties(VkPhysicalDevice physical,
                                                             VkPhysicalDeviceMemoryProperties* properties) {
  auto& data = instance_of(physical);
  next_instance<PFN_vkGetPhysicalDeviceMemoryProperties>(data, "vkGetPhysicalDeviceMemoryProperties")(
      physical, properties);
  impose(*properties);
}

VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceMemoryProperties2(VkPhysicalDevice physical,
                                                              VkPhysicalDeviceMemoryProperties2* properties) {
  auto& data = instance_of(physical);
  next_instance<PFN_vkGetPhysicalDeviceMemoryProperties2>(
      data, "vkGetPhysicalDeviceMemoryProperties2", "vkGetPhysicalDeviceMemoryProperties2KHR")(physical,
                                                                                               properties);
  impose(properties->memoryProperties);
  for (auto* chained = static_cast<VkBaseOutStructure*>(properties->pNext); chained;
       chained = chained->pNext) {
    if (chained->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
    auto* budget = reinterpret_cast<VkPhysicalDeviceMemoryBudgetPropertiesEXT*>(chained);
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; ++i) {
      bool exists = i < properties->memoryProperties.memoryHeapCount;
      budget->heapBudget[i] = exists ? properties->memoryProperties.memoryHeaps[i].size * 9 / 10 : 0;
      budget->heapUsage[i] = 0;
    }
  }
}

VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties(VkPhysicalDevice physical,
                                                       VkPhysicalDeviceProperties* properties) {
  auto& data = instance_of(physical);
  next_instance<PFN_vkGetPhysicalDeviceProperties>(data, "vkGetPhysicalDeviceProperties")(physical,
                                                                                          properties);
  impose(*properties);
}

VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties2(VkPhysicalDevice physical,
                                                        VkPhysicalDeviceProperties2* properties) {
  auto& data = instance_of(physical);
  next_instance<PFN_vkGetPhysicalDeviceProperties2>(
      data, "vkGetPhysicalDeviceProperties2", "vkGetPhysicalDeviceProperties2KHR")(physical, properties);
  impose(properties->properties);
}

VkExternalMemoryFeatureFlags import_feature(bool importable) {
  return importable ? VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT : 0;
}

bool unimportable(VkBufferUsageFlags usage) { return (usage & chosen_layout().unimportable_buffers) != 0; }

template <class Struct>
const Struct* find_struct(const void* chain, VkStructureType type) {
  for (auto* next = static_cast<const VkBaseInStructure*>(chain); next; next = next->pNext)
    if (next->sType == type) return reinterpret_cast<const Struct*>(next);
  return nullptr;
}

VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceExternalBufferProperties(
    VkPhysicalDevice physical, const VkPhysicalDeviceExternalBufferInfo* info,
    VkExternalBufferProperties* properties) {
  next_instance<PFN_vkGetPhysicalDeviceExternalBufferProperties>(
      instance_of(physical), "vkGetPhysicalDeviceExternalBufferProperties",
      "vkGetPhysicalDeviceExternalBufferPropertiesKHR")(physical, info, properties);
  if (chosen_layout().unimportable_buffers &&
      info->handleType == VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT)
    properties->externalMemoryProperties.externalMemoryFeatures = import_feature(!unimportable(info->usage));
}

VKAPI_ATTR VkResult VKAPI_CALL GetPhysicalDeviceImageFormatProperties2(
    VkPhysicalDevice physical, const VkPhysicalDeviceImageFormatInfo2* info,
    VkImageFormatProperties2* properties) {
  const auto* external = find_struct<VkPhysicalDeviceExternalImageFormatInfo>(
      info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  if (external && external->handleType && info->tiling == VK_IMAGE_TILING_LINEAR &&
      !chosen_layout().imports_linear_images)
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
  return next_instance<PFN_vkGetPhysicalDeviceImageFormatProperties2>(
      instance_of(physical), "vkGetPhysicalDeviceImageFormatProperties2",
      "vkGetPhysicalDeviceImageFormatProperties2KHR")(physical, info, properties);
}

VKAPI_ATTR VkResult VKAPI_CALL CreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                            const VkAllocationCallbacks* allocator, VkDevice* device) {
  auto* link = static_cast<VkLayerDeviceCreateInfo*>(const_cast<void*>(info->pNext));
  while (link &&
         (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO || link->function != VK_LAYER_LINK_INFO))
    link = static_cast<VkLayerDeviceCreateInfo*>(const_cast<void*>(link->pNext));
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  auto next_gipa = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  auto next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  auto create =
      reinterpret_cast<PFN_vkCreateDevice>(next_gipa(instance_of(physical).instance, "vkCreateDevice"));
  VkResult result = create(physical, info, allocator, device);
  if (result != VK_SUCCESS) return result;
  auto data = std::make_unique<DeviceData>();
  data->device = *device;
  data->next = next;
  data->functions = device_functions(*device, next);
  std::lock_guard guard(g_lock);
  g_devices[key(*device)] = std::move(data);
  return VK_SUCCESS;
}

// ---- device level

VKAPI_ATTR void VKAPI_CALL DestroyDevice(VkDevice device, const VkAllocationCallbacks* allocator) {
  if (!device) return;
  void* entry = key(device);
  next_device<PFN_vkDestroyDevice>(device_of(device), "vkDestroyDevice")(device, allocator);
  std::lock_guard guard(g_lock);
  g_devices.erase(entry);
}

VKAPI_ATTR VkResult VKAPI_CALL AllocateMemory(VkDevice device, const VkMemoryAllocateInfo* info,
                                              const VkAllocationCallbacks* allocator,
                                              VkDeviceMemory* memory) {
  auto& data = device_of(device);
  const MemoryLayout& layout = chosen_layout();
  uint32_t type = info->memoryTypeIndex;
  if (type >= layout.types.size()) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (auto* chained = static_cast<const VkBaseInStructure*>(info->pNext); chained; chained = chained->pNext)
    if (chained->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT &&
        (!layout.imports_host_pages || !(layout.import_types() >> type & 1)))
      return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  if (info->allocationSize > layout.heaps[layout.types[type].heapIndex].size)
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  VkMemoryAllocateInfo changed = *info;
  changed.memoryTypeIndex = 0;
  VkResult result =
      next_device<PFN_vkAllocateMemory>(data, "vkAllocateMemory")(device, &changed, allocator, memory);
  if (result != VK_SUCCESS) return result;
  std::lock_guard guard(data.lock);
  MemoryData& made = data.memories[*memory];
  made.type = type;
  made.size = info->allocationSize;
  made.imported = find_struct<VkImportMemoryHostPointerInfoEXT>(
      info->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL FreeMemory(VkDevice device, VkDeviceMemory memory,
                                      const VkAllocationCallbacks* allocator) {
  auto& data = device_of(device);
  {
    std::lock_guard guard(data.lock);
    data.memories.erase(memory);
  }
  next_device<PFN_vkFreeMemory>(data, "vkFreeMemory")(device, memory, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL MapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                         VkDeviceSize size, VkMemoryMapFlags flags, void** pointer) {
  auto& data = device_of(device);
  auto map = next_device<PFN_vkMapMemory>(data, "vkMapMemory");
  std::lock_guard guard(data.lock);
  MemoryData& mapped = memory_of(data, memory);
  VkMemoryPropertyFlags properties = chosen_layout().types[mapped.type].propertyFlags;
  if (!(properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)) return VK_ERROR_MEMORY_MAP_FAILED;
  if (!non_coherent(mapped.type)) return map(device, memory, offset, size, flags, pointer);
  void* whole = nullptr;
  VkResult result = map(device, memory, 0, VK_WHOLE_SIZE, flags, &whole);
  if (result != VK_SUCCESS) return result;
  mapped.driver = static_cast<std::byte*>(whole);
  mapped.copy.assign(mapped.driver, mapped.driver + mapped.size);
  *pointer = mapped.copy.data() + offset;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL UnmapMemory(VkDevice device, VkDeviceMemory memory) {
  auto& data = device_of(device);
  {
    std::lock_guard guard(data.lock);
    MemoryData& mapped = memory_of(data, memory);
    mapped.driver = nullptr;
    mapped.copy = {};
  }
  next_device<PFN_vkUnmapMemory>(data, "vkUnmapMemory")(device, memory);
}

VkResult move_ranges(VkDevice device, uint32_t count, const VkMappedMemoryRange* ranges, bool to_device) {
  auto& data = device_of(device);
  std::lock_guard guard(data.lock);
  for (uint32_t i = 0; i < count; ++i) {
    MemoryData& mapped = memory_of(data, ranges[i].memory);
    if (!mapped.driver) continue;
    VkDeviceSize atom = chosen_layout().non_coherent_atom_size, offset = ranges[i].offset;
    VkDeviceSize size = ranges[i].size == VK_WHOLE_SIZE ? mapped.size - offset : ranges[i].size;
    if (offset % atom || offset + size > mapped.size || (size % atom && offset + size != mapped.size)) {
      std::fprintf(stderr,
                   "VK_LAYER_VIADUCT_memory_types: a range that the specification forbids: %llu + %llu\n",
                   static_cast<unsigned long long>(offset), static_cast<unsigned long long>(size));
      std::abort();
    }
    if (to_device)
      std::memcpy(mapped.driver + offset, mapped.copy.data() + offset, size);
    else
      std::memcpy(mapped.copy.data() + offset, mapped.driver + offset, size);
  }
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL FlushMappedMemoryRanges(VkDevice device, uint32_t count,
                                                       const VkMappedMemoryRange* ranges) {
  return move_ranges(device, count, ranges, true);
}

VKAPI_ATTR VkResult VKAPI_CALL InvalidateMappedMemoryRanges(VkDevice device, uint32_t count,
                                                            const VkMappedMemoryRange* ranges) {
  return move_ranges(device, count, ranges, false);
}

VKAPI_ATTR VkResult VKAPI_CALL CreateBuffer(VkDevice device, const VkBufferCreateInfo* info,
                                            const VkAllocationCallbacks* allocator, VkBuffer* buffer) {
  auto& data = device_of(device);
  const auto* external = find_struct<VkExternalMemoryBufferCreateInfo>(
      info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
  if (unimportable(info->usage) && external && external->handleTypes)
    give_up("a buffer that cannot be imported was declared for import");
  VkResult result = next_device<PFN_vkCreateBuffer>(data, "vkCreateBuffer")(device, info, allocator, buffer);
  std::lock_guard guard(data.lock);
  if (result == VK_SUCCESS && unimportable(info->usage)) data.unimportable_buffers.insert(*buffer);
  return result;
}

VKAPI_ATTR void VKAPI_CALL DestroyBuffer(VkDevice device, VkBuffer buffer,
                                         const VkAllocationCallbacks* allocator) {
  auto& data = device_of(device);
  {
    std::lock_guard guard(data.lock);
    data.unimportable_buffers.erase(buffer);
  }
  next_device<PFN_vkDestroyBuffer>(data, "vkDestroyBuffer")(device, buffer, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL CreateImage(VkDevice device, const VkImageCreateInfo* info,
                                           const VkAllocationCallbacks* allocator, VkImage* image) {
  auto& data = device_of(device);
  const bool linear = info->tiling == VK_IMAGE_TILING_LINEAR;
  const auto* external = find_struct<VkExternalMemoryImageCreateInfo>(
      info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
  if (linear && !chosen_layout().imports_linear_images && external && external->handleTypes)
    give_up("a linear image that cannot be imported was declared for import");
  VkResult result = next_device<PFN_vkCreateImage>(data, "vkCreateImage")(device, info, allocator, image);
  std::lock_guard guard(data.lock);
  if (result == VK_SUCCESS && linear) data.linear_images.insert(*image);
  return result;
}

VKAPI_ATTR void VKAPI_CALL DestroyImage(VkDevice device, VkImage image,
                                        const VkAllocationCallbacks* allocator) {
  auto& data = device_of(device);
  {
    std::lock_guard guard(data.lock);
    data.linear_images.erase(image);
  }
  next_device<PFN_vkDestroyImage>(data, "vkDestroyImage")(device, image, allocator);
}

void check_buffer(DeviceData& data, VkBuffer buffer, VkDeviceMemory memory) {
  std::lock_guard guard(data.lock);
  if (memory_of(data, memory).imported && data.unimportable_buffers.count(buffer))
    give_up("a buffer that cannot be imported was bound to imported memory");
}

void check_image(DeviceData& data, VkImage image, VkDeviceMemory memory) {
  std::lock_guard guard(data.lock);
  if (memory_of(data, memory).imported && data.linear_images.count(image) &&
      !chosen_layout().imports_linear_images)
    give_up("a linear image that cannot be imported was bound to imported memory");
}

VKAPI_ATTR VkResult VKAPI_CALL BindBufferMemory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                                VkDeviceSize offset) {
  auto& data = device_of(device);
  check_buffer(data, buffer, memory);
  return next_device<PFN_vkBindBufferMemory>(data, "vkBindBufferMemory")(device, buffer, memory, offset);
}

VKAPI_ATTR VkResult VKAPI_CALL BindImageMemory(VkDevice device, VkImage image, VkDeviceMemory memory,
                                               VkDeviceSize offset) {
  auto& data = device_of(device);
  check_image(data, image, memory);
  return next_device<PFN_vkBindImageMemory>(data, "vkBindImageMemory")(device, image, memory, offset);
}

VKAPI_ATTR VkResult VKAPI_CALL BindBufferMemory2(VkDevice device, uint32_t count,
                                                 const VkBindBufferMemoryInfo* infos) {
  auto& data = device_of(device);
  for (uint32_t i = 0; i < count; ++i) check_buffer(data, infos[i].buffer, infos[i].memory);
  return next_device<PFN_vkBindBufferMemory2>(data, "vkBindBufferMemory2", "vkBindBufferMemory2KHR")(
      device, count, infos);
}

VKAPI_ATTR VkResult VKAPI_CALL BindImageMemory2(VkDevice device, uint32_t count,
                                                const VkBindImageMemoryInfo* infos) {
  auto& data = device_of(device);
  for (uint32_t i = 0; i < count; ++i) check_image(data, infos[i].image, infos[i].memory);
  return next_device<PFN_vkBindImageMemory2>(data, "vkBindImageMemory2", "vkBindImageMemory2KHR")(
      device, count, infos);
}

VkImageTiling tiling_of(DeviceData& data, VkImage image) {
  std::lock_guard guard(data.lock);
  return data.linear_images.count(image) ? VK_IMAGE_TILING_LINEAR : VK_IMAGE_TILING_OPTIMAL;
}

VKAPI_ATTR void VKAPI_CALL GetBufferMemoryRequirements(VkDevice device, VkBuffer buffer,
                                                       VkMemoryRequirements* needs) {
  next_device<PFN_vkGetBufferMemoryRequirements>(device_of(device), "vkGetBufferMemoryRequirements")(
      device, buffer, needs);
  impose_buffer(*needs);
}

VKAPI_ATTR void VKAPI_CALL GetBufferMemoryRequirements2(VkDevice device,
                                                        const VkBufferMemoryRequirementsInfo2* info,
                                                        VkMemoryRequirements2* needs) {
  next_device<PFN_vkGetBufferMemoryRequirements2>(device_of(device), "vkGetBufferMemoryRequirements2",
                                                  "vkGetBufferMemoryRequirements2KHR")(device, info, needs);
  impose_buffer(needs->memoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL GetDeviceBufferMemoryRequirements(VkDevice device,
                                                             const VkDeviceBufferMemoryRequirements* info,
                                                             VkMemoryRequirements2* needs) {
  next_device<PFN_vkGetDeviceBufferMemoryRequirements>(
      device_of(device), "vkGetDeviceBufferMemoryRequirements", "vkGetDeviceBufferMemoryRequirementsKHR")(
      device, info, needs);
  impose_buffer(needs->memoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL GetImageMemoryRequirements(VkDevice device, VkImage image,
                                                      VkMemoryRequirements* needs) {
  next_device<PFN_vkGetImageMemoryRequirements>(device_of(device), "vkGetImageMemoryRequirements")(
      device, image, needs);
  impose_image(*needs, tiling_of(device_of(device), image));
}

VKAPI_ATTR void VKAPI_CALL GetImageMemoryRequirements2(VkDevice device,
                                                       const VkImageMemoryRequirementsInfo2* info,
                                                       VkMemoryRequirements2* needs) {
  next_device<PFN_vkGetImageMemoryRequirements2>(device_of(device), "vkGetImageMemoryRequirements2",
                                                 "vkGetImageMemoryRequirements2KHR")(device, info, needs);
  impose_image(needs->memoryRequirements, tiling_of(device_of(device), info->image));
}

VKAPI_ATTR void VKAPI_CALL GetDeviceImageMemoryRequirements(VkDevice device,
                                                            const VkDeviceImageMemoryRequirements* info,
                                                            VkMemoryRequirements2* needs) {
  next_device<PFN_vkGetDeviceImageMemoryRequirements>(device_of(device), "vkGetDeviceImageMemoryRequirements",
                                                      "vkGetDeviceImageMemoryRequirementsKHR")(device, info,
                                                                                               needs);
  impose_image(needs->memoryRequirements, info->pCreateInfo->tiling);
}

VKAPI_ATTR VkResult VKAPI_CALL
GetMemoryHostPointerPropertiesEXT(VkDevice device, VkExternalMemoryHandleTypeFlagBits type,
                                  const void* pointer, VkMemoryHostPointerPropertiesEXT* properties) {
  VkResult result = next_device<PFN_vkGetMemoryHostPointerPropertiesEXT>(
      device_of(device), "vkGetMemoryHostPointerPropertiesEXT")(device, type, pointer, properties);
  if (result == VK_SUCCESS && properties->memoryTypeBits)
    properties->memoryTypeBits = chosen_layout().import_types();
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL GetMemoryFdPropertiesKHR(VkDevice device,
                                                        VkExternalMemoryHandleTypeFlagBits type, int fd,
                                                        VkMemoryFdPropertiesKHR* properties) {
  VkResult result = next_device<PFN_vkGetMemoryFdPropertiesKHR>(
      device_of(device), "vkGetMemoryFdPropertiesKHR")(device, type, fd, properties);
  if (result == VK_SUCCESS && properties->memoryTypeBits)
    properties->memoryTypeBits = chosen_layout().import_types();
  return result;
}

// ---- look-up

struct Entry {
  const char* name;
  PFN_vkVoidFunction function;
  bool only_if_driver_has;
};

template <class Function>
PFN_vkVoidFunction erase_type(Function function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

const Entry kDeviceEntries[] = {
    {"vkDestroyDevice", erase_type(DestroyDevice), false},
    {"vkAllocateMemory", erase_type(AllocateMemory), false},
    {"vkFreeMemory", erase_type(FreeMemory), false},
    {"vkMapMemory", erase_type(MapMemory), false},
    {"vkUnmapMemory", erase_type(UnmapMemory), false},
    {"vkFlushMappedMemoryRanges", erase_type(FlushMappedMemoryRanges), false},
    {"vkInvalidateMappedMemoryRanges", erase_type(InvalidateMappedMemoryRanges), false},
    {"vkCreateBuffer", erase_type(CreateBuffer), false},
    {"vkDestroyBuffer", erase_type(DestroyBuffer), false},
    {"vkCreateImage", erase_type(CreateImage), false},
    {"vkDestroyImage", erase_type(DestroyImage), false},
    {"vkBindBufferMemory", erase_type(BindBufferMemory), false},
    {"vkBindBufferMemory2", erase_type(BindBufferMemory2), true},
    {"vkBindBufferMemory2KHR", erase_type(BindBufferMemory2), true},
    {"vkBindImageMemory", erase_type(BindImageMemory), false},
    {"vkBindImageMemory2", erase_type(BindImageMemory2), true},
    {"vkBindImageMemory2KHR", erase_type(BindImageMemory2), true},
    {"vkGetBufferMemoryRequirements", erase_type(GetBufferMemoryRequirements), false},
    {"vkGetBufferMemoryRequirements2", erase_type(GetBufferMemoryRequirements2), true},
    {"vkGetBufferMemoryRequirements2KHR", erase_type(GetBufferMemoryRequirements2), true},
    {"vkGetDeviceBufferMemoryRequirements", erase_type(GetDeviceBufferMemoryRequirements), true},
    {"vkGetDeviceBufferMemoryRequirementsKHR", erase_type(GetDeviceBufferMemoryRequirements), true},
    {"vkGetImageMemoryRequirements", erase_type(GetImageMemoryRequirements), false},
    {"vkGetImageMemoryRequirements2", erase_type(GetImageMemoryRequirements2), true},
    {"vkGetImageMemoryRequirements2KHR", erase_type(GetImageMemoryRequirements2), true},
    {"vkGetDeviceImageMemoryRequirements", erase_type(GetDeviceImageMemoryRequirements), true},
    {"vkGetDeviceImageMemoryRequirementsKHR", erase_type(GetDeviceImageMemoryRequirements), true},
    {"vkGetMemoryHostPointerPropertiesEXT", erase_type(GetMemoryHostPointerPropertiesEXT), true},
    {"vkGetMemoryFdPropertiesKHR", erase_type(GetMemoryFdPropertiesKHR), true},
};

const Entry kInstanceEntries[] = {
    {"vkCreateInstance", erase_type(CreateInstance), false},
    {"vkDestroyInstance", erase_type(DestroyInstance), false},
    {"vkCreateDevice", erase_type(CreateDevice), false},
    {"vkGetPhysicalDeviceMemoryProperties", erase_type(GetPhysicalDeviceMemoryProperties), false},
    {"vkGetPhysicalDeviceMemoryProperties2", erase_type(GetPhysicalDeviceMemoryProperties2), true},
    {"vkGetPhysicalDeviceMemoryProperties2KHR", erase_type(GetPhysicalDeviceMemoryProperties2), true},
    {"vkGetPhysicalDeviceProperties", erase_type(GetPhysicalDeviceProperties), false},
    {"vkGetPhysicalDeviceProperties2", erase_type(GetPhysicalDeviceProperties2), true},
    {"vkGetPhysicalDeviceProperties2KHR", erase_type(GetPhysicalDeviceProperties2), true},
    {"vkGetPhysicalDeviceExternalBufferProperties", erase_type(GetPhysicalDeviceExternalBufferProperties),
     true},
    {"vkGetPhysicalDeviceExternalBufferPropertiesKHR", erase_type(GetPhysicalDeviceExternalBufferProperties),
     true},
    {"vkGetPhysicalDeviceImageFormatProperties2", erase_type(GetPhysicalDeviceImageFormatProperties2), true},
    {"vkGetPhysicalDeviceImageFormatProperties2KHR", erase_type(GetPhysicalDeviceImageFormatProperties2),
     true},
};

Functions instance_functions(VkInstance instance, PFN_vkGetInstanceProcAddr next) {
  Functions functions;
  for (const Entry& entry : kInstanceEntries) functions[entry.name] = next(instance, entry.name);
  return functions;
}

Functions device_functions(VkDevice device, PFN_vkGetDeviceProcAddr next) {
  Functions functions;
  for (const Entry& entry : kDeviceEntries) functions[entry.name] = next(device, entry.name);
  return functions;
}

PFN_vkVoidFunction find_device_entry(const char* name, PFN_vkVoidFunction driver) {
  for (const Entry& entry : kDeviceEntries)
    if (!std::strcmp(name, entry.name)) return entry.only_if_driver_has && !driver ? nullptr : entry.function;
  return driver;
}

}  // namespace

LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
viaduct_memory_types_GetDeviceProcAddr(VkDevice device, const char* name) {
  if (!std::strcmp(name, "vkGetDeviceProcAddr")) return erase_type(viaduct_memory_types_GetDeviceProcAddr);
  return find_device_entry(name, device_of(device).next(device, name));
}

LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
viaduct_memory_types_GetInstanceProcAddr(VkInstance instance, const char* name) {
  if (!std::strcmp(name, "vkGetInstanceProcAddr"))
    return erase_type(viaduct_memory_types_GetInstanceProcAddr);
  if (!std::strcmp(name, "vkGetDeviceProcAddr")) return erase_type(viaduct_memory_types_GetDeviceProcAddr);
  // The loader asks for this one with an instance that is still being made.
  if (!std::strcmp(name, "vkCreateInstance")) return erase_type(CreateInstance);
  PFN_vkVoidFunction driver = nullptr;
  if (instance) {
    auto& data = instance_of(instance);
    driver = data.next(instance, name);
  }
  for (const Entry& entry : kInstanceEntries)
    if (!std::strcmp(name, entry.name)) return entry.only_if_driver_has && !driver ? nullptr : entry.function;
  return find_device_entry(name, driver);
}

LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* negotiated) {
  if (negotiated->loaderLayerInterfaceVersion < 2) return VK_ERROR_INITIALIZATION_FAILED;
  negotiated->loaderLayerInterfaceVersion = 2;
  negotiated->pfnGetInstanceProcAddr = viaduct_memory_types_GetInstanceProcAddr;
  negotiated->pfnGetDeviceProcAddr = viaduct_memory_types_GetDeviceProcAddr;
  negotiated->pfnGetPhysicalDeviceProcAddr = nullptr;
  return VK_SUCCESS;
}

}  // namespace viaduct::tests
