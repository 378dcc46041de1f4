#include "tools/viaductctl/run.hpp"

#include <unistd.h>
#include <vulkan/vulkan_core.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/clock.hpp"
#include "tools/viaductctl/client.hpp"
#include "tools/viaductctl/opengl.hpp"
#include "transport/stream/connect.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;

constexpr int kConnectMs = 3000;

// The tenant's socket beside the first one; made by the service if it is not there yet.
tl::expected<transport::Url, std::string> tenant_url(const transport::Url& base, const std::string& tenant) {
  if (tenant.empty() || tenant == "default") return base;
  if (base.kind != transport::UrlKind::unix_socket) {
    return tl::unexpected("--tenant works with Unix sockets; over " + transport::to_string(base) +
                          " the machine is the tenant");
  }
  transport::Url url = base;
  url.path = base.path + ".d/" + tenant + ".sock";
  const auto connected = transport::connect(url, Deadline::after_ms(kConnectMs));
  if (connected) return url;
  if (connected.error().code == Errc::refused && connected.error().sys_errno == EACCES) {
    return tl::unexpected("tenant " + tenant + ": not allowed to connect to " + url.path +
                          "; its owner and mode say who may ([tenants." + tenant +
                          "] in viaductd's configuration)");
  }
  control::AdminRequest request;
  request.mutable_add_tenant()->set_name(tenant);
  const auto reply = ask(base, request);
  if (!reply) return tl::unexpected("tenant " + tenant + ": " + reply.error());
  url.path = reply->tenant_socket();
  return url;
}

// A Vulkan program needs none of it, so what is missing is said and the program starts all the same.
// Not so for who names the way: then what is returned, if anything, is why the program does not start.
std::string prepare_gl(const transport::Url& url, const std::string& way) {
  const auto device = ask_device(url);
  std::string trouble;
  if (!device) {
    trouble = "OpenGL programs will not use Viaduct: " + device.error();
  } else if (way == "virgl" || (way.empty() && !device->vulkan && device->gl_server)) {
    trouble = !device->gl_server
                  ? "this service lends no OpenGL of the host's; start viaductd with --gl virgl"
              : url.kind != transport::UrlKind::unix_socket
                  ? "the host's OpenGL is reached by Unix sockets only, not by " + transport::to_string(url)
                  : set_up_virgl(url.path);
  } else {
    trouble = set_up_gl(device->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU);
  }
  if (way.empty() && !trouble.empty()) std::fprintf(stderr, "viaductctl: %s\n", trouble.c_str());
  return way.empty() ? "" : trouble;
}

}  // namespace

std::string find_manifest() {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::vector<fs::path> places;
  if (length > 0) {
    const fs::path prefix =
        fs::path(std::string(self.data(), static_cast<std::size_t>(length))).parent_path().parent_path();
    places.push_back(prefix / "share/vulkan/icd.d/viaduct_icd.json");
  }
  for (const char* folder :
       {"/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"}) {
    places.push_back(fs::path(folder) / "viaduct_icd.json");
  }
  std::error_code error;
  for (const fs::path& place : places) {
    if (fs::exists(place, error)) return place.string();
  }
  return {};
}

std::string run_program(const CtlOptions& options) {
  const std::string manifest = find_manifest();
  if (manifest.empty()) {
    return "the driver's manifest viaduct_icd.json was found neither beside this program nor in the system; "
           "build it, or install the package";
  }
  const auto base = find_service(options.url);
  if (!base) return base.error();
  const auto url = tenant_url(*base, options.tenant);
  if (!url) return url.error();
  ::setenv("VIADUCT_URL", transport::to_string(*url).c_str(), 1);
  ::setenv("VK_DRIVER_FILES", manifest.c_str(), 1);
  ::setenv("VK_ICD_FILENAMES", manifest.c_str(), 1);  // what the variable was called before Vulkan 1.3.207
  if (options.gl) {
    if (std::string trouble = prepare_gl(*url, options.gl_by); !trouble.empty()) return trouble;
  }
  std::vector<char*> arguments;
  for (const std::string& word : options.program) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  return "cannot run " + options.program.front() + ": " + std::strerror(errno);
}

}  // namespace viaduct::tools
