// Names, tags and labels of VK_EXT_debug_utils and VK_EXT_debug_marker. They go to the host where its
// instance takes them, so that tools and messages there speak of the application's objects; otherwise they
// cost a test of a flag. What lives in the guest only keeps its name to itself.
#include "generated/guest/calls.hpp"
#include "generated/guest/command_encoders.hpp"
#include "generated/guest/entrypoints.hpp"
#include "generated/protocol/vulkan_object_type.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/objects/device.hpp"
#include "guest-icd/queue/queue.hpp"

namespace viaduct::guest {
namespace {

using protocol::ObjectType;

// The id by which the host knows an object; 0 for one that it does not know.
std::uint64_t host_id(VkObjectType type, std::uint64_t handle) noexcept {
  switch (protocol::object_type_of(type)) {
    case ObjectType::kInstance:
    case ObjectType::kPhysicalDevice:
    case ObjectType::kDevice:
    case ObjectType::kQueue:
    case ObjectType::kCommandBuffer:
      return protocol::dispatchable_id(reinterpret_cast<const void*>(handle));
    case ObjectType::kNone:
    case ObjectType::kFence:
    case ObjectType::kSurfaceKHR:
    case ObjectType::kSwapchainKHR:
    case ObjectType::kDescriptorUpdateTemplate:
    case ObjectType::kPrivateDataSlot:
    case ObjectType::kDebugReportCallbackEXT:
    case ObjectType::kDebugUtilsMessengerEXT:
    case ObjectType::kDisplayKHR:
    case ObjectType::kDisplayModeKHR:
    case ObjectType::kValidationCacheEXT:
      return 0;
    default:
      return handle;
  }
}

// VK_EXT_debug_report numbers the types of its time in a row, then as VkObjectType does.
VkObjectType object_type(VkDebugReportObjectTypeEXT type) noexcept {
  const bool same = type <= VK_DEBUG_REPORT_OBJECT_TYPE_COMMAND_POOL_EXT || type >= 1'000'000'000;
  return same ? static_cast<VkObjectType>(type) : VK_OBJECT_TYPE_UNKNOWN;
}

VkResult set_name(VkDevice device, VkObjectType type, std::uint64_t handle, const char* name) noexcept {
  const Device& self = *Device::from(device);
  const std::uint64_t id = self.debug_names ? host_id(type, handle) : 0;
  if (id != 0) post_viaductSetObjectName(*self.channel, device, type, id, name);
  return VK_SUCCESS;
}

VkResult set_tag(VkDevice device, VkObjectType type, std::uint64_t handle, std::uint64_t tag_name,
                 std::size_t size, const void* tag) noexcept {
  const Device& self = *Device::from(device);
  const std::uint64_t id = self.debug_names ? host_id(type, handle) : 0;
  if (id != 0) post_viaductSetObjectTag(*self.channel, device, type, id, tag_name, size, tag);
  return VK_SUCCESS;
}

bool takes_labels(VkQueue queue) noexcept { return Queue::from(queue)->device->debug_names; }
bool takes_labels(VkCommandBuffer commands) noexcept {
  return CommandBuffer::from(commands).device->debug_names;
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL
vkSetDebugUtilsObjectNameEXT(VkDevice device, const VkDebugUtilsObjectNameInfoEXT* pNameInfo) noexcept {
  return set_name(device, pNameInfo->objectType, pNameInfo->objectHandle, pNameInfo->pObjectName);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkSetDebugUtilsObjectTagEXT(VkDevice device, const VkDebugUtilsObjectTagInfoEXT* pTagInfo) noexcept {
  return set_tag(device, pTagInfo->objectType, pTagInfo->objectHandle, pTagInfo->tagName, pTagInfo->tagSize,
                 pTagInfo->pTag);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkDebugMarkerSetObjectNameEXT(VkDevice device, const VkDebugMarkerObjectNameInfoEXT* pNameInfo) noexcept {
  return set_name(device, object_type(pNameInfo->objectType), pNameInfo->object, pNameInfo->pObjectName);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkDebugMarkerSetObjectTagEXT(VkDevice device, const VkDebugMarkerObjectTagInfoEXT* pTagInfo) noexcept {
  return set_tag(device, object_type(pTagInfo->objectType), pTagInfo->object, pTagInfo->tagName,
                 pTagInfo->tagSize, pTagInfo->pTag);
}

VKAPI_ATTR void VKAPI_CALL vkQueueBeginDebugUtilsLabelEXT(VkQueue queue,
                                                          const VkDebugUtilsLabelEXT* pLabelInfo) noexcept {
  if (takes_labels(queue)) post_vkQueueBeginDebugUtilsLabelEXT(Channel::of(queue), queue, pLabelInfo);
}

VKAPI_ATTR void VKAPI_CALL vkQueueEndDebugUtilsLabelEXT(VkQueue queue) noexcept {
  if (takes_labels(queue)) post_vkQueueEndDebugUtilsLabelEXT(Channel::of(queue), queue);
}

VKAPI_ATTR void VKAPI_CALL vkQueueInsertDebugUtilsLabelEXT(VkQueue queue,
                                                           const VkDebugUtilsLabelEXT* pLabelInfo) noexcept {
  if (takes_labels(queue)) post_vkQueueInsertDebugUtilsLabelEXT(Channel::of(queue), queue, pLabelInfo);
}

VKAPI_ATTR void VKAPI_CALL vkCmdBeginDebugUtilsLabelEXT(VkCommandBuffer commandBuffer,
                                                        const VkDebugUtilsLabelEXT* pLabelInfo) noexcept {
  if (takes_labels(commandBuffer)) {
    encode_vkCmdBeginDebugUtilsLabelEXT(CommandBuffer::from(commandBuffer).writer(), pLabelInfo);
  }
}

VKAPI_ATTR void VKAPI_CALL vkCmdEndDebugUtilsLabelEXT(VkCommandBuffer commandBuffer) noexcept {
  if (takes_labels(commandBuffer)) {
    encode_vkCmdEndDebugUtilsLabelEXT(CommandBuffer::from(commandBuffer).writer());
  }
}

VKAPI_ATTR void VKAPI_CALL vkCmdInsertDebugUtilsLabelEXT(VkCommandBuffer commandBuffer,
                                                         const VkDebugUtilsLabelEXT* pLabelInfo) noexcept {
  if (takes_labels(commandBuffer)) {
    encode_vkCmdInsertDebugUtilsLabelEXT(CommandBuffer::from(commandBuffer).writer(), pLabelInfo);
  }
}

}  // namespace entry
}  // namespace viaduct::guest
