// VK_EXT_debug_utils messengers and VK_EXT_debug_report callbacks of one instance. They never leave the
// guest: what is delivered to them are the application's own messages (vkSubmitDebugUtilsMessageEXT), this
// driver's and the host's (host_messages.hpp).
//
// Any thread. Callbacks run without a lock of ours, on the thread that delivers; that no messenger is
// destroyed meanwhile is the application's duty (vkDestroyDebugUtilsMessengerEXT).
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace viaduct::protocol {
struct DebugMessage;
}

namespace viaduct::guest {

/// What listeners want to hear, in the bits of VK_EXT_debug_utils.
struct DebugInterest {
  VkFlags severities = 0;
  VkFlags types = 0;
  bool operator==(const DebugInterest&) const = default;
};

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

  /// The messengers and callbacks in the chain of an instance's create info. Throws nothing: what there is no
  /// memory for is left out.
  void add_from_chain(const VkInstanceCreateInfo& info) noexcept;
  /// What all of them together want.
  DebugInterest interest() const noexcept;
  /// Delivers a message of the host, whose objects are the application's, to both kinds of listeners.
  void tell(const protocol::DebugMessage& message);

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<VkDebugUtilsMessengerCreateInfoEXT>> messengers_;
  std::vector<std::unique_ptr<VkDebugReportCallbackCreateInfoEXT>> callbacks_;
};

/// Tells the callbacks in the chain of an instance's create info why there will be no instance.
void tell_creation_failed(const VkInstanceCreateInfo& info, const char* message) noexcept;

}  // namespace viaduct::guest
