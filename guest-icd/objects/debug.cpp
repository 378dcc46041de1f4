#include <algorithm>
#include <new>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/debug_messenger.hpp"
#include "guest-icd/objects/host_messages.hpp"
#include "guest-icd/objects/instance.hpp"
#include "protocol/wire/debug_message.hpp"

namespace viaduct::guest {

VkResult DebugMessengers::add(const VkDebugUtilsMessengerCreateInfoEXT& info,
                              VkDebugUtilsMessengerEXT* out) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    messengers_.push_back(std::make_unique<VkDebugUtilsMessengerCreateInfoEXT>(info));
    *out = reinterpret_cast<VkDebugUtilsMessengerEXT>(messengers_.back().get());
    return VK_SUCCESS;
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

void DebugMessengers::remove(VkDebugUtilsMessengerEXT handle) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(messengers_, [&](const auto& entry) {
    return reinterpret_cast<VkDebugUtilsMessengerEXT>(entry.get()) == handle;
  });
}

void DebugMessengers::submit(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                             VkDebugUtilsMessageTypeFlagsEXT types,
                             const VkDebugUtilsMessengerCallbackDataEXT* data) noexcept {
  for (std::size_t i = 0;; ++i) {
    std::unique_lock lock(mutex_);
    if (i >= messengers_.size()) return;
    const VkDebugUtilsMessengerCreateInfoEXT entry = *messengers_[i];
    lock.unlock();
    if ((entry.messageSeverity & static_cast<VkFlags>(severity)) == 0 || (entry.messageType & types) == 0)
      continue;
    entry.pfnUserCallback(severity, types, data, entry.pUserData);
  }
}

VkResult DebugMessengers::add(const VkDebugReportCallbackCreateInfoEXT& info,
                              VkDebugReportCallbackEXT* out) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    callbacks_.push_back(std::make_unique<VkDebugReportCallbackCreateInfoEXT>(info));
    *out = reinterpret_cast<VkDebugReportCallbackEXT>(callbacks_.back().get());
    return VK_SUCCESS;
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
}

void DebugMessengers::remove(VkDebugReportCallbackEXT handle) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(callbacks_, [&](const auto& entry) {
    return reinterpret_cast<VkDebugReportCallbackEXT>(entry.get()) == handle;
  });
}

void DebugMessengers::report(VkDebugReportFlagsEXT flags, VkDebugReportObjectTypeEXT type,
                             std::uint64_t object, std::size_t location, std::int32_t code,
                             const char* prefix, const char* message) noexcept {
  for (std::size_t i = 0;; ++i) {
    std::unique_lock lock(mutex_);
    if (i >= callbacks_.size()) return;
    const VkDebugReportCallbackCreateInfoEXT entry = *callbacks_[i];
    lock.unlock();
    if ((entry.flags & flags) == 0) continue;
    entry.pfnCallback(flags, type, object, location, code, prefix, message, entry.pUserData);
  }
}

void DebugMessengers::add_from_chain(const VkInstanceCreateInfo& info) noexcept {
  for (auto* next = static_cast<const VkBaseInStructure*>(info.pNext); next != nullptr; next = next->pNext) {
    VkDebugUtilsMessengerEXT messenger;
    VkDebugReportCallbackEXT callback;
    if (next->sType == VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT) {
      (void)add(*reinterpret_cast<const VkDebugUtilsMessengerCreateInfoEXT*>(next), &messenger);
    } else if (next->sType == VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT) {
      (void)add(*reinterpret_cast<const VkDebugReportCallbackCreateInfoEXT*>(next), &callback);
    }
  }
}

namespace {

constexpr VkFlags kVerbose = VK_DEBUG_UTILS_MESSAGE_SEVERITY_VERBOSE_BIT_EXT;
constexpr VkFlags kInfo = VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT;
constexpr VkFlags kWarning = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
constexpr VkFlags kError = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
constexpr VkFlags kPerformance = VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
constexpr VkFlags kAllTypes = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                              VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | kPerformance;

DebugInterest interest_of(VkDebugReportFlagsEXT flags) noexcept {
  DebugInterest interest;
  if ((flags & VK_DEBUG_REPORT_ERROR_BIT_EXT) != 0) interest.severities |= kError;
  if ((flags & (VK_DEBUG_REPORT_WARNING_BIT_EXT | VK_DEBUG_REPORT_PERFORMANCE_WARNING_BIT_EXT)) != 0)
    interest.severities |= kWarning;
  if ((flags & VK_DEBUG_REPORT_INFORMATION_BIT_EXT) != 0) interest.severities |= kInfo;
  if ((flags & VK_DEBUG_REPORT_DEBUG_BIT_EXT) != 0) interest.severities |= kVerbose;
  if (interest.severities != 0) interest.types = kAllTypes;
  return interest;
}

VkDebugReportFlagsEXT report_flags(VkFlags severity, VkFlags types) noexcept {
  if ((severity & kError) != 0) return VK_DEBUG_REPORT_ERROR_BIT_EXT;
  if ((severity & kWarning) != 0) {
    return (types & kPerformance) != 0 ? VK_DEBUG_REPORT_PERFORMANCE_WARNING_BIT_EXT
                                       : VK_DEBUG_REPORT_WARNING_BIT_EXT;
  }
  return (severity & kInfo) != 0 ? VK_DEBUG_REPORT_INFORMATION_BIT_EXT : VK_DEBUG_REPORT_DEBUG_BIT_EXT;
}

// The types of VK_EXT_debug_report's time have the same numbers there.
VkDebugReportObjectTypeEXT report_type(VkObjectType type) noexcept {
  const bool same = type <= VK_OBJECT_TYPE_COMMAND_POOL || type >= 1'000'000'000;
  return same ? static_cast<VkDebugReportObjectTypeEXT>(type) : VK_DEBUG_REPORT_OBJECT_TYPE_UNKNOWN_EXT;
}

const char* or_null(const std::string& text) noexcept { return text.empty() ? nullptr : text.c_str(); }

std::vector<VkDebugUtilsLabelEXT> vulkan_labels(const std::vector<protocol::DebugMessage::Label>& labels) {
  std::vector<VkDebugUtilsLabelEXT> list;
  for (const auto& label : labels) {
    VkDebugUtilsLabelEXT& made = list.emplace_back();
    made.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
    made.pLabelName = label.name.c_str();
    std::copy(label.color.begin(), label.color.end(), made.color);
  }
  return list;
}

}  // namespace

DebugInterest DebugMessengers::interest() const noexcept {
  const std::lock_guard lock(mutex_);
  DebugInterest all;
  const auto join = [&all](const DebugInterest& one) {
    all.severities |= one.severities;
    all.types |= one.types;
  };
  for (const auto& entry : messengers_) join({entry->messageSeverity, entry->messageType});
  for (const auto& entry : callbacks_) join(interest_of(entry->flags));
  return all;
}

void DebugMessengers::tell(const protocol::DebugMessage& message) {
  std::vector<VkDebugUtilsObjectNameInfoEXT> objects;
  for (const auto& object : message.objects) {
    objects.push_back({VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, nullptr, object.type, object.id,
                       or_null(object.name)});
  }
  const auto queue_labels = vulkan_labels(message.queue_labels);
  const auto command_labels = vulkan_labels(message.command_labels);
  VkDebugUtilsMessengerCallbackDataEXT data{};
  data.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT;
  data.flags = message.flags;
  data.pMessageIdName = or_null(message.id_name);
  data.messageIdNumber = message.number;
  data.pMessage = message.text.c_str();
  data.queueLabelCount = static_cast<std::uint32_t>(queue_labels.size());
  data.pQueueLabels = queue_labels.data();
  data.cmdBufLabelCount = static_cast<std::uint32_t>(command_labels.size());
  data.pCmdBufLabels = command_labels.data();
  data.objectCount = static_cast<std::uint32_t>(objects.size());
  data.pObjects = objects.data();
  submit(static_cast<VkDebugUtilsMessageSeverityFlagBitsEXT>(message.severity), message.types, &data);
  report(report_flags(message.severity, message.types),
         objects.empty() ? VK_DEBUG_REPORT_OBJECT_TYPE_UNKNOWN_EXT : report_type(objects[0].objectType),
         objects.empty() ? 0 : objects[0].objectHandle, 0, message.number,
         message.id_name.empty() ? "host" : message.id_name.c_str(), message.text.c_str());
}

void tell_creation_failed(const VkInstanceCreateInfo& info, const char* message) noexcept {
  // The order of destruction is no matter: nothing but this call uses the callbacks.
  DebugMessengers listeners;
  listeners.add_from_chain(info);
  VkDebugUtilsMessengerCallbackDataEXT data{};
  data.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT;
  data.pMessageIdName = "viaduct";
  data.pMessage = message;
  listeners.submit(VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
                   &data);
  listeners.report(VK_DEBUG_REPORT_ERROR_BIT_EXT, VK_DEBUG_REPORT_OBJECT_TYPE_INSTANCE_EXT, 0, 0, 0,
                   "viaduct", message);
}

namespace {

void listen_again(Instance& instance) noexcept {
  if (instance.debug_names) listen_to_host(instance, instance.messengers.interest());
}

template <class Info, class Handle>
VkResult add_listener(VkInstance handle, const Info& info, Handle* out) noexcept {
  Instance& instance = *Instance::from(handle);
  const VkResult result = instance.messengers.add(info, out);
  if (result == VK_SUCCESS) listen_again(instance);
  return result;
}

// What the application did before is told to the listener before it goes.
template <class Handle>
void remove_listener(VkInstance handle, Handle listener) noexcept {
  Instance& instance = *Instance::from(handle);
  { const HearsHost hears(instance, HearWhen::kNow); }
  instance.messengers.remove(listener);
  listen_again(instance);
}

}  // namespace

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL
vkCreateDebugUtilsMessengerEXT(VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT* pCreateInfo,
                               const VkAllocationCallbacks*, VkDebugUtilsMessengerEXT* pMessenger) noexcept {
  return add_listener(instance, *pCreateInfo, pMessenger);
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDebugUtilsMessengerEXT(VkInstance instance,
                                                           VkDebugUtilsMessengerEXT messenger,
                                                           const VkAllocationCallbacks*) noexcept {
  remove_listener(instance, messenger);
}

VKAPI_ATTR void VKAPI_CALL
vkSubmitDebugUtilsMessageEXT(VkInstance instance, VkDebugUtilsMessageSeverityFlagBitsEXT messageSeverity,
                             VkDebugUtilsMessageTypeFlagsEXT messageTypes,
                             const VkDebugUtilsMessengerCallbackDataEXT* pCallbackData) noexcept {
  Instance::from(instance)->messengers.submit(messageSeverity, messageTypes, pCallbackData);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkCreateDebugReportCallbackEXT(VkInstance instance, const VkDebugReportCallbackCreateInfoEXT* pCreateInfo,
                               const VkAllocationCallbacks*, VkDebugReportCallbackEXT* pCallback) noexcept {
  return add_listener(instance, *pCreateInfo, pCallback);
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDebugReportCallbackEXT(VkInstance instance,
                                                           VkDebugReportCallbackEXT callback,
                                                           const VkAllocationCallbacks*) noexcept {
  remove_listener(instance, callback);
}

VKAPI_ATTR void VKAPI_CALL vkDebugReportMessageEXT(VkInstance instance, VkDebugReportFlagsEXT flags,
                                                   VkDebugReportObjectTypeEXT objectType, uint64_t object,
                                                   size_t location, int32_t messageCode,
                                                   const char* pLayerPrefix, const char* pMessage) noexcept {
  Instance::from(instance)->messengers.report(flags, objectType, object, location, messageCode, pLayerPrefix,
                                              pMessage);
}

}  // namespace entry
}  // namespace viaduct::guest
