#include "host-renderer/worker/debug_messages.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "generated/host/overrides.hpp"
#include "generated/protocol/vulkan_object_type.hpp"
#include "host-renderer/objects/objects.hpp"
#include "host-renderer/worker/session.hpp"

namespace viaduct::host {

using protocol::DebugMessage;
using protocol::ObjectId;
using protocol::ObjectType;

namespace {

constexpr VkFlags kAllSeverities =
    VK_DEBUG_UTILS_MESSAGE_SEVERITY_VERBOSE_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT |
    VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
constexpr VkFlags kAllTypes = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                              VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                              VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT types,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  auto* mailbox = static_cast<Mailbox*>(user);
  mailbox->owner->add(*mailbox, static_cast<VkFlags>(severity), types, *data);
  return VK_FALSE;
}

bool is_loaders(const VkDebugUtilsMessengerCallbackDataEXT& data) noexcept {
  return data.pMessageIdName != nullptr && std::strcmp(data.pMessageIdName, "Loader Message") == 0;
}

// The guest's id of a driver's handle; 0 where there is none. Messages are rare, objects may be many.
ObjectId id_of_handle(const ObjectTables& objects, VkObjectType type, std::uint64_t handle) noexcept {
  const ObjectType ours = protocol::object_type_of(type);
  if (ours == ObjectType::kNone || handle == 0) return 0;
  const protocol::HandleTable& table = objects.tables().of(ours);
  std::uint32_t index = 0;
  for (; const protocol::HandleSlot* slot = table.at(index); ++index) {
    if (slot->driver == handle && (slot->flags & protocol::kSlotAlive) != 0) {
      return protocol::make_id(ours, std::uint64_t{slot->generation} << 32 | index);
    }
  }
  return 0;
}

std::size_t size_of(const DebugMessage& message) {
  protocol::SizeCounter counter;
  protocol::write_debug_message(counter, message);
  return counter.size();
}

}  // namespace

std::shared_ptr<Mailbox> DebugMessages::find(ObjectId instance) {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(instance);
  return found != mailboxes_.end() ? found->second : nullptr;
}

void DebugMessages::listen(ObjectId id, Instance* instance, VkFlags severities, VkFlags types) {
  std::shared_ptr<Mailbox> mailbox;
  {
    const std::lock_guard lock(mutex_);
    decode_thread_ = std::this_thread::get_id();
    const bool wanted = (severities & kAllSeverities) != 0 && (types & kAllTypes) != 0;
    auto found = mailboxes_.find(id);
    if (!wanted && instance == nullptr && found != mailboxes_.end()) {
      forget_all(*found->second);
      mailboxes_.erase(found);
    }
    if (wanted && found == mailboxes_.end() && mailboxes_.size() < kMaxMailboxes) {
      found = mailboxes_.emplace(id, std::make_shared<Mailbox>(*this)).first;
    }
    if (!wanted && instance == nullptr) return;
    if (found == mailboxes_.end()) return;
    mailbox = found->second;
  }
  mailbox->severities.store(severities & kAllSeverities, std::memory_order_relaxed);
  mailbox->types.store(types & kAllTypes, std::memory_order_relaxed);
  if (instance != nullptr) {
    instance->mailbox = mailbox;
    hear(*instance);
  }
}

VkDebugUtilsMessengerCreateInfoEXT DebugMessages::messenger_info(Mailbox& mailbox,
                                                                 VkFlags severities) noexcept {
  VkDebugUtilsMessengerCreateInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  info.messageSeverity = severities;
  info.messageType = kAllTypes;  // add() looks at what is wanted now
  info.pfnUserCallback = on_message;
  info.pUserData = &mailbox;
  return info;
}

void DebugMessages::hear(Instance& instance) {
  const VkFlags wanted = instance.mailbox != nullptr ? instance.mailbox->severities.load() : 0;
  const VkFlags more = wanted & ~instance.heard_severities;
  if (more == 0 || !instance.debug_utils || instance.table.vkCreateDebugUtilsMessengerEXT == nullptr) return;
  const VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(*instance.mailbox, more);
  VkDebugUtilsMessengerEXT made = VK_NULL_HANDLE;
  if (instance.table.vkCreateDebugUtilsMessengerEXT(instance.handle, &info, nullptr, &made) == VK_SUCCESS) {
    instance.guest_messengers.push_back(made);
    instance.heard_severities |= more;
  }
}

void DebugMessages::stop_hearing(Instance& instance) noexcept {
  for (const VkDebugUtilsMessengerEXT messenger : instance.guest_messengers) {
    instance.table.vkDestroyDebugUtilsMessengerEXT(instance.handle, messenger, nullptr);
  }
  instance.guest_messengers.clear();
  instance.heard_severities = 0;
}

void DebugMessages::add(Mailbox& mailbox, VkFlags severity, VkFlags types,
                        const VkDebugUtilsMessengerCallbackDataEXT& data) noexcept {
  const bool wanted = (severity & mailbox.severities.load(std::memory_order_relaxed)) != 0 &&
                      (types & mailbox.types.load(std::memory_order_relaxed)) != 0;
  if (!wanted || is_loaders(data)) return;
  const std::lock_guard lock(mutex_);
  try {
    Mailbox::Kept kept{DebugMessage::copy(severity, types, data), false, 0};
    if (std::this_thread::get_id() == decode_thread_) translate(kept);
    kept.bytes = size_of(kept.message);
    if (kept_messages_ >= kMaxMessages || kept_bytes_ + kept.bytes > kMaxBytes) {
      ++mailbox.dropped;
    } else {
      const std::size_t bytes = kept.bytes;
      mailbox.kept.push_back(std::move(kept));
      ++kept_messages_;
      kept_bytes_ += bytes;
    }
  } catch (const std::bad_alloc&) {
    ++mailbox.dropped;
  }
  memory_.tell_messages(++told_);
}

void DebugMessages::translate(Mailbox::Kept& kept) const {
  DebugMessage& message = kept.message;
  for (DebugMessage::Object& object : message.objects) {
    const ObjectId id = id_of_handle(objects_, object.type, object.id);
    // An unknown one is the host's own: its address stays here.
    if (object.id != 0) protocol::replace_handle(message.text, object.id, id);
    object.id = id;
  }
  // The text may have grown by that.
  if (message.text.size() > DebugMessage::kMaxText) message.text.resize(DebugMessage::kMaxText);
  std::erase_if(message.objects, [](const DebugMessage::Object& object) { return object.id == 0; });
  kept.translated = true;
}

void DebugMessages::forget_all(Mailbox& mailbox) noexcept {
  for (const Mailbox::Kept& kept : mailbox.kept) kept_bytes_ -= kept.bytes;
  kept_messages_ -= mailbox.kept.size();
  mailbox.kept.clear();
  mailbox.dropped = 0;
}

DebugMessages::Taken DebugMessages::take(ObjectId instance, std::byte* to, std::size_t capacity) {
  Taken taken;
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(instance);
  if (found == mailboxes_.end()) return taken;
  Mailbox& mailbox = *found->second;
  protocol::Writer writer(to);
  while (!mailbox.kept.empty()) {
    Mailbox::Kept& first = mailbox.kept.front();
    if (!first.translated) translate(first);
    const std::size_t size = size_of(first.message);
    if (size > capacity - writer.size()) {
      if (writer.size() != 0 || capacity >= DebugMessage::kMaxBytes) break;
      ++mailbox.dropped;  // it fits no buffer of this guest
    } else {
      protocol::write_debug_message(writer, first.message);
    }
    kept_bytes_ -= first.bytes;
    --kept_messages_;
    mailbox.kept.pop_front();
  }
  taken.size = writer.size();
  taken.remaining = static_cast<std::uint32_t>(mailbox.kept.size());
  taken.dropped = mailbox.dropped;
  mailbox.dropped = 0;
  return taken;
}

void on_viaductListen(CommandContext& ctx, protocol::viaductListen_args& a) {
  try {
    ctx.session.messages().listen(a.instance, ctx.instance_of(a.instance), a.severities, a.types);
  } catch (const std::bad_alloc&) {
    // Nothing is heard then.
  }
}

void on_viaductTakeMessages(CommandContext& ctx, protocol::viaductTakeMessages_args& a) {
  const std::size_t capacity = a.pData != nullptr ? *a.pDataSize : 0;
  const DebugMessages::Taken taken =
      ctx.session.messages().take(a.instance, static_cast<std::byte*>(a.pData), capacity);
  *a.pDataSize = taken.size;
  *a.pRemaining = taken.remaining;
  *a.pDropped = taken.dropped;
}

}  // namespace viaduct::host
