#include "tests/fake-driver/names.hpp"

#include <cstring>

#include "tests/fake-driver/recorder.hpp"

namespace viaduct::fake {
namespace {

VKAPI_ATTR VkResult VKAPI_CALL set_name(VkDevice, const VkDebugUtilsObjectNameInfoEXT* info) {
  const std::span<const char> text(info->pObjectName, std::strlen(info->pObjectName));
  return Recorder::get().record("vkSetDebugUtilsObjectNameEXT",
                                name_digest(info->objectType, info->objectHandle, 0, std::as_bytes(text)));
}

VKAPI_ATTR VkResult VKAPI_CALL set_tag(VkDevice, const VkDebugUtilsObjectTagInfoEXT* info) {
  const std::span<const std::byte> tag(static_cast<const std::byte*>(info->pTag), info->tagSize);
  return Recorder::get().record("vkSetDebugUtilsObjectTagEXT",
                                name_digest(info->objectType, info->objectHandle, info->tagName, tag));
}

}  // namespace

PFN_vkVoidFunction find_naming_function(const char* name) {
  if (std::strcmp(name, "vkSetDebugUtilsObjectNameEXT") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(set_name);
  if (std::strcmp(name, "vkSetDebugUtilsObjectTagEXT") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(set_tag);
  return nullptr;
}

}  // namespace viaduct::fake
