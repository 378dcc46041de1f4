// OpenGL for a program: what Mesa must be told so that its Zink, and no other driver, renders, on Viaduct's
// Vulkan driver. Variables as of Mesa 22.3 (Debian 12) to 25.0 (Debian 13); docs/opengl.md says what each is
// for.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace viaduct::tools {

struct GlEnvironment {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> unset;
};

// Mesa takes two ways to a window without DRI3, and which one Zink goes depends on the kind of the device
// that it finds.
enum class GlDevice {
  cpu,         // VK_PHYSICAL_DEVICE_TYPE_CPU
  gpu,         // anything else, on X11
  gpu_as_cpu,  // anything else where there is Wayland: for a GPU Mesa 25.0 wants a DRM device there
};
[[nodiscard]] GlDevice gl_device(bool cpu_device, bool wayland);
// `vendor_file` is libglvnd's file for Mesa's EGL, or empty where there is none.
[[nodiscard]] GlEnvironment gl_environment(GlDevice device, const std::string& vendor_file);

// Whether a program of this environment can find a Wayland compositor, as libwayland looks for it.
[[nodiscard]] bool has_wayland();

// For a host that lends OpenGL itself (viaductd --gl virgl): Mesa's virpipe, with the server at `socket`.
[[nodiscard]] GlEnvironment virgl_environment(const std::string& vendor_file, const std::string& socket);

// Whether a Mesa with Zink is installed below `root` ("/" but in tests), in one of the places where Mesa's
// loaders look. `drivers_path` is LIBGL_DRIVERS_PATH, which replaces them if it is not empty.
[[nodiscard]] bool has_zink(const std::filesystem::path& root, const std::string& drivers_path);

// Changes this process's environment. Returns what to tell the user if OpenGL could not be set up; the
// environment is untouched then.
[[nodiscard]] std::string set_up_gl(bool cpu_device);
// The same by virpipe. May put the process into namespaces of its own (vtest_socket.hpp).
[[nodiscard]] std::string set_up_virgl(const std::string& socket);

}  // namespace viaduct::tools
