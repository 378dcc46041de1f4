// Finds out how mapped memory can be shared with a driver, by trying it with a mapping of the region itself:
// the driver's own report is no guide (SwiftShader imports and does not say so, amdgpu says so and refuses
// file pages).
//
// An import counts as working when a buffer in the imported pages can be filled by the device and the bytes
// are seen through the mapping. Pages used for the probe are zeroed afterwards. Called once a device before
// the guest can see the region.
#pragma once

#include "generated/host/driver_tables.hpp"
#include "host-renderer/memory/memory_types.hpp"
#include "host-renderer/memory/page_import.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace viaduct::host {

struct ProbeTarget {
  const InstanceTable& instance_table;
  const DeviceTable& table;
  VkPhysicalDevice physical;
  VkDevice device;  // made with the extensions that the two below speak of
  std::uint32_t queue_family;
  bool has_host_import;  // VK_EXT_external_memory_host
  bool has_dma_buf;      // VK_EXT_external_memory_dma_buf and VK_KHR_external_memory_fd
};

struct ProbeResult {
  SharingMode mode = SharingMode::kShadow;
  std::uint32_t importable_types = 0;
  std::uint64_t alignment = 4096;  // for offsets and sizes of imports
  // The driver imports, and its external-memory queries say that it does not: they are no guide for images
  // either.
  bool report_is_wrong = false;
};

// VIADUCT_MEMORY=import|dmabuf|shadow forces a mode (an import that does not work still falls back, with a
// warning).
std::optional<SharingMode> forced_mode() noexcept;

// `pages` lie in the region and nobody uses them; the modes are tried in the order of decision 4.
ProbeResult probe_sharing(const ProbeTarget& target, const RegionFile& region, std::span<std::byte> pages,
                          std::optional<SharingMode> forced = forced_mode()) noexcept;

}  // namespace viaduct::host
