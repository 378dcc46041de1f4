#include "guest-icd/objects/host_messages.hpp"

#include <memory>
#include <new>
#include <string>

#include "generated/guest/calls.hpp"
#include "generated/protocol/vulkan_object_type.hpp"
#include "guest-icd/objects/object_tables.hpp"
#include "protocol/wire/debug_message.hpp"
#include "transport/wait/atomics.hpp"

namespace viaduct::guest {

using protocol::DebugMessage;
using protocol::ObjectType;

namespace {

constexpr std::size_t kBatchBytes = 15 * 1024;  // fits a reply slot
static_assert(kBatchBytes >= DebugMessage::kMaxBytes && kBatchBytes + 64 <= transport::kReplyPayload);

std::uint64_t bits(const void* handle) noexcept { return reinterpret_cast<std::uintptr_t>(handle); }

std::uint64_t physical_device_handle(Instance& instance, std::uint64_t id) noexcept {
  const std::lock_guard lock(instance.enumeration_mutex);
  for (const auto& physical : instance.physical_devices) {
    if (physical->header.id == id) return bits(physical->handle());
  }
  return 0;
}

// The application's handle of an object of the host; 0 for one that it does not have (any more).
std::uint64_t guest_handle(Instance& instance, VkObjectType type, std::uint64_t id) noexcept {
  const ObjectType ours = protocol::object_type_of(type);
  if (ours == ObjectType::kNone || protocol::id_type(id) != ours) return 0;
  switch (ours) {
    case ObjectType::kInstance:
      return id == instance.header.id ? bits(instance.handle()) : 0;
    case ObjectType::kPhysicalDevice:
      return physical_device_handle(instance, id);
    case ObjectType::kDevice:
    case ObjectType::kQueue:
    case ObjectType::kCommandBuffer:
      return instance.session->objects().named.handle(id);
    default:
      return id;
  }
}

void translate(Instance& instance, DebugMessage& message) {
  for (DebugMessage::Object& object : message.objects) {
    const std::uint64_t handle = guest_handle(instance, object.type, object.id);
    if (handle != object.id) protocol::replace_handle(message.text, object.id, handle);
    object.id = handle;
  }
  std::erase_if(message.objects, [](const DebugMessage::Object& object) { return object.id == 0; });
}

void tell_dropped(DebugMessengers& to, std::uint32_t count) {
  DebugMessage message;
  message.severity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
  message.types = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT;
  message.id_name = "viaduct";
  message.text = std::to_string(count) + " messages of the host found no room and are not told";
  to.tell(message);
}

void deliver(Instance& instance, DebugMessengers& to) {
  auto buffer = std::make_unique<std::uint64_t[]>(kBatchBytes / 8);
  for (std::uint32_t remaining = 1; remaining != 0;) {
    std::uint32_t dropped = 0;
    std::size_t size = kBatchBytes;
    remaining = 0;
    call_viaductTakeMessages(*instance.channel, instance.header.id, &remaining, &dropped, &size,
                             buffer.get());
    protocol::Reader reader({reinterpret_cast<const std::byte*>(buffer.get()), std::min(size, kBatchBytes)});
    DebugMessage message;
    while (protocol::read_debug_message(reader, message)) {
      translate(instance, message);
      to.tell(message);
    }
    if (dropped != 0) tell_dropped(to, dropped);
    if (size == 0) break;
  }
}

}  // namespace

void listen_to_host(Instance& instance, const DebugInterest& wanted) noexcept {
  HostListening& state = instance.listening;
  const std::lock_guard lock(state.mutex);
  if (wanted == state.told) return;
  state.told = wanted;
  state.ever = true;
  post_viaductListen(*instance.channel, instance.header.id, wanted.severities, wanted.types);
  state.any.store(wanted.severities != 0, std::memory_order_relaxed);
}

void deliver_host_messages(Instance& instance, DebugMessengers& to) noexcept {
  // Before they are fetched: what comes meanwhile is looked for again.
  const std::uint32_t count = transport::load_acquire(instance.session->region().host().messages);
  try {
    deliver(instance, to);
  } catch (const std::bad_alloc&) {
    // What was fetched and not told is lost.
  }
  instance.listening.seen.store(count, std::memory_order_relaxed);
}

void HearsHost::hear() noexcept {
  HostListening& state = instance_->listening;
  if (!state.any.load(std::memory_order_relaxed)) return;
  const std::uint32_t count = transport::load_relaxed(instance_->session->region().host().messages);
  if (when_ == HearWhen::kAny && count == state.seen.load(std::memory_order_relaxed)) return;
  deliver_host_messages(*instance_, instance_->messengers);
}

}  // namespace viaduct::guest
