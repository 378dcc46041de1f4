#include "host-renderer/daemon/worker_setup.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <vector>

extern char** environ;

namespace viaduct::host::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 23> kPassed = {"VIADUCT_",
                                                      "VK_",
                                                      "MESA_",
                                                      "LP_",
                                                      "GALLIUM_",
                                                      "LIBGL_",
                                                      "DRI_",
                                                      "RADV_",
                                                      "ANV_",
                                                      "INTEL_",
                                                      "AMD_",
                                                      "NVK_",
                                                      "ZINK_",
                                                      "__GL_",
                                                      "__NV_",
                                                      "SWIFTSHADER_",
                                                      "ASAN_",
                                                      "UBSAN_",
                                                      "TSAN_",
                                                      "LSAN_",
                                                      "LD_LIBRARY_PATH=",
                                                      "MALLOC_",
                                                      "__EGL_VENDOR_LIBRARY"};
// Set below, or no business of a worker's.
constexpr std::array<std::string_view, 7> kWithheld = {
    "VIADUCT_URL=",      "VIADUCT_TOKEN",        "VIADUCT_VALIDATE=", "VK_DRIVER_FILES=",
    "VK_ICD_FILENAMES=", "VK_ADD_DRIVER_FILES=", "ASAN_OPTIONS="};

constexpr const char* kLayerManifest = "VkLayer_khronos_validation.json";

std::vector<std::string> split(const char* text) {
  std::vector<std::string> parts;
  std::istringstream in(text == nullptr ? "" : text);
  for (std::string part; std::getline(in, part, ':');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return length <= 0
             ? ""
             : fs::path(std::string(path.data(), static_cast<std::size_t>(length))).parent_path().string();
}

tl::expected<std::string, std::string> find_worker(const std::string& given) {
  std::error_code error;
  std::string tried = given;
  const fs::path path =
      given.empty() ? fs::path(find_beside("viaduct-worker", tried)) : fs::canonical(given, error);
  if (!error && !path.empty() && ::access(path.c_str(), X_OK) == 0) return path.string();
  return tl::unexpected("viaduct-worker was not found (tried " + tried +
                        "); build it, or reinstall the package");
}

// The drivers to load: what was asked for, what the environment says, or what the system has; never
// ourselves.
tl::expected<std::vector<std::string>, std::string> find_manifests(const std::string& driver) {
  std::error_code error;
  if (!driver.empty()) {
    const fs::path path = fs::absolute(driver, error).lexically_normal();
    if (!fs::is_regular_file(path, error) || ::access(path.c_str(), R_OK) != 0) {
      return tl::unexpected(
          "--driver " + driver +
          ": cannot be read; drivers' manifests lie in /usr/share/vulkan/icd.d and /etc/vulkan/icd.d");
    }
    return std::vector<std::string>{path.string()};
  }
  for (const char* variable : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"}) {
    std::vector<std::string> named = split(std::getenv(variable));
    std::erase_if(named, [](const std::string& path) {
      return fs::path(path).filename().string().find("viaduct") != std::string::npos;
    });
    if (!named.empty()) return named;
  }
  std::vector<std::string> installed = sandbox::installed_manifests();
  if (installed.empty()) {
    return tl::unexpected(std::string(
        "no Vulkan driver is installed; install one (mesa-vulkan-drivers, or your GPU's), or name one with "
        "--driver"));
  }
  return installed;
}

// Makes workers load the validation layer and see its files.
tl::expected<void, std::string> set_validation(const std::vector<std::string>& system_folders,
                                               sandbox::LaunchConfig& launch, sandbox::ViewOptions& view) {
  std::vector<std::string> folders = split(std::getenv("VK_LAYER_PATH"));
  const bool replaced = !folders.empty();
  const std::vector<std::string> added = split(std::getenv("VK_ADD_LAYER_PATH"));
  folders.insert(folders.end(), added.begin(), added.end());
  const std::size_t given = folders.size();
  folders.insert(folders.end(), system_folders.begin(), system_folders.end());
  std::error_code error;
  const auto has = [&](const std::string& folder) {
    return fs::is_regular_file(fs::path(folder) / kLayerManifest, error);
  };
  const auto found = std::find_if(folders.begin(), folders.end(), has);
  if (found == folders.end()) {
    return tl::unexpected(std::string(
        "--validate needs the Khronos validation layer, which is not installed; install the package "
        "vulkan-validationlayers"));
  }
  view.manifests.push_back((fs::path(*found) / kLayerManifest).string());
  launch.environment.emplace_back("VIADUCT_VALIDATE=1");
  // VK_LAYER_PATH takes the place of the system's folders.
  if (replaced && found >= folders.begin() + static_cast<std::ptrdiff_t>(given)) {
    launch.environment.push_back("VK_LAYER_PATH=" + std::string(std::getenv("VK_LAYER_PATH")) + ":" + *found);
  }
  return {};
}

}  // namespace

std::vector<std::string> system_layer_folders() {
  return {"/etc/vulkan/explicit_layer.d", "/usr/local/share/vulkan/explicit_layer.d",
          "/usr/share/vulkan/explicit_layer.d"};
}

bool passes_to_worker(std::string_view variable) {
  for (const std::string_view prefix : kWithheld) {
    if (variable.starts_with(prefix)) return false;
  }
  for (const std::string_view prefix : kPassed) {
    if (variable.starts_with(prefix)) return true;
  }
  return false;
}

std::string missing_driver(const Config& config) {
  const auto manifests = find_manifests(config.driver);
  return manifests ? "" : manifests.error();
}

std::string find_beside(const std::string& name, std::string& tried) {
  tried.clear();
  const std::string here = own_folder();
  for (const std::string& place :
       {here + "/" + name, here + "/../libexec/viaduct/" + name, here + "/../lib/" + name}) {
    std::error_code error;
    const fs::path path = fs::canonical(place, error);
    if (!error) return path.string();
    tried += (tried.empty() ? "" : ", ") + place;
  }
  return {};
}

void inherit_environment(std::vector<std::string>& environment) {
  const std::size_t own = environment.size();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view entry(*variable);
    const bool set =
        std::any_of(environment.begin(), environment.begin() + static_cast<std::ptrdiff_t>(own),
                    [entry](const std::string& name) {
                      return entry.starts_with(std::string_view(name).substr(0, name.find('=') + 1));
                    });
    if (!set && passes_to_worker(entry)) environment.emplace_back(entry);
  }
}

tl::expected<sandbox::LaunchConfig, std::string> make_launch_config(
    const Config& config, const std::string& worker, const std::vector<std::string>& layer_folders) {
  sandbox::LaunchConfig launch;
  auto binary = find_worker(worker);
  if (!binary) return tl::unexpected(binary.error());
  launch.worker = *binary;
  const auto manifests = find_manifests(config.driver);
  if (!manifests) return tl::unexpected(manifests.error());

  sandbox::ViewOptions view;
  view.manifests = *manifests;
  view.extra = config.expose;
  for (const char* variable : {"LD_LIBRARY_PATH", "VK_LAYER_PATH", "VK_ADD_LAYER_PATH"}) {
    for (const std::string& path : split(std::getenv(variable))) view.extra.push_back(path);
  }

  std::string list;
  for (const std::string& manifest : *manifests) list += (list.empty() ? "" : ":") + manifest;
  // A worker has no home and may write no file; caches on disk would also be shared between tenants.
  launch.environment = {"VK_DRIVER_FILES=" + list,
                        "VK_ICD_FILENAMES=" + list,
                        "VK_LOADER_LAYERS_DISABLE=~implicit~",
                        "MESA_SHADER_CACHE_DISABLE=true",
                        "__GL_SHADER_DISK_CACHE=0",
                        "HOME=/",
                        "PATH=/usr/bin:/bin",
                        "LANG=C.UTF-8"};
  if (config.validate) {
    if (auto set = set_validation(layer_folders, launch, view); !set) return tl::unexpected(set.error());
  }
  launch.view = sandbox::make_view(view);
  launch.groups = sandbox::device_groups(launch.view);
  // The leak checker traces its process, which the sandbox forbids.
  const char* asan = std::getenv("ASAN_OPTIONS");
  launch.environment.push_back("ASAN_OPTIONS=" + std::string(asan == nullptr ? "" : asan) +
                               (asan == nullptr || *asan == 0 ? "" : ":") + "detect_leaks=0");
  inherit_environment(launch.environment);
  return launch;
}

}  // namespace viaduct::host::daemon
