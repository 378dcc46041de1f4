// The host's Vulkan: the loader library with one driver's manifest, and its global commands.
//
// Loaded once a process, before the sandbox closes. Immutable afterwards, any thread. Tests hand in a driver
// of their own by its vkGetInstanceProcAddr.
#pragma once

#include "base/result.hpp"
#include "generated/host/driver_tables.hpp"

#include <memory>

#include "host-renderer/worker/validation.hpp"

namespace viaduct::host {

class Driver {
 public:
  // `manifest` (may be null: what the environment says) is given to the loader as VK_DRIVER_FILES; implicit
  // layers are switched off, explicit ones (VK_INSTANCE_LAYERS) are left to whoever started the worker.
  static Result<std::unique_ptr<Driver>> load(const char* manifest);
  explicit Driver(PFN_vkGetInstanceProcAddr get_instance_proc,
                  std::unique_ptr<Validation> validation = nullptr);

  const GlobalTable& table() const noexcept { return table_; }
  PFN_vkGetInstanceProcAddr get_proc() const noexcept { return get_proc_; }
  PFN_vkGetDeviceProcAddr get_device_proc(VkInstance instance) const noexcept {
    return reinterpret_cast<PFN_vkGetDeviceProcAddr>(get_proc_(instance, "vkGetDeviceProcAddr"));
  }
  // What vkEnumerateInstanceVersion says, 1.0 where it does not exist.
  std::uint32_t instance_version() const noexcept { return version_; }
  // Null unless viaductd --validate started this worker.
  Validation* validation() const noexcept { return validation_.get(); }

 private:
  PFN_vkGetInstanceProcAddr get_proc_;
  GlobalTable table_{};
  std::unique_ptr<Validation> validation_;
  std::uint32_t version_ = VK_API_VERSION_1_0;
};

}  // namespace viaduct::host
