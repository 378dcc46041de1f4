#include "tools/doctor/driver_checks.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tools/viaductctl/opengl.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "viaduct_icd.json";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> parts(const std::string& list) {
  std::vector<std::string> found;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ':');) {
    if (!part.empty()) found.push_back(part);
  }
  return found;
}

bool readable(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

// "bin/viaduct-doctor" has it in share/vulkan/icd.d of the same prefix.
std::string beside_this_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "share/vulkan/icd.d" / kManifest).string();
}

std::string find_in(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const std::string path = (fs::path(folder) / kManifest).string();
    if (readable(path)) return path;
  }
  return {};
}

// Of a list of files and folders, as VK_DRIVER_FILES is one.
std::string find_named(const std::string& list) {
  for (const std::string& part : parts(list)) {
    if (fs::path(part).filename() == kManifest && readable(part)) return part;
    if (const std::string inside = find_in({part}); !inside.empty()) return inside;
  }
  return {};
}

void check_library(const std::string& manifest, const std::string& how, Report& report) {
  const std::string library = library_of(manifest);
  if (library.empty()) {
    report.wrong("driver", manifest + " names no library", kReinstall);
    return;
  }
  void* const loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) {
    report.wrong("driver", manifest + ": " + ::dlerror(), kReinstall);
    return;
  }
  if (::dlsym(loaded, "vk_icdGetInstanceProcAddr") == nullptr) {
    report.wrong("driver", library + " is no Vulkan driver", kReinstall);
    return;
  }
  report.ok("driver", manifest + how + ", and its library loads");
}

// Whether libglvnd finds a vendor's library.
bool loads(const char* library) {
  void* const loaded = ::dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (loaded != nullptr) ::dlclose(loaded);
  return loaded != nullptr;
}

}  // namespace

ManifestPlaces manifest_places() {
  ManifestPlaces places;
  for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"}) {
    places.named = variable(name);
    places.variable = name;
    if (!places.named.empty()) return places;
  }
  places.variable.clear();
  const auto add = [&](const std::string& base) { places.folders.push_back(base + "/vulkan/icd.d"); };
  const std::string home = variable("HOME");
  add(variable("XDG_CONFIG_HOME").empty() ? home + "/.config" : variable("XDG_CONFIG_HOME"));
  const std::string config = variable("XDG_CONFIG_DIRS");
  for (const std::string& part : parts(config.empty() ? "/etc/xdg" : config)) add(part);
  add("/etc");
  add(variable("XDG_DATA_HOME").empty() ? home + "/.local/share" : variable("XDG_DATA_HOME"));
  const std::string data = variable("XDG_DATA_DIRS");
  for (const std::string& part : parts(data.empty() ? "/usr/local/share:/usr/share" : data)) add(part);
  return places;
}

std::string library_of(const std::string& manifest) {
  std::ifstream file(manifest);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::size_t key = text.find("\"library_path\"");
  const std::size_t open = key == std::string::npos ? key : text.find('"', text.find(':', key));
  const std::size_t close = open == std::string::npos ? open : text.find('"', open + 1);
  if (close == std::string::npos) return {};
  const std::string path = text.substr(open + 1, close - open - 1);
  if (path.find('/') == std::string::npos || path.front() == '/') return path;
  return (fs::path(manifest).parent_path() / path).lexically_normal().string();
}

void check_driver(const ManifestPlaces& places, Report& report) {
  if (!places.named.empty()) {
    const std::string found = find_named(places.named);
    if (found.empty()) {
      report.wrong(
          "driver",
          places.variable + " names " + places.named + ", in which there is no readable " + kManifest,
          "unset " + places.variable);
      return;
    }
    check_library(found, " (" + places.variable + ")", report);
    return;
  }
  std::string found = find_in(places.folders);
  if (found.empty()) found = find_named(variable("VK_ADD_DRIVER_FILES"));
  if (!found.empty()) {
    check_library(found, "", report);
    return;
  }
  const std::string own = beside_this_program();
  if (!readable(own)) {
    report.wrong("driver", std::string("no ") + kManifest + " in any folder where the Vulkan loader looks",
                 kReinstall);
    return;
  }
  report.wrong("driver", "programs do not find " + own, "ln -s " + own + " /etc/vulkan/icd.d/    # as root");
  ::setenv("VK_DRIVER_FILES", own.c_str(), 1);
  ::setenv("VK_ICD_FILENAMES", own.c_str(), 1);  // its name before Vulkan 1.3.207
}

void check_opengl(Report& report) {
  const char* const name = "OpenGL";
  if (variable("VIADUCT_GL") == "off") {
    report.warn(name, "VIADUCT_GL=off: programs render by Mesa's own driver", "unset VIADUCT_GL");
    return;
  }
  if (!has_zink("/", variable("LIBGL_DRIVERS_PATH"))) {
    report.warn(name, "Mesa's Zink is not installed, so OpenGL programs do not use the host's GPU",
                "apt install libgl1-mesa-dri libglx-mesa0 libegl-mesa0");
    return;
  }
  for (const char* steering : {"MESA_LOADER_DRIVER_OVERRIDE", "GALLIUM_DRIVER", "LIBGL_ALWAYS_SOFTWARE"}) {
    if (variable(steering).empty()) continue;
    report.warn(
        name, std::string(steering) + "=" + variable(steering) + " is set, so the package leaves Mesa alone",
        std::string("unset ") + steering);
    return;
  }
  if (!loads("libEGL_viaduct.so.0") || !loads("libGLX_viaduct.so.0")) {
    report.warn(name,
                "libEGL_viaduct.so.0 and libGLX_viaduct.so.0 are not where the system looks for libraries",
                std::string(kReinstall) + "    # or from the archive: see docs/installing.md");
    return;
  }
  if (const std::string vendor = variable("__GLX_VENDOR_LIBRARY_NAME"); vendor != "viaduct") {
    report.warn(name,
                "EGL programs render by Zink; GLX programs do not, for __GLX_VENDOR_LIBRARY_NAME is " +
                    (vendor.empty() ? std::string("not set in this session") : vendor),
                vendor.empty() ? "log in again, or: . /etc/profile.d/viaduct.sh"
                               : "export __GLX_VENDOR_LIBRARY_NAME=viaduct");
    return;
  }
  report.ok(name, "programs render by Mesa's Zink on this driver while the host answers");
}

}  // namespace viaduct::tools
