#include "host-renderer/worker/driver.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace viaduct::host {

Result<std::unique_ptr<Driver>> Driver::load(const char* manifest) {
  if (manifest != nullptr && *manifest != '\0') {
    // The second name is for loaders older than 1.3.207.
    ::setenv("VK_DRIVER_FILES", manifest, 1);
    ::setenv("VK_ICD_FILENAMES", manifest, 1);
  }
  ::setenv("VK_LOADER_LAYERS_DISABLE", "~implicit~", 0);
  // Never closed: drivers leave threads behind.
  void* library = ::dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Errc::not_found, "libvulkan.so.1");
  }
  const auto get_instance_proc =
      reinterpret_cast<PFN_vkGetInstanceProcAddr>(::dlsym(library, "vkGetInstanceProcAddr"));
  if (get_instance_proc == nullptr) {
    return fail(Errc::unsupported, "libvulkan.so.1 without vkGetInstanceProcAddr");
  }
  return std::make_unique<Driver>(get_instance_proc,
                                  Validation::wanted() ? std::make_unique<Validation>() : nullptr);
}

Driver::Driver(PFN_vkGetInstanceProcAddr get_instance_proc, std::unique_ptr<Validation> validation)
    : get_proc_(get_instance_proc), validation_(std::move(validation)) {
  table_.load(get_proc_);
  if (table_.vkEnumerateInstanceVersion != nullptr) {
    table_.vkEnumerateInstanceVersion(&version_);
  }
}

}  // namespace viaduct::host
