// VK_EXT_debug_utils messengers and VK_EXT_debug_report callbacks of one instance. They never leave the
// guest: what is delivered to them are the application's own messages (vkSubmitDebugUtilsMessageEXT) and the
// driver's.
#pragma once

#include <vulkan/vulkan.h>

#include <memory>
#include <mutex>
#include <vector>

namespace viaduct::guest {

class DebugMessengers {
 public:
  VkResult add(const VkDebugUtilsMessengerCreateInfoEXT& info, VkDebugUtilsMessengerEXT* out) noexcept;
  void remove(VkDebugUtilsMessengerEXT handle) noexcept;
  void submit(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
              const VkDebugUtilsMessengerCallbackDataEXT* data) noexcept;

  VkResult add(const VkDebugReportCallbackCreateInfoEXT& info, VkDebugReportCallbackEXT* out) noexcept;
  void remove(VkDebugReportCallbackEXT handle) noexcept;
  void report(VkDebugReportFlagsEXT flags, VkDebugReportObjectTypeEXT type, std::uint64_t object,
              std::size_t location, std::int32_t code, const char* prefix, const char* message) noexcept;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<VkDebugUtilsMessengerCreateInfoEXT>> messengers_;
  std::vector<std::unique_ptr<VkDebugReportCallbackCreateInfoEXT>> callbacks_;
};

/// Tells the callbacks in the chain of an instance's create info why there will be no instance.
void tell_creation_failed(const VkInstanceCreateInfo& info, const char* message) noexcept;

}  // namespace viaduct::guest
