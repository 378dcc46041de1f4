// The trial of imports, on a driver of a few functions that notes what is called.
#include "host-renderer/memory/probe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace viaduct::host {
namespace {

struct Noted {
  std::vector<std::string> calls;
  VkResult waited = VK_SUCCESS;
  std::byte* imported = nullptr;
  std::size_t size = 0;
};
Noted noted;

template <class Handle>
VkResult make(Handle* out) {
  *out = reinterpret_cast<Handle>(std::uintptr_t{64});
  return VK_SUCCESS;
}
void note(const char* call) { noted.calls.emplace_back(call); }

void set_instance_functions(InstanceTable& table) {
  table.vkGetPhysicalDeviceProperties2 = [](VkPhysicalDevice, VkPhysicalDeviceProperties2* p) {
    auto* host = static_cast<VkPhysicalDeviceExternalMemoryHostPropertiesEXT*>(p->pNext);
    host->minImportedHostPointerAlignment = 4096;
  };
  table.vkGetPhysicalDeviceMemoryProperties = [](VkPhysicalDevice, VkPhysicalDeviceMemoryProperties* p) {
    p->memoryTypeCount = 1;
    p->memoryTypes[0].propertyFlags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  };
  table.vkGetPhysicalDeviceExternalBufferProperties =
      [](VkPhysicalDevice, const VkPhysicalDeviceExternalBufferInfo*, VkExternalBufferProperties*) {};
}

void set_object_functions(DeviceTable& table) {
  table.vkGetMemoryHostPointerPropertiesEXT = [](VkDevice, VkExternalMemoryHandleTypeFlagBits, const void*,
                                                 VkMemoryHostPointerPropertiesEXT* p) {
    p->memoryTypeBits = 1;
    return VK_SUCCESS;
  };
  table.vkCreateBuffer = [](VkDevice, const VkBufferCreateInfo*, const VkAllocationCallbacks*,
                            VkBuffer* out) { return make(out); };
  table.vkGetBufferMemoryRequirements = [](VkDevice, VkBuffer, VkMemoryRequirements* needs) {
    *needs = {4096, 4096, 1};
  };
  table.vkAllocateMemory = [](VkDevice, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks*,
                              VkDeviceMemory* out) {
    const auto* import = static_cast<const VkImportMemoryHostPointerInfoEXT*>(info->pNext);
    noted.imported = static_cast<std::byte*>(import->pHostPointer);
    noted.size = static_cast<std::size_t>(info->allocationSize);
    return make(out);
  };
  table.vkBindBufferMemory = [](VkDevice, VkBuffer, VkDeviceMemory, VkDeviceSize) { return VK_SUCCESS; };
  table.vkCreateCommandPool = [](VkDevice, const VkCommandPoolCreateInfo*, const VkAllocationCallbacks*,
                                 VkCommandPool* out) { return make(out); };
  table.vkAllocateCommandBuffers = [](VkDevice, const VkCommandBufferAllocateInfo*, VkCommandBuffer* out) {
    return make(out);
  };
  table.vkCreateFence = [](VkDevice, const VkFenceCreateInfo*, const VkAllocationCallbacks*, VkFence* out) {
    return make(out);
  };
  table.vkDestroyFence = [](VkDevice, VkFence, const VkAllocationCallbacks*) {};
  table.vkDestroyCommandPool = [](VkDevice, VkCommandPool, const VkAllocationCallbacks*) {
    note("destroy the pool");
  };
  table.vkDestroyBuffer = [](VkDevice, VkBuffer, const VkAllocationCallbacks*) {};
  table.vkFreeMemory = [](VkDevice, VkDeviceMemory, const VkAllocationCallbacks*) {
    note("free the memory");
  };
}

void set_execution_functions(DeviceTable& table) {
  table.vkBeginCommandBuffer = [](VkCommandBuffer, const VkCommandBufferBeginInfo*) { return VK_SUCCESS; };
  table.vkEndCommandBuffer = [](VkCommandBuffer) { return VK_SUCCESS; };
  table.vkCmdFillBuffer = [](VkCommandBuffer, VkBuffer, VkDeviceSize, VkDeviceSize, std::uint32_t word) {
    for (std::size_t at = 0; at < noted.size; at += 4) std::memcpy(noted.imported + at, &word, 4);
  };
  table.vkCmdPipelineBarrier = [](VkCommandBuffer, VkPipelineStageFlags, VkPipelineStageFlags,
                                  VkDependencyFlags, std::uint32_t, const VkMemoryBarrier*, std::uint32_t,
                                  const VkBufferMemoryBarrier*, std::uint32_t,
                                  const VkImageMemoryBarrier*) {};
  table.vkGetDeviceQueue = [](VkDevice, std::uint32_t, std::uint32_t, VkQueue* out) { make(out); };
  table.vkQueueSubmit = [](VkQueue, std::uint32_t, const VkSubmitInfo*, VkFence) { return VK_SUCCESS; };
  table.vkWaitForFences = [](VkDevice, std::uint32_t, const VkFence*, VkBool32, std::uint64_t) {
    return noted.waited;
  };
  table.vkDeviceWaitIdle = [](VkDevice) {
    note("wait until idle");
    return VK_SUCCESS;
  };
}

ProbeResult probe() {
  InstanceTable instance;
  DeviceTable device;
  set_instance_functions(instance);
  set_object_functions(device);
  set_execution_functions(device);
  const ProbeTarget target{instance, device, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, true, false};
  alignas(4096) static std::array<std::byte, 4096> pages;
  return probe_sharing(target, {pages.data(), -1, -1}, pages, std::nullopt);
}

TEST(Probe, AnImportThatTheDeviceWritesToIsUsed) {
  noted = {};
  EXPECT_EQ(probe().mode, SharingMode::kImport);
  EXPECT_EQ(noted.calls, (std::vector<std::string>{"destroy the pool", "free the memory"}));
}

// On a busy machine lavapipe's threads had not begun yet, and then found the objects gone.
TEST(Probe, NothingIsDestroyedThatStillExecutes) {
  noted = {};
  noted.waited = VK_TIMEOUT;
  EXPECT_EQ(probe().mode, SharingMode::kShadow);
  EXPECT_EQ(noted.calls,
            (std::vector<std::string>{"wait until idle", "destroy the pool", "free the memory"}));
}

}  // namespace
}  // namespace viaduct::host
