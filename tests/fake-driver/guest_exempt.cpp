#include <cstring>
#include <map>
#include <string_view>

#include "tests/fake-driver/guest.hpp"

namespace viaduct::fake {
namespace {

// Why these are not called with random arguments. All but the last group reach the driver in another way in
// this test (the objects that a Guest makes, lose_device, deferred) or in tests/e2e.
constexpr char kLifetime[] =
    "begins or ends what everything else needs; called on purpose while the guest is set up";
constexpr char kWaits[] = "answered in the guest from completion slots, or waits; tests/e2e";
constexpr char kSubmits[] = "the host adds its own semaphore and value; called by lose_device and tests/e2e";
constexpr char kMemory[] =
    "memory types and sizes are translated; called while the guest is set up and by tests/e2e";
constexpr char kRecording[] = "part of every recorded command here";
constexpr char kPools[] =
    "the guest keeps count of sets and layouts; called while the guest is set up and by tests/e2e";
constexpr char kGuestOnly[] = "lives in the guest: nothing crosses the wire";
constexpr char kTranslated[] =
    "its answer is re-described for the guest (docs/identity.md); tests/e2e/vulkaninfo";

constexpr char kDebugging[] = "names and labels for people stay in the guest";
constexpr char kGarbage[] = "handles that the specification lets be garbage are cleared; tests/unit/guest";
constexpr char kHostAddresses[] =
    "takes addresses of the caller's memory: refused on both sides (policy.toml)";
constexpr char kExternal[] = "answered by the host itself: no handle of another API or process is offered";

const std::map<std::string_view, const char*> kReasons = {
    {"vkCreateInstance", kLifetime},
    {"vkDestroyInstance", kLifetime},
    {"vkCreateDevice", kLifetime},
    {"vkDestroyDevice", kLifetime},
    {"vkEnumeratePhysicalDevices", kLifetime},
    {"vkEnumeratePhysicalDeviceGroups", kLifetime},
    {"vkGetDeviceQueue", kLifetime},
    {"vkGetDeviceQueue2", kLifetime},
    {"vkDestroyPipeline", kLifetime},
    {"vkDestroyCommandPool", kLifetime},
    {"vkResetCommandPool", kLifetime},
    {"vkDestroyDescriptorPool", kLifetime},
    {"vkCmdPushDescriptorSetKHR", kGarbage},
    {"vkCmdBeginRendering", kGarbage},
    {"vkCmdPushDescriptorSet2", kGarbage},
    {"vkGetDescriptorEXT", kGarbage},
    {"vkUpdateDescriptorSets", kGarbage},
    {"vkCreateGraphicsPipelines", kGarbage},
    {"vkGetGeneratedCommandsMemoryRequirementsNV", kMemory},
    {"vkGetPhysicalDeviceExternalBufferProperties", kExternal},
    {"vkGetPhysicalDeviceExternalFenceProperties", kExternal},
    {"vkGetPhysicalDeviceExternalSemaphoreProperties", kExternal},
    {"vkGetPhysicalDeviceCalibrateableTimeDomainsEXT", kTranslated},
    {"vkGetCalibratedTimestampsEXT", kTranslated},
    {"vkEnumerateInstanceVersion", kTranslated},
    {"vkEnumerateInstanceExtensionProperties", kTranslated},
    {"vkEnumerateDeviceExtensionProperties", kTranslated},
    {"vkGetPhysicalDeviceProperties", kTranslated},
    {"vkGetPhysicalDeviceProperties2", kTranslated},
    {"vkGetPhysicalDeviceMemoryProperties", kTranslated},
    {"vkGetPhysicalDeviceMemoryProperties2", kTranslated},
    {"vkGetPhysicalDeviceToolProperties", kGuestOnly},
    {"vkQueueSubmit", kSubmits},
    {"vkQueueSubmit2", kSubmits},
    {"vkQueueBindSparse", kSubmits},
    {"vkQueueWaitIdle", kWaits},
    {"vkDeviceWaitIdle", kWaits},
    {"vkCreateFence", kWaits},
    {"vkDestroyFence", kWaits},
    {"vkResetFences", kWaits},
    {"vkGetFenceStatus", kWaits},
    {"vkWaitForFences", kWaits},
    {"vkWaitSemaphores", kWaits},
    {"vkSignalSemaphore", kWaits},
    {"vkGetSemaphoreCounterValue", kWaits},
    {"vkAllocateMemory", kMemory},
    {"vkFreeMemory", kMemory},
    {"vkFlushMappedMemoryRanges", kMemory},
    {"vkInvalidateMappedMemoryRanges", kMemory},
    {"vkGetBufferMemoryRequirements", kMemory},
    {"vkGetBufferMemoryRequirements2", kMemory},
    {"vkGetImageMemoryRequirements", kMemory},
    {"vkGetImageMemoryRequirements2", kMemory},
    {"vkGetDeviceBufferMemoryRequirements", kMemory},
    {"vkGetDeviceImageMemoryRequirements", kMemory},
    {"vkCreateBuffer", kMemory},
    {"vkCreateImage", kMemory},
    {"vkBeginCommandBuffer", kRecording},
    {"vkEndCommandBuffer", kRecording},
    {"vkResetCommandBuffer", kRecording},
    {"vkAllocateCommandBuffers", kRecording},
    {"vkFreeCommandBuffers", kRecording},
    {"vkAllocateDescriptorSets", kPools},
    {"vkFreeDescriptorSets", kPools},
    {"vkResetDescriptorPool", kPools},
    {"vkCreateDescriptorPool", kPools},
    {"vkCreatePrivateDataSlot", kGuestOnly},
    {"vkDestroyPrivateDataSlot", kGuestOnly},
    {"vkSetPrivateData", kGuestOnly},
    {"vkGetPrivateData", kGuestOnly},
    {"vkBuildAccelerationStructuresKHR", kHostAddresses},
    {"vkCopyAccelerationStructureToMemoryKHR", kHostAddresses},
    {"vkCopyMemoryToAccelerationStructureKHR", kHostAddresses},
    {"vkBuildMicromapsEXT", kHostAddresses},
    {"vkCopyMicromapToMemoryEXT", kHostAddresses},
    {"vkCopyMemoryToMicromapEXT", kHostAddresses},
};

}  // namespace

const char* exempt(const char* command) {
  for (const char* word : {"DebugUtils", "DebugMarkerSetObject"}) {
    if (std::strstr(command, word) != nullptr) return kDebugging;
  }
  for (const char* word : {"Surface", "Swapchain", "Present", "AcquireNextImage"}) {
    if (std::strstr(command, word) != nullptr) return kGuestOnly;
  }
  const auto found = kReasons.find(command);
  return found == kReasons.end() ? nullptr : found->second;
}

}  // namespace viaduct::fake
