// Handing pages of the region to the driver: by pointer (VK_EXT_external_memory_host), or as a dma-buf that
// udmabuf makes of the region's file (VK_EXT_external_memory_dma_buf; amdgpu takes those and refuses pointers
// into files).
//
// The region's file is sealed against shrinking, which udmabuf asks for. Any thread.
#pragma once

#include "base/unique_fd.hpp"
#include "generated/host/driver_tables.hpp"
#include "host-renderer/memory/memory_types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace viaduct::host {

// What can be imported: the region as memory and as a file. The descriptors may be -1: then there are no
// dma-bufs.
struct RegionFile {
  std::byte* base = nullptr;
  int fd = -1;
  int udmabuf = -1;  // /dev/udmabuf, opened for reading and writing
};

// Empty where the kernel has none.
UniqueFd open_udmabuf() noexcept;

// The handle type that resources must declare; 0 in shadow mode.
VkExternalMemoryHandleTypeFlagBits import_handle_type(SharingMode mode) noexcept;

// Host memory types that take these pages; 0 if the driver wants none of it.
std::uint32_t importable_types(SharingMode mode, const DeviceTable& table, VkDevice device,
                               const RegionFile& region, std::span<std::byte> pages) noexcept;

// vkAllocateMemory with the pages as its memory. allocationSize becomes the pages' size.
VkResult import_pages(SharingMode mode, const DeviceTable& table, VkDevice device, const RegionFile& region,
                      std::span<std::byte> pages, VkMemoryAllocateInfo info, VkDeviceMemory* memory) noexcept;

}  // namespace viaduct::host
