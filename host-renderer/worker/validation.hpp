// The Khronos validation layer in a worker (viaductd --validate): what Viaduct and the guest's program do
// wrong on the host's driver stands in the log, with the session.
//
// A Validation lives as long as the process. Its messengers may be called from every thread that calls the
// driver: the decode thread, completion threads, waiters. Lines are limited for each message id apart (as
// base/log.hpp limits each place in the code), so that a frequent message hides no rare one.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "base/log.hpp"
#include "generated/host/driver_tables.hpp"
#include "host-renderer/daemon/stats_page.hpp"

namespace viaduct::host {

class Validation {
 public:
  // viaductd tells its workers by this variable.
  static constexpr const char* kVariable = "VIADUCT_VALIDATE";
  static bool wanted() noexcept;

  // What add_to() links into an instance's create info; lives until vkCreateInstance has returned.
  struct Request {
    VkDebugUtilsMessengerCreateInfoEXT messenger{};
  };
  // Asks for the layer, and for messages about the instance's creation and end. The caller enables
  // VK_EXT_debug_utils.
  void add_to(VkInstanceCreateInfo& info, Request& request) noexcept;
  // Messages of everything below the instance, until close(). Null if the driver has no messengers.
  VkDebugUtilsMessengerEXT listen(const InstanceTable& table, VkInstance instance) noexcept;
  static void close(const InstanceTable& table, VkInstance instance,
                    VkDebugUtilsMessengerEXT messenger) noexcept;

  // Messages that come from now on are counted in the session's statistics.
  void count_into(StatsPage& stats) noexcept;

  void take(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
            const VkDebugUtilsMessengerCallbackDataEXT& data) noexcept;

 private:
  static constexpr std::size_t kMaxIds = 512;  // those beyond share the limit of id 0

  detail::LogSite& site_of(std::int32_t id);

  std::mutex mutex_;
  std::map<std::int32_t, detail::LogSite> sites_;
  StatsPage* stats_ = nullptr;
};

}  // namespace viaduct::host
