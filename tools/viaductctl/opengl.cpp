#include "tools/viaductctl/opengl.hpp"

#include <cstdlib>
#include <sstream>
#include <string_view>
#include <system_error>

#include "tools/viaductctl/vtest_socket.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMesaVendorFile = "/usr/share/glvnd/egl_vendor.d/50_mesa.json";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Since 24.3 Mesa's drivers are one library, which Mesa's libGLX and libEGL load by its name.
bool holds_gallium(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("libgallium-") && name.ends_with(".so")) return true;
  }
  return false;
}

bool holds_zink(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "dri" / "zink_dri.so", error) || holds_gallium(folder);
}

std::string vendor_file() {
  std::error_code error;
  return fs::exists(kMesaVendorFile, error) ? kMesaVendorFile : "";
}

void apply(const GlEnvironment& wanted) {
  for (const auto& [name, value] : wanted.set) ::setenv(name.c_str(), value.c_str(), 1);
  for (const std::string& name : wanted.unset) ::unsetenv(name.c_str());
}

}  // namespace

GlDevice gl_device(bool cpu_device, bool wayland) {
  if (cpu_device) return GlDevice::cpu;
  return wayland ? GlDevice::gpu_as_cpu : GlDevice::gpu;
}

bool has_wayland() {
  if (!variable("WAYLAND_SOCKET").empty() || !variable("WAYLAND_DISPLAY").empty()) return true;
  const std::string folder = variable("XDG_RUNTIME_DIR");
  std::error_code error;
  return !folder.empty() && fs::exists(fs::path(folder) / "wayland-0", error);
}

GlEnvironment gl_environment(GlDevice device, const std::string& vendor_file) {
  GlEnvironment out;
  out.set = {{"MESA_LOADER_DRIVER_OVERRIDE", "zink"},
             {"GALLIUM_DRIVER", "zink"},
             {"__GLX_VENDOR_LIBRARY_NAME", "mesa"}};
  if (!vendor_file.empty()) out.set.emplace_back("__EGL_VENDOR_LIBRARY_FILENAMES", vendor_file);
  if (device == GlDevice::gpu) {
    out.set.emplace_back("LIBGL_KOPPER_DRI2", "1");
    out.unset.emplace_back("LIBGL_ALWAYS_SOFTWARE");
  } else {
    out.set.emplace_back("LIBGL_ALWAYS_SOFTWARE", "1");
    out.unset.emplace_back("LIBGL_KOPPER_DRI2");
  }
  if (device == GlDevice::gpu_as_cpu) {
    out.set.emplace_back("VIADUCT_ZINK_DEVICE", "cpu");
    // What Zink does for CPUs only, and is slow on a GPU: a shader compiled for each value of a uniform.
    out.set.emplace_back("ZINK_INLINE_UNIFORMS", "0");
  } else {
    out.unset.emplace_back("VIADUCT_ZINK_DEVICE");
  }
  return out;
}

GlEnvironment virgl_environment(const std::string& vendor_file, const std::string& socket) {
  GlEnvironment out;
  out.set = {{"GALLIUM_DRIVER", "virpipe"},
             {"LIBGL_ALWAYS_SOFTWARE", "1"},
             {"VTEST_SOCKET_NAME", socket},
             {"__GLX_VENDOR_LIBRARY_NAME", "mesa"}};
  if (!vendor_file.empty()) out.set.emplace_back("__EGL_VENDOR_LIBRARY_FILENAMES", vendor_file);
  out.unset = {"MESA_LOADER_DRIVER_OVERRIDE", "LIBGL_KOPPER_DRI2"};
  return out;
}

bool has_zink(const fs::path& root, const std::string& drivers_path) {
  std::error_code error;
  if (!drivers_path.empty()) {
    std::istringstream folders(drivers_path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (fs::exists(fs::path(folder) / "zink_dri.so", error)) return true;
    }
    return false;
  }
  for (const char* prefix : {"usr/lib", "usr/lib64", "usr/local/lib", "usr/local/lib64"}) {
    const fs::path folder = root / prefix;
    if (holds_zink(folder)) return true;
    // Debian's multiarch: one more level, named by the architecture.
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename().string().find("-linux-") != std::string::npos && holds_zink(it->path()))
        return true;
    }
  }
  return false;
}

std::string set_up_gl(bool cpu_device) {
  if (!has_zink("/", variable("LIBGL_DRIVERS_PATH"))) {
    return "OpenGL programs will not use Viaduct: Mesa's Zink is not installed (on Debian the package "
           "libgl1-mesa-dri); --no-gl leaves OpenGL alone and keeps this quiet";
  }
  apply(gl_environment(gl_device(cpu_device, has_wayland()), vendor_file()));
  return {};
}

std::string set_up_virgl(const std::string& socket) {
  if (!mesa_takes_socket_name("/")) {
    if (std::string trouble = mount_vtest_socket(socket); !trouble.empty()) return trouble;
  }
  apply(virgl_environment(vendor_file(), socket));
  return {};
}

}  // namespace viaduct::tools
