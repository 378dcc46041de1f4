#include "tools/doctor/vulkan_api.hpp"

#include <dlfcn.h>

namespace viaduct::tools {

bool VulkanApi::open(std::string& why) {
  void* const library = ::dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    why = ::dlerror();
    return false;
  }
  GetInstanceProcAddr =
      reinterpret_cast<PFN_vkGetInstanceProcAddr>(::dlsym(library, "vkGetInstanceProcAddr"));
  if (GetInstanceProcAddr == nullptr) {
    why = "libvulkan.so.1 is no Vulkan loader";
    return false;
  }
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(GetInstanceProcAddr), &info) != 0) path = info.dli_fname;
  CreateInstance = reinterpret_cast<PFN_vkCreateInstance>(GetInstanceProcAddr(nullptr, "vkCreateInstance"));
  const auto enumerate = reinterpret_cast<PFN_vkEnumerateInstanceVersion>(
      GetInstanceProcAddr(nullptr, "vkEnumerateInstanceVersion"));
  version = VK_API_VERSION_1_0;
  if (enumerate != nullptr) enumerate(&version);
  return CreateInstance != nullptr;
}

bool VulkanApi::load(VkInstance instance) {
  bool all = true;
#define VIADUCT_DOCTOR_LOAD(name)                                                   \
  name = reinterpret_cast<PFN_vk##name>(GetInstanceProcAddr(instance, "vk" #name)); \
  all = all && name != nullptr;
  VIADUCT_DOCTOR_COMMANDS(VIADUCT_DOCTOR_LOAD)
#undef VIADUCT_DOCTOR_LOAD
  return all;
}

}  // namespace viaduct::tools
