#include "host-renderer/memory/page_import.hpp"

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>

namespace viaduct::host {
namespace {

UniqueFd make_dma_buf(const RegionFile& region, std::span<std::byte> pages) noexcept {
  if (region.udmabuf < 0 || region.fd < 0) {
    return {};
  }
  udmabuf_create create{};
  create.memfd = static_cast<__u32>(region.fd);
  create.flags = UDMABUF_FLAGS_CLOEXEC;
  create.offset = static_cast<__u64>(pages.data() - region.base);
  create.size = pages.size();
  return UniqueFd(::ioctl(region.udmabuf, UDMABUF_CREATE, &create));
}

}  // namespace

UniqueFd open_udmabuf() noexcept { return UniqueFd(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC)); }

VkExternalMemoryHandleTypeFlagBits import_handle_type(SharingMode mode) noexcept {
  switch (mode) {
    case SharingMode::kImport:
      return VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
    case SharingMode::kDmaBuf:
      return VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    case SharingMode::kShadow:
      break;
  }
  return static_cast<VkExternalMemoryHandleTypeFlagBits>(0);
}

std::uint32_t importable_types(SharingMode mode, const DeviceTable& table, VkDevice device,
                               const RegionFile& region, std::span<std::byte> pages) noexcept {
  if (mode == SharingMode::kImport && table.vkGetMemoryHostPointerPropertiesEXT != nullptr) {
    VkMemoryHostPointerPropertiesEXT found{};
    found.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT;
    const VkResult result =
        table.vkGetMemoryHostPointerPropertiesEXT(device, import_handle_type(mode), pages.data(), &found);
    return result == VK_SUCCESS ? found.memoryTypeBits : 0;
  }
  if (mode == SharingMode::kDmaBuf && table.vkGetMemoryFdPropertiesKHR != nullptr) {
    const UniqueFd dma_buf = make_dma_buf(region, pages);
    VkMemoryFdPropertiesKHR found{};
    found.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR;
    const bool usable = dma_buf && table.vkGetMemoryFdPropertiesKHR(device, import_handle_type(mode),
                                                                    dma_buf.get(), &found) == VK_SUCCESS;
    return usable ? found.memoryTypeBits : 0;
  }
  return 0;
}

VkResult import_pages(SharingMode mode, const DeviceTable& table, VkDevice device, const RegionFile& region,
                      std::span<std::byte> pages, VkMemoryAllocateInfo info,
                      VkDeviceMemory* memory) noexcept {
  info.allocationSize = pages.size();
  if (mode == SharingMode::kDmaBuf) {
    UniqueFd dma_buf = make_dma_buf(region, pages);
    if (!dma_buf) {
      return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    VkImportMemoryFdInfoKHR import{};
    import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR;
    import.pNext = info.pNext;
    import.handleType = import_handle_type(mode);
    import.fd = dma_buf.get();
    info.pNext = &import;
    const VkResult result = table.vkAllocateMemory(device, &info, nullptr, memory);
    if (result == VK_SUCCESS) {
      (void)dma_buf.release();  // the driver's from now on
    }
    return result;
  }
  VkImportMemoryHostPointerInfoEXT import{};
  import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT;
  import.pNext = info.pNext;
  import.handleType = import_handle_type(mode);
  import.pHostPointer = pages.data();
  info.pNext = &import;
  return table.vkAllocateMemory(device, &info, nullptr, memory);
}

}  // namespace viaduct::host
