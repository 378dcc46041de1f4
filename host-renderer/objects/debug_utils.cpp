// Names, tags and labels that the guest forwards for people and their tools. They change nothing that is
// drawn, so whatever is wrong with one (an object that is gone, a type that lives in the guest, no function
// to take it) leaves it out and nothing else. A guest cannot fill the worker's memory with them: names and
// tags have a greatest length, a queue a greatest depth of open labels.
#include "generated/host/overrides.hpp"
#include "generated/protocol/vulkan_object_type.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <cstring>
#include <string>

namespace viaduct::host {

using protocol::ObjectId;
using protocol::ObjectType;

namespace {

constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxTag = 4096;
constexpr std::uint32_t kMaxOpenLabels = 64;  // of a queue

// Of the guest's instances, those without VK_EXT_debug_utils have no functions for this, whatever a table
// says.
const DeviceTable* debug_functions(const CommandContext& ctx) noexcept {
  const bool enabled = ctx.device != nullptr && ctx.device->physical->instance->debug_utils;
  return enabled ? &ctx.device->table : nullptr;
}

// What the loader unwraps must be the device's own.
bool is_relative(const CommandContext& ctx, ObjectType type, ObjectId id) noexcept {
  switch (type) {
    case ObjectType::kInstance:
      return ctx.device->physical->instance->id == id;
    case ObjectType::kPhysicalDevice:
      return ctx.device->physical->id == id;
    case ObjectType::kDevice:
    case ObjectType::kQueue:
    case ObjectType::kCommandBuffer:
      return ctx.device_of(id) == ctx.device;
    default:
      return true;
  }
}

// The driver's handle; 0: leave it.
std::uint64_t named_object(const CommandContext& ctx, VkObjectType vulkan_type, ObjectId id) noexcept {
  const ObjectType type = protocol::object_type_of(vulkan_type);
  const protocol::HandleSlot* slot = type == ObjectType::kNone ? nullptr : ctx.objects().find(type, id);
  return slot != nullptr && is_relative(ctx, type, id) ? slot->driver : 0;
}

}  // namespace

void on_viaductGetInstanceInfo(CommandContext& ctx, protocol::viaductGetInstanceInfo_args& a) {
  const Instance* instance = ctx.instance_of(a.instance_id);
  *a.pDebugUtils = instance != nullptr && instance->debug_utils ? VK_TRUE : VK_FALSE;
}

void on_viaductSetObjectName(CommandContext& ctx, protocol::viaductSetObjectName_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  const std::uint64_t object = table != nullptr ? named_object(ctx, a.objectType, a.object) : 0;
  if (object == 0 || table->vkSetDebugUtilsObjectNameEXT == nullptr) {
    return;
  }
  const std::string name(a.pName != nullptr ? a.pName : "",
                         a.pName != nullptr ? ::strnlen(a.pName, kMaxName) : 0);
  VkDebugUtilsObjectNameInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
  info.objectType = a.objectType;
  info.objectHandle = object;
  info.pObjectName = a.pName != nullptr ? name.c_str() : nullptr;
  (void)table->vkSetDebugUtilsObjectNameEXT(a.device, &info);
}

void on_viaductSetObjectTag(CommandContext& ctx, protocol::viaductSetObjectTag_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  const std::uint64_t object = table != nullptr ? named_object(ctx, a.objectType, a.object) : 0;
  if (object == 0 || table->vkSetDebugUtilsObjectTagEXT == nullptr || a.pTag == nullptr || a.tagSize == 0 ||
      a.tagSize > kMaxTag) {
    return;
  }
  VkDebugUtilsObjectTagInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_TAG_INFO_EXT;
  info.objectType = a.objectType;
  info.objectHandle = object;
  info.tagName = a.tagName;
  info.tagSize = a.tagSize;
  info.pTag = a.pTag;
  (void)table->vkSetDebugUtilsObjectTagEXT(a.device, &info);
}

void on_vkQueueBeginDebugUtilsLabelEXT(CommandContext& ctx,
                                       protocol::vkQueueBeginDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  Queue* queue = ctx.queue_of(a.queue_id);
  if (table == nullptr || queue == nullptr || table->vkQueueBeginDebugUtilsLabelEXT == nullptr) {
    return;
  }
  // Counted beyond the limit too, so that every end still meets its own beginning.
  if (queue->open_labels++ < kMaxOpenLabels) {
    table->vkQueueBeginDebugUtilsLabelEXT(a.queue, a.pLabelInfo);
  }
}

void on_vkQueueEndDebugUtilsLabelEXT(CommandContext& ctx, protocol::vkQueueEndDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  Queue* queue = ctx.queue_of(a.queue_id);
  if (table == nullptr || queue == nullptr || table->vkQueueEndDebugUtilsLabelEXT == nullptr ||
      queue->open_labels == 0) {
    return;
  }
  if (--queue->open_labels < kMaxOpenLabels) {
    table->vkQueueEndDebugUtilsLabelEXT(a.queue);
  }
}

void on_vkQueueInsertDebugUtilsLabelEXT(CommandContext& ctx,
                                        protocol::vkQueueInsertDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  if (table != nullptr && table->vkQueueInsertDebugUtilsLabelEXT != nullptr) {
    table->vkQueueInsertDebugUtilsLabelEXT(a.queue, a.pLabelInfo);
  }
}

void on_vkCmdBeginDebugUtilsLabelEXT(CommandContext& ctx, protocol::vkCmdBeginDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  if (table != nullptr && table->vkCmdBeginDebugUtilsLabelEXT != nullptr) {
    table->vkCmdBeginDebugUtilsLabelEXT(a.commandBuffer, a.pLabelInfo);
  }
}

void on_vkCmdEndDebugUtilsLabelEXT(CommandContext& ctx, protocol::vkCmdEndDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  if (table != nullptr && table->vkCmdEndDebugUtilsLabelEXT != nullptr) {
    table->vkCmdEndDebugUtilsLabelEXT(a.commandBuffer);
  }
}

void on_vkCmdInsertDebugUtilsLabelEXT(CommandContext& ctx, protocol::vkCmdInsertDebugUtilsLabelEXT_args& a) {
  const DeviceTable* table = debug_functions(ctx);
  if (table != nullptr && table->vkCmdInsertDebugUtilsLabelEXT != nullptr) {
    table->vkCmdInsertDebugUtilsLabelEXT(a.commandBuffer, a.pLabelInfo);
  }
}

}  // namespace viaduct::host
