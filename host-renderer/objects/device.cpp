#include "base/log.hpp"
#include "generated/host/overrides.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/objects/extensions.hpp"
#include "host-renderer/queue/device_waits.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"

#include <algorithm>
#include <span>
#include <string_view>

namespace viaduct::host {

using protocol::ObjectId;
using protocol::ObjectType;

namespace {

VkQueue driver_queue(const Device& device, const protocol::viaductGetDeviceQueue_args& a) noexcept {
  VkQueue queue = VK_NULL_HANDLE;
  if (a.flags == 0) {
    device.table.vkGetDeviceQueue(device.handle, a.queueFamilyIndex, a.queueIndex, &queue);
  } else if (device.table.vkGetDeviceQueue2 != nullptr) {
    VkDeviceQueueInfo2 info{};
    info.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2;
    info.flags = a.flags;
    info.queueFamilyIndex = a.queueFamilyIndex;
    info.queueIndex = a.queueIndex;
    device.table.vkGetDeviceQueue2(device.handle, &info, &queue);
  }
  return queue;
}

}  // namespace

void on_vkCreateDevice(CommandContext& ctx, protocol::vkCreateDevice_args& a) {
  const ObjectId id = *a.pDevice_ids;
  PhysicalDevice& physical = *ctx.physical_device_of(a.physicalDevice_id);
  const InstanceTable& table = physical.instance->table;
  const std::vector<const char*> extensions = host_device_extensions(
      physical, {a.pCreateInfo->ppEnabledExtensionNames, a.pCreateInfo->enabledExtensionCount});
  VkDeviceCreateInfo info = *a.pCreateInfo;
  info.enabledLayerCount = 0;
  info.ppEnabledLayerNames = nullptr;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();

  auto device = std::make_unique<Device>();
  device->physical = &physical;
  device->id = id;
  a.result = physical.instance->devices.size() < kMaxDevices
                 ? table.vkCreateDevice(physical.handle, &info, nullptr, &device->handle)
                 : VK_ERROR_TOO_MANY_OBJECTS;
  if (a.result != VK_SUCCESS) {
    VIADUCT_LOG_INFO("object", "vkCreateDevice on the host: VkResult %d", a.result);
    ctx.objects().insert_failed(ObjectType::kDevice, id);
    return;
  }
  device->table.load(ctx.session.driver().get_device_proc(physical.instance->handle), device->handle);
  const std::span asked(a.pCreateInfo->ppEnabledExtensionNames, a.pCreateInfo->enabledExtensionCount);
  device->external_memory_fd =
      device->table.vkGetMemoryFdKHR != nullptr &&
      std::find(asked.begin(), asked.end(), std::string_view(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME)) !=
          asked.end();
  device->waits = std::make_unique<DeviceWaits>();
  if (ctx.session.options().publisher != nullptr) {
    device->shadow->publish_with(*ctx.session.options().publisher);
  }
  if (!ctx.objects().insert(ObjectType::kDevice, id, driver_bits(device->handle), device.get())) {
    device->table.vkDestroyDevice(device->handle, nullptr);
    a.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    return;
  }
  ctx.session.stats().memory_mode.store(static_cast<std::uint64_t>(physical.mode), std::memory_order_relaxed);
  *a.pDevice = device->handle;
  physical.instance->devices.push_back(std::move(device));
}

void on_vkDestroyDevice(CommandContext& ctx, protocol::vkDestroyDevice_args& a) {
  if (Device* device = ctx.objects().object<Device>(ObjectType::kDevice, a.device_id)) {
    ctx.session.drop(*device);
  } else {
    ctx.objects().erase(ObjectType::kDevice, a.device_id);
  }
}

void on_viaductGetDeviceQueue(CommandContext& ctx, protocol::viaductGetDeviceQueue_args& a) {
  Device& device = *ctx.device;
  const ObjectId id = *a.pQueue_ids;
  if (!ctx.session.take_completion_slot(a.completionSlot)) {
    ctx.decoder.fail("completion slot in use or out of range");
    return;
  }
  auto queue = std::make_unique<Queue>();
  queue->device = &device;
  queue->id = id;
  queue->handle = driver_queue(device, a);
  queue->completion =
      std::make_unique<CompletionThread>(device, ctx.session, a.completionSlot, a.initialValue);
  if (queue->handle == VK_NULL_HANDLE || queue->completion->status() != VK_SUCCESS) {
    VIADUCT_LOG_ERROR("queue", "queue %u of family %u cannot be used: VkResult %d", a.queueIndex,
                      a.queueFamilyIndex, queue->completion->status());
    ctx.objects().insert_failed(ObjectType::kQueue, id);
    ctx.session.fail(a.completionSlot, VK_ERROR_DEVICE_LOST);
  } else {
    ctx.objects().insert(ObjectType::kQueue, id, driver_bits(queue->handle), queue.get());
  }
  device.queues.push_back(std::move(queue));
}

namespace {

// These have an internal command in their place; only a guest that is not ours sends them.
template <class Args>
void refuse(CommandContext& ctx, Args&) {
  ctx.decoder.fail("a command that the guest's driver answers itself");
}

}  // namespace

void on_vkEnumeratePhysicalDeviceGroups(CommandContext& ctx,
                                        protocol::vkEnumeratePhysicalDeviceGroups_args& a) {
  refuse(ctx, a);
}
void on_vkGetDeviceQueue(CommandContext& ctx, protocol::vkGetDeviceQueue_args& a) { refuse(ctx, a); }
void on_vkGetDeviceQueue2(CommandContext& ctx, protocol::vkGetDeviceQueue2_args& a) { refuse(ctx, a); }
void on_vkQueueSubmit(CommandContext& ctx, protocol::vkQueueSubmit_args& a) { refuse(ctx, a); }
void on_vkQueueSubmit2(CommandContext& ctx, protocol::vkQueueSubmit2_args& a) { refuse(ctx, a); }
void on_vkQueueWaitIdle(CommandContext& ctx, protocol::vkQueueWaitIdle_args& a) { refuse(ctx, a); }
void on_vkDeviceWaitIdle(CommandContext& ctx, protocol::vkDeviceWaitIdle_args& a) { refuse(ctx, a); }
void on_vkQueueBindSparse(CommandContext& ctx, protocol::vkQueueBindSparse_args& a) { refuse(ctx, a); }
void on_vkQueuePresentKHR(CommandContext& ctx, protocol::vkQueuePresentKHR_args& a) { refuse(ctx, a); }
void on_vkCreateFence(CommandContext& ctx, protocol::vkCreateFence_args& a) { refuse(ctx, a); }
void on_vkDestroyFence(CommandContext& ctx, protocol::vkDestroyFence_args& a) { refuse(ctx, a); }
void on_vkResetFences(CommandContext& ctx, protocol::vkResetFences_args& a) { refuse(ctx, a); }
void on_vkGetFenceStatus(CommandContext& ctx, protocol::vkGetFenceStatus_args& a) { refuse(ctx, a); }
void on_vkWaitForFences(CommandContext& ctx, protocol::vkWaitForFences_args& a) { refuse(ctx, a); }
void on_viaductFetchReply(CommandContext& ctx, protocol::viaductFetchReply_args& a) { refuse(ctx, a); }

}  // namespace viaduct::host
