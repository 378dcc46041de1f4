#include "host-renderer/daemon/gl_setup.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <sstream>
#include <system_error>

#include "host-renderer/daemon/worker_setup.hpp"

namespace viaduct::host::daemon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServer = "virgl_test_server";
constexpr const char* kPreload = "libviaduct_vtest.so";
// LLVM's code, a stack of 8 MiB and an arena of malloc's of 64 MiB for each of up to 32 rendering threads.
constexpr uint64_t kOwnNeeds = 4ull << 30;

std::string find_in_path(const std::string& name) {
  const char* list = std::getenv("PATH");
  std::istringstream folders(list == nullptr ? "" : list);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code error;
    const fs::path path = fs::canonical(fs::path(folder) / name, error);
    if (!error && fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return {};
}

}  // namespace

tl::expected<sandbox::LaunchConfig, std::string> make_gl_launch_config(const Config& config) {
  sandbox::LaunchConfig launch;
  launch.worker = find_in_path(kServer);
  if (launch.worker.empty()) {
    return tl::unexpected(std::string("--gl virgl needs virglrenderer's ") + kServer +
                          ", which is not in PATH; install it (Debian: apt install virgl-server)");
  }
  std::string tried;
  const std::string preload = find_beside(kPreload, tried);
  if (preload.empty()) {
    return tl::unexpected(std::string("--gl virgl: ") + kPreload + " was not found (tried " + tried +
                          "); build it, or reinstall the package");
  }
  launch.name = "viaduct-virgl";
  // One client, no window system. The path is never made: the preloaded library has the connection.
  launch.arguments = {"--no-loop-or-fork", "--use-egl-surfaceless", "--socket-path=/viaduct/vtest"};
  sandbox::ViewOptions view;
  view.extra = config.expose;
  view.extra.push_back(preload);
  launch.view = sandbox::make_view(view);
  launch.groups = sandbox::device_groups(launch.view);
  launch.environment = {"LD_PRELOAD=" + preload,    "MESA_SHADER_CACHE_DISABLE=true",
                        "__GL_SHADER_DISK_CACHE=0", "HOME=/",
                        "PATH=/usr/bin:/bin",       "LANG=C.UTF-8"};
  inherit_environment(launch.environment);
  // A service that was started with a guest's settings must not ask itself to render.
  std::erase(launch.environment, "GALLIUM_DRIVER=virpipe");
  return launch;
}

uint64_t gl_address_space(const TenantConfig& limits) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  const uint64_t arena = limits.arena_bytes;
  const uint64_t device = limits.device_memory_bytes;
  if (device > kMost - kOwnNeeds || arena > kMost - kOwnNeeds - device) return kMost;
  return kOwnNeeds + arena + device;
}

}  // namespace viaduct::host::daemon
