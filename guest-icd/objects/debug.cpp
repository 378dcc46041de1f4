// Callbacks of VK_EXT_debug_utils and VK_EXT_debug_report: they stay in the guest.
#include <algorithm>
#include <new>

#include "generated/guest/entrypoints.hpp"
#include "guest-icd/objects/debug_messenger.hpp"
#include "guest-icd/objects/instance.hpp"

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
  const std::lock_guard lock(mutex_);
  for (const auto& entry : messengers_) {
    if ((entry->messageSeverity & static_cast<VkFlags>(severity)) == 0 || (entry->messageType & types) == 0)
      continue;
    entry->pfnUserCallback(severity, types, data, entry->pUserData);
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
  const std::lock_guard lock(mutex_);
  for (const auto& entry : callbacks_) {
    if ((entry->flags & flags) == 0) continue;
    entry->pfnCallback(flags, type, object, location, code, prefix, message, entry->pUserData);
  }
}

void tell_creation_failed(const VkInstanceCreateInfo& info, const char* message) noexcept {
  // The order of destruction is no matter: nothing but this call uses the callbacks.
  DebugMessengers listeners;
  for (auto* next = static_cast<const VkBaseInStructure*>(info.pNext); next != nullptr; next = next->pNext) {
    VkDebugUtilsMessengerEXT messenger;
    VkDebugReportCallbackEXT callback;
    if (next->sType == VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT) {
      (void)listeners.add(*reinterpret_cast<const VkDebugUtilsMessengerCreateInfoEXT*>(next), &messenger);
    } else if (next->sType == VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT) {
      (void)listeners.add(*reinterpret_cast<const VkDebugReportCallbackCreateInfoEXT*>(next), &callback);
    }
  }
  VkDebugUtilsMessengerCallbackDataEXT data{};
  data.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT;
  data.pMessageIdName = "viaduct";
  data.pMessage = message;
  listeners.submit(VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
                   &data);
  listeners.report(VK_DEBUG_REPORT_ERROR_BIT_EXT, VK_DEBUG_REPORT_OBJECT_TYPE_INSTANCE_EXT, 0, 0, 0,
                   "viaduct", message);
}

namespace entry {

VKAPI_ATTR VkResult VKAPI_CALL
vkCreateDebugUtilsMessengerEXT(VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT* pCreateInfo,
                               const VkAllocationCallbacks*, VkDebugUtilsMessengerEXT* pMessenger) noexcept {
  return Instance::from(instance)->messengers.add(*pCreateInfo, pMessenger);
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDebugUtilsMessengerEXT(VkInstance instance,
                                                           VkDebugUtilsMessengerEXT messenger,
                                                           const VkAllocationCallbacks*) noexcept {
  Instance::from(instance)->messengers.remove(messenger);
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
  return Instance::from(instance)->messengers.add(*pCreateInfo, pCallback);
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDebugReportCallbackEXT(VkInstance instance,
                                                           VkDebugReportCallbackEXT callback,
                                                           const VkAllocationCallbacks*) noexcept {
  Instance::from(instance)->messengers.remove(callback);
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
