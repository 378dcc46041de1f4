#include "tests/fake-driver/host_bytes.hpp"

#include <cstring>

#include "tests/fake-driver/objects.hpp"
#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake {
namespace {

#ifdef VK_VERSION_1_4

void make_up(void* to, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) static_cast<std::byte*>(to)[i] = made_up_byte(i);
}

VKAPI_ATTR VkResult VKAPI_CALL copy_to_image(VkDevice, const VkCopyMemoryToImageInfo* info) {
  VkResult result = VK_SUCCESS;
  for (uint32_t i = 0; i < info->regionCount; ++i) {
    const VkMemoryToImageCopy& region = info->pRegions[i];
    const std::span content(static_cast<const std::byte*>(region.pHostPointer), packed_size(region));
    result = Recorder::get().record(
        "vkCopyMemoryToImage",
        image_copy_digest(digest_of(info->dstImage), info->dstImageLayout, info->flags, region, content));
  }
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL copy_to_memory(VkDevice, const VkCopyImageToMemoryInfo* info) {
  VkResult result = VK_SUCCESS;
  for (uint32_t i = 0; i < info->regionCount; ++i) {
    const VkImageToMemoryCopy& region = info->pRegions[i];
    result = Recorder::get().record(
        "vkCopyImageToMemory",
        image_copy_digest(digest_of(info->srcImage), info->srcImageLayout, info->flags, region, {}));
    make_up(region.pHostPointer, packed_size(region));
  }
  return result;
}

#endif

#ifdef VK_NV_cooperative_vector

VKAPI_ATTR VkResult VKAPI_CALL convert(VkDevice, const VkConvertCooperativeVectorMatrixInfoNV* info) {
  const bool writes = info->dstData.hostAddress != nullptr;
  std::span<const std::byte> source;
  if (info->srcData.hostAddress != nullptr) {
    source = {static_cast<const std::byte*>(info->srcData.hostAddress), info->srcSize};
  }
  const std::size_t room = writes ? *info->pDstSize : 0;
  const VkResult result =
      Recorder::get().record("vkConvertCooperativeVectorMatrixNV", conversion_digest(*info, source, room));
  if (result != VK_SUCCESS) return result;
  *info->pDstSize = kConvertedSize;
  if (!writes) return VK_SUCCESS;
  if (room < kConvertedSize) return VK_INCOMPLETE;
  make_up(info->dstData.hostAddress, kConvertedSize);
  return VK_SUCCESS;
}

#endif

}  // namespace

PFN_vkVoidFunction find_host_bytes_function([[maybe_unused]] const char* name) {
#ifdef VK_VERSION_1_4
  if (std::strcmp(name, "vkCopyMemoryToImage") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(copy_to_image);
  if (std::strcmp(name, "vkCopyImageToMemory") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(copy_to_memory);
#endif
#ifdef VK_NV_cooperative_vector
  if (std::strcmp(name, "vkConvertCooperativeVectorMatrixNV") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(convert);
#endif
  return nullptr;
}

}  // namespace viaduct::fake
