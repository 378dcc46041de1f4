// The commands of the fake driver that cannot be made up: those whose answers a worker acts on. Everything
// else is generated. The signatures are Vulkan's; generated entry points record a call and then come here.
//
// Queues execute at submission, unless told to hold: waits are taken as satisfied, signals happen at once.
// Any thread.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <span>

#include "generated/fake_driver/facts.hpp"
#include "tests/fake-driver/driver_constants.hpp"

namespace viaduct::fake {

namespace hand {

VkResult vkCreateInstance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks*, VkInstance* out);
VkResult vkEnumerateInstanceVersion(uint32_t* version);
VkResult vkEnumerateInstanceExtensionProperties(const char* layer, uint32_t* count,
                                                VkExtensionProperties* out);
VkResult vkEnumerateInstanceLayerProperties(uint32_t* count, VkLayerProperties* out);
VkResult vkEnumeratePhysicalDevices(VkInstance instance, uint32_t* count, VkPhysicalDevice* out);
VkResult vkEnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t* count,
                                         VkPhysicalDeviceGroupProperties* out);
VkResult vkEnumerateDeviceExtensionProperties(VkPhysicalDevice, const char* layer, uint32_t* count,
                                              VkExtensionProperties* out);
VkResult vkEnumerateDeviceLayerProperties(VkPhysicalDevice, uint32_t* count, VkLayerProperties* out);
void vkGetPhysicalDeviceProperties(VkPhysicalDevice, VkPhysicalDeviceProperties* out);
// What a worker changes in a chain of properties becomes what driver_constants.hpp says.
void write_identity(void* chain);  // pages can be imported, too
// Heaps that do not exist have no budget; of the one that does, the whole machine uses kMachineUsage.
void write_budget(void* chain);
// Every image may be imported, and handle types are those that a guest hears of.
void write_importable(void* chain);
void vkGetPhysicalDeviceFeatures(VkPhysicalDevice, VkPhysicalDeviceFeatures* out);
void vkGetPhysicalDeviceQueueFamilyProperties(VkPhysicalDevice, uint32_t* count,
                                              VkQueueFamilyProperties* out);
void vkGetPhysicalDeviceQueueFamilyProperties2(VkPhysicalDevice, uint32_t* count,
                                               VkQueueFamilyProperties2* out);
void vkGetPhysicalDeviceMemoryProperties(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties* out);
VkResult vkCreateDevice(VkPhysicalDevice, const VkDeviceCreateInfo*, const VkAllocationCallbacks*,
                        VkDevice* out);
void vkGetDeviceQueue(VkDevice, uint32_t family, uint32_t index, VkQueue* out);
void vkGetDeviceQueue2(VkDevice, const VkDeviceQueueInfo2* info, VkQueue* out);

VkResult vkAllocateMemory(VkDevice, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks*,
                          VkDeviceMemory* out);
VkResult vkMapMemory(VkDevice, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size,
                     VkMemoryMapFlags, void** out);
VkResult vkCreateBuffer(VkDevice, const VkBufferCreateInfo* info, const VkAllocationCallbacks*,
                        VkBuffer* out);
VkResult vkBindBufferMemory(VkDevice, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset);
VkResult vkBindBufferMemory2(VkDevice, uint32_t count, const VkBindBufferMemoryInfo* infos);
// A bind's own status, in its chain: that of a call that gives VK_SUCCESS.
void tell_bound(const void* chain);
VkMemoryRequirements requirements_of(VkBuffer buffer);
VkMemoryRequirements requirements_of_anything();
void vkCmdFillBuffer(VkCommandBuffer, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, uint32_t word);

VkResult vkCreateSemaphore(VkDevice, const VkSemaphoreCreateInfo* info, const VkAllocationCallbacks*,
                           VkSemaphore* out);
VkResult vkGetSemaphoreCounterValue(VkDevice, VkSemaphore semaphore, uint64_t* value);
VkResult vkWaitSemaphores(VkDevice, const VkSemaphoreWaitInfo* info, uint64_t timeout);
VkResult vkSignalSemaphore(VkDevice, const VkSemaphoreSignalInfo* info);
VkResult vkCreateFence(VkDevice, const VkFenceCreateInfo* info, const VkAllocationCallbacks*, VkFence* out);
VkResult vkResetFences(VkDevice, uint32_t count, const VkFence* fences);
VkResult vkGetFenceStatus(VkDevice, VkFence fence);
VkResult vkWaitForFences(VkDevice, uint32_t count, const VkFence* fences, VkBool32 all, uint64_t timeout);
VkResult vkQueueSubmit(VkQueue, uint32_t count, const VkSubmitInfo* submits, VkFence fence);
VkResult vkQueueSubmit2(VkQueue, uint32_t count, const VkSubmitInfo2* submits, VkFence fence);
// While held, submissions are taken and do not end.
void hold_submissions(bool held);
VkResult vkQueueBindSparse(VkQueue, uint32_t count, const VkBindSparseInfo* infos, VkFence fence);

VkResult vkAllocateCommandBuffers(VkDevice, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* out);
VkResult vkGetMemoryHostPointerPropertiesEXT(VkDevice, VkExternalMemoryHandleTypeFlagBits,
                                             const void* pointer, VkMemoryHostPointerPropertiesEXT* out);

// The ways in and out beside the recorded calls (recorder.hpp): true if that is what the call was.
bool is_instruction(const VkShaderModuleCreateInfo* info);
VkResult read_log(std::size_t* size, void* out);

}  // namespace hand
}  // namespace viaduct::fake
