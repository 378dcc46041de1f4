#include "tools/glvnd/mesa_choice.hpp"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <vulkan/vulkan_core.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/log.hpp"
#include "tools/service/service.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

constexpr int kAnswerMs = 1000;
constexpr const char* kMarker = "VIADUCT_GL_SET";
constexpr std::array<const char*, 3> kSteering = {"MESA_LOADER_DRIVER_OVERRIDE", "GALLIUM_DRIVER",
                                                  "LIBGL_ALWAYS_SOFTWARE"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool switched_off() { return ::getauxval(AT_SECURE) != 0 || variable("VIADUCT_GL") == "off"; }

// The Vulkan driver's manifest: in the same prefix as this library, or in the system.
std::string own_manifest() {
  std::vector<fs::path> places;
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&choose_mesa_driver), &info) != 0 && info.dli_fname != nullptr) {
    const fs::path folder = fs::path(info.dli_fname).parent_path();
    for (const char* up : {"..", "../.."}) places.push_back(folder / up / "share");
  }
  places.insert(places.end(), {"/usr/local/share", "/usr/share", "/etc"});
  std::error_code error;
  for (const fs::path& place : places) {
    const fs::path file = fs::weakly_canonical(place / "vulkan/icd.d/viaduct_icd.json", error);
    if (!error && fs::exists(file, error)) return file.string();
  }
  return {};
}

// Empty if Zink was set up, otherwise why not.
std::string set_up_zink() {
  const auto url = find_service({}, kAnswerMs);
  if (!url) return url.error();
  const auto device = ask_device(*url, kAnswerMs);
  if (!device) return device.error();
  if (!device->vulkan) return "the host has no Vulkan";
  if (!has_zink("/", variable("LIBGL_DRIVERS_PATH"))) {
    return "Mesa's Zink is not installed (on Debian the package libgl1-mesa-dri)";
  }
  const bool cpu = device->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
  apply_choice(gl_environment(gl_device(cpu, has_wayland()), {}), own_manifest());
  return {};
}

bool choose() {
  if (switched_off()) return false;
  forget_inherited();
  if (set_by_user()) return false;
  const std::string why_not = set_up_zink();
  if (!why_not.empty())
    VIADUCT_LOG_WARN("gl", "OpenGL without Viaduct, by Mesa's own driver: %s", why_not.c_str());
  return true;
}

}  // namespace

void forget_inherited() {
  std::istringstream names(variable(kMarker));
  for (std::string name; std::getline(names, name, ':');) ::unsetenv(name.c_str());
  ::unsetenv(kMarker);
}

bool set_by_user() {
  for (const char* name : kSteering) {
    if (!variable(name).empty()) return true;
  }
  return false;
}

void apply_choice(const GlEnvironment& choice, const std::string& manifest) {
  std::string names;
  const auto set = [&names](const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    names += (names.empty() ? "" : ":") + name;
  };
  for (const auto& [name, value] : choice.set) {
    if (!name.starts_with("__")) set(name, value);
  }
  for (const std::string& name : choice.unset) ::unsetenv(name.c_str());
  // Zink takes the first device that there is.
  if (!manifest.empty() && variable("VK_DRIVER_FILES").empty() && variable("VK_ICD_FILENAMES").empty()) {
    set("VK_DRIVER_FILES", manifest);
    set("VK_ICD_FILENAMES", manifest);  // its name before Vulkan 1.3.207
  }
  ::setenv(kMarker, names.c_str(), 1);
}

void choose_mesa_driver() {
  static const bool chosen = choose();
  static_cast<void>(chosen);
}

void leave_mesa_alone() {
  if (!switched_off()) forget_inherited();
}

}  // namespace viaduct::tools
