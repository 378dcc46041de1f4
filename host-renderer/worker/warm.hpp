// What a warm worker has paid for in advance: a throw-away instance, the list of GPUs, and a device of each.
//
// Made before the sandbox closes and before any guest byte is read. When the session is granted, probe()
// tries the granted region on those devices; which can go after that (release_devices). The application's own
// instance is made when asked.
#pragma once

#include "base/result.hpp"
#include "host-renderer/memory/probe.hpp"
#include "host-renderer/worker/driver.hpp"
#include "host-renderer/worker/worker_link.hpp"

#include <memory>
#include <span>
#include <vector>

namespace viaduct::host {

class WarmDriver {
 public:
  static Result<std::unique_ptr<WarmDriver>> start(const Driver& driver);
  ~WarmDriver();
  WarmDriver(const WarmDriver&) = delete;
  WarmDriver& operator=(const WarmDriver&) = delete;

  // In the order in which the driver enumerates, which is the order in the application's instance too.
  const std::vector<GpuInfo>& gpus() const noexcept { return infos_; }

  // One result a GPU; `pages` is writable memory of the region that nobody uses yet.
  std::vector<ProbeResult> probe(const RegionFile& region, std::span<std::byte> pages) const;
  // The devices are of no use after the probe; the instance stays and keeps the driver loaded.
  void release_devices() noexcept;

 private:
  struct Gpu {
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkDevice device = VK_NULL_HANDLE;
    bool has_host_import = false;
    bool has_dma_buf = false;
    std::uint32_t queue_family = 0;
    DeviceTable table{};
  };

  WarmDriver() = default;
  void describe(VkPhysicalDevice physical);
  void make_device(Gpu& gpu);

  VkInstance instance_ = VK_NULL_HANDLE;
  InstanceTable table_{};
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr get_device_proc_ = nullptr;
  std::vector<Gpu> gpus_;
  std::vector<GpuInfo> infos_;
};

}  // namespace viaduct::host
