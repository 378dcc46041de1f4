#include "host-renderer/worker/validation.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

namespace viaduct::host {
namespace {

constexpr const char* kLayers[] = {"VK_LAYER_KHRONOS_validation"};
// A guest may open any number of labels of any length; a log line is short.
constexpr std::uint32_t kShownLabels = 4;
constexpr std::size_t kShownLength = 48;

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  static_cast<Validation*>(user)->take(severity, *data);
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(Validation* user) noexcept {
  VkDebugUtilsMessengerCreateInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  // Not GENERAL: those are the loader's own messages, which it also gives without a layer.
  info.messageType =
      VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  info.pfnUserCallback = on_message;
  info.pUserData = user;
  return info;
}

// "in A > B: ": the labels that were open, the queue's before the command buffer's; empty if there was none.
std::string open_labels(const VkDebugUtilsMessengerCallbackDataEXT& data) {
  std::string text;
  const auto append = [&text](std::uint32_t count, const VkDebugUtilsLabelEXT* labels) {
    for (std::uint32_t i = 0; i < std::min(count, kShownLabels); ++i) {
      text += (text.empty() ? "in " : " > ") + std::string(labels[i].pLabelName).substr(0, kShownLength);
    }
  };
  append(data.queueLabelCount, data.pQueueLabels);
  append(data.cmdBufLabelCount, data.pCmdBufLabels);
  return text.empty() ? text : text + ": ";
}

// "[ ID ] ", where the message does not begin with it by itself: the layer of Debian 12 writes it, later ones
// do not.
std::string message_id(const VkDebugUtilsMessengerCallbackDataEXT& data) {
  if (data.pMessageIdName == nullptr) return {};
  const std::string id = "[ " + std::string(data.pMessageIdName) + " ] ";
  return data.pMessage != nullptr && std::strstr(data.pMessage, id.c_str()) != nullptr ? std::string() : id;
}

}  // namespace

bool Validation::wanted() noexcept {
  const char* value = std::getenv(kVariable);
  return value != nullptr && std::strcmp(value, "1") == 0;
}

void Validation::add_to(VkInstanceCreateInfo& info, Request& request) noexcept {
  request.messenger = messenger_info(this);
  request.messenger.pNext = info.pNext;
  info.pNext = &request.messenger;
  info.enabledLayerCount = 1;
  info.ppEnabledLayerNames = kLayers;
}

VkDebugUtilsMessengerEXT Validation::listen(const InstanceTable& table, VkInstance instance) noexcept {
  const VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(this);
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  if (table.vkCreateDebugUtilsMessengerEXT == nullptr ||
      table.vkCreateDebugUtilsMessengerEXT(instance, &info, nullptr, &messenger) != VK_SUCCESS) {
    return VK_NULL_HANDLE;
  }
  return messenger;
}

void Validation::close(const InstanceTable& table, VkInstance instance,
                       VkDebugUtilsMessengerEXT messenger) noexcept {
  if (messenger != VK_NULL_HANDLE) {
    table.vkDestroyDebugUtilsMessengerEXT(instance, messenger, nullptr);
  }
}

void Validation::count_into(StatsPage& stats) noexcept {
  const std::lock_guard lock(mutex_);
  stats_ = &stats;
}

detail::LogSite& Validation::site_of(std::int32_t id) {
  return sites_[sites_.size() < kMaxIds || sites_.contains(id) ? id : 0];
}

void Validation::take(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                      const VkDebugUtilsMessengerCallbackDataEXT& data) noexcept {
  const std::lock_guard lock(mutex_);
  if (stats_ != nullptr) {
    stats_add(stats_->validation_messages, 1);  // under the lock: one writer at a time
  }
  try {
    const LogLevel level =
        severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? LogLevel::error : LogLevel::warn;
    const std::string before = open_labels(data) + message_id(data);
    VIADUCT_LOG_FROM(site_of(data.messageIdNumber), level, "validation", "%s%s", before.c_str(),
                     data.pMessage != nullptr ? data.pMessage : "");
  } catch (const std::bad_alloc&) {
    // The line is lost, its count is not.
  }
}

}  // namespace viaduct::host
