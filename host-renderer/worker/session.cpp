#include "host-renderer/worker/session.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "host-renderer/memory/shadow.hpp"
#include "host-renderer/objects/command_pool.hpp"
#include "host-renderer/objects/descriptor_pool.hpp"
#include "host-renderer/queue/device_waits.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/recorders.hpp"

#include <algorithm>
#include <utility>

namespace viaduct::host {

using protocol::ObjectType;

Device::Device() : shadow(std::make_unique<Shadow>()) {}
Device::~Device() = default;

ObjectTables& CommandContext::objects() const noexcept { return session.objects(); }

Instance* CommandContext::instance_of(protocol::ObjectId id) const noexcept {
  return objects().object<Instance>(ObjectType::kInstance, id);
}

PhysicalDevice* CommandContext::physical_device_of(protocol::ObjectId id) const noexcept {
  return objects().object<PhysicalDevice>(ObjectType::kPhysicalDevice, id);
}

Queue* CommandContext::queue_of(protocol::ObjectId id) const noexcept {
  return objects().object<Queue>(ObjectType::kQueue, id);
}

CommandBuffer* CommandContext::command_buffer_of(protocol::ObjectId id) const noexcept {
  return objects().object<CommandBuffer>(ObjectType::kCommandBuffer, id);
}

Device* CommandContext::device_of(protocol::ObjectId id) const noexcept {
  switch (protocol::id_type(id)) {
    case ObjectType::kDevice:
      return objects().object<Device>(ObjectType::kDevice, id);
    case ObjectType::kQueue: {
      const Queue* queue = queue_of(id);
      return queue != nullptr ? queue->device : nullptr;
    }
    case ObjectType::kCommandBuffer: {
      const CommandBuffer* buffer = command_buffer_of(id);
      return buffer != nullptr ? buffer->device : nullptr;
    }
    default:
      return nullptr;
  }
}

void CommandContext::finish_recording(const CommandPool& pool) const noexcept {
  if (recorders != nullptr && recorders->busy()) recorders->wait_for(pool);
}

void CommandContext::log_failure(const char* command, VkResult result) const noexcept {
  VIADUCT_LOG_WARN("decode", "%s on the host: VkResult %d", command, result);
}

void CommandContext::posted_failed(const char* command, VkResult result) const noexcept {
  log_failure(command, result);
  if (device != nullptr) {
    session.lose(*device, "a command failed whose result nobody waited for");
  }
}

void CommandContext::spoil_command_buffer() const {
  session.invalid_command_buffers().insert(command_buffer->handle);
}

Session::Session(const Driver& driver, GuestMemory& memory, StatsPage& stats, SessionOptions options)
    : driver_(driver),
      memory_(memory),
      stats_(stats),
      options_(std::move(options)),
      objects_(options_.max_objects),
      messages_(memory_, objects_),
      waiters_(std::make_unique<Waiters>()) {
  objects_.set_pending(compile_threads_);
  stats_.status.store(static_cast<std::uint64_t>(SessionState::running), std::memory_order_relaxed);
}

Session::~Session() {
  waiters_.reset();
  payloads_.clear();
  while (!instances_.empty()) {
    drop(*instances_.back());
  }
}

void Session::drop(Instance& instance) noexcept {
  while (!instance.devices.empty()) {
    drop(*instance.devices.back());
  }
  Validation::close(instance.table, instance.handle, instance.messenger);
  DebugMessages::stop_hearing(instance);
  instance.table.vkDestroyInstance(instance.handle, nullptr);
  // Not before: messages of the destruction speak of them.
  for (const auto& physical : instance.physical_devices) {
    objects_.erase(ObjectType::kPhysicalDevice, physical->id);
  }
  objects_.erase(ObjectType::kInstance, instance.id);
  std::erase_if(instances_, [&](const auto& owned) { return owned.get() == &instance; });
}

void Session::drop(Device& device) noexcept {
  // Blocking calls of this device give up; a guest that destroys a device which it waits on loses nothing
  // else.
  compile_threads_.drain();
  watch_.let_go();
  device.lost.store(true, std::memory_order_relaxed);
  device.waits->abandon();
  for (const auto& queue : device.queues) {
    objects_.erase(ObjectType::kQueue, queue->id);
    if (queue->completion) {
      completion_slots_.reset(queue->completion->slot());
    }
  }
  device.queues.clear();
  while (!device.command_pools.empty()) {
    drop_command_pool(*this, *device.command_pools.back());
  }
  while (!device.descriptor_pools.empty()) {
    drop_descriptor_pool(*this, *device.descriptor_pools.back());
  }
  device.shadow.reset();
  for (const auto& memory : device.memories) {
    objects_.erase(ObjectType::kDeviceMemory, memory->id);
    free_memory(*this, device, *memory);
  }
  device.memories.clear();
  device.table.vkDestroyDevice(device.handle, nullptr);
  objects_.erase(ObjectType::kDevice, device.id);
  std::erase_if(device.physical->instance->devices,
                [&](const auto& owned) { return owned.get() == &device; });
}

bool Session::take_completion_slot(std::uint32_t slot) noexcept {
  if (slot >= completion_slots_.size() || completion_slots_.test(slot)) {
    return false;
  }
  completion_slots_.set(slot);
  return true;
}

bool Session::take_device_memory(std::uint64_t bytes) noexcept {
  const std::uint64_t limit = options_.device_memory_bytes;
  if (limit != 0 && (bytes > limit || device_memory_used_ > limit - bytes)) {
    return false;
  }
  device_memory_used_ += bytes;
  stats_.device_memory_bytes.store(device_memory_used_, std::memory_order_relaxed);
  return true;
}

void Session::give_device_memory(std::uint64_t bytes) noexcept {
  device_memory_used_ -= std::min(bytes, device_memory_used_);
  stats_.device_memory_bytes.store(device_memory_used_, std::memory_order_relaxed);
}

void Session::guest_to_driver(Device& device) noexcept {
  if (!shares_mappings_) {
    device.shadow->guest_to_driver();
    return;
  }
  for (const auto& instance : instances_) {
    for (const auto& each : instance->devices) each->shadow->guest_to_driver();
  }
}

void Session::count_arena(std::int64_t bytes) noexcept {
  arena_used_ += static_cast<std::uint64_t>(bytes);
  stats_.arena_bytes.store(arena_used_, std::memory_order_relaxed);
}

void Session::count_present() noexcept {
  const std::uint64_t now = now_ns();
  host::count_present(stats_, std::exchange(last_present_ns_, now), now);
}

void Session::lose(Queue& queue, const char* why) noexcept { lose(*queue.device, why); }

void Session::lose(Device& device, const char* why) noexcept {
  if (!device.lost.load(std::memory_order_relaxed)) {
    VIADUCT_LOG_ERROR("queue", "device lost: %s", why);
  }
  device.lost.store(true, std::memory_order_relaxed);
  // Every queue of the device: a guest may be waiting on any of them.
  for (const auto& other : device.queues) {
    if (other->completion) {
      fail(other->completion->slot(), VK_ERROR_DEVICE_LOST);
    }
  }
}

void Session::before_completion(Device& device) noexcept { device.shadow->driver_to_guest(); }

void Session::complete(std::uint32_t slot, std::uint64_t value) noexcept { memory_.complete(slot, value); }

void Session::fail(std::uint32_t slot, VkResult result) noexcept {
  stats_.status.store(static_cast<std::uint64_t>(SessionState::device_lost), std::memory_order_relaxed);
  memory_.fail(slot, result);
}

}  // namespace viaduct::host
