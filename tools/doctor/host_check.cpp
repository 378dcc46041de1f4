#include "tools/doctor/host_check.hpp"

#include <cerrno>

#include "base/clock.hpp"
#include "tools/service/service.hpp"
#include "transport/stream/connect.hpp"

namespace viaduct::tools {
namespace {

using transport::Url;
using transport::UrlKind;

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

const char* kind_name(std::uint32_t type) {
  constexpr const char* kNames[] = {"another kind of device", "an integrated GPU", "a discrete GPU",
                                    "a virtual GPU", "a CPU"};
  return type < std::size(kNames) ? kNames[type] : kNames[0];
}

}  // namespace

std::string how_to_reach(const Url& url, const Error& error) {
  if (url.kind == UrlKind::unix_socket) {
    if (error.sys_errno == EACCES) return "ls -l " + url.path + "    # who may open it is the tenant";
    return "in a container, mount the host's socket at " + url.path +
           "; in a VM,\necho vsock://host:7707 >/etc/viaduct/url    # or what `viaductctl vm show NAME` says "
           "on the host";
  }
  if (url.kind == UrlKind::vsock) {
    return "on the host: viaductctl doctor    # `listen` has vsock://any:" + std::to_string(url.port) +
           ", and viaductd runs";
  }
  if (error.sys_errno == ECONNREFUSED)
    return "on the host: viaductctl doctor    # `listen` has tcp://ADDRESS:" + std::to_string(url.port) +
           ", and viaductd runs";
  return "ping " + url.host +
         "    # whether the address is right; a firewall of the host's may be in between";
}

std::string how_to_be_let_in(const Url& url, const std::string& refusal) {
  if (says(refusal, "the token's file")) return "what the line `token` says";
  if (says(refusal, "version"))
    return "install the viaduct-guest of the host's version: its packages are of one version";
  if (url.kind == UrlKind::tcp && says(refusal, "token"))
    return "cat /etc/viaduct/tokens/NAME    # on the host; that is to stand in /etc/viaduct/token here";
  if (url.kind == UrlKind::vsock && says(refusal, "CID"))
    return "viaductctl vm list    # on the host: whose CID is what; the VM's guest-cid must be its own";
  return "on the host: viaductctl doctor; journalctl -u viaductd -n 20";
}

bool check_host(const std::vector<Url>& places, int wait_ms, Report& report, Url& answered) {
  std::vector<Finding> failures;
  for (const Url& url : places) {
    const std::string place = transport::to_string(url);
    if (auto stream = transport::connect(url, Deadline::after_ms(wait_ms)); !stream) {
      // $XDG_RUNTIME_DIR's is there only where a user runs viaductd.
      if (stream.error().code == Errc::not_found && &url != &places.back()) continue;
      failures.push_back({"host", State::wrong, place + " cannot be reached: " + to_string(stream.error()),
                          how_to_reach(url, stream.error())});
      continue;
    }
    const auto device = ask_device(url, wait_ms);
    if (!device) {
      failures.push_back({"host", State::wrong, device.error(), how_to_be_let_in(url, device.error())});
      continue;
    }
    if (!device->vulkan) {
      report.wrong(
          "host", place + " lends OpenGL only: it has no Vulkan driver",
          "viaductctl run -- PROGRAM    # for OpenGL; or on the host: apt install mesa-vulkan-drivers");
      return false;
    }
    report.ok("host", place + " answers, knows this machine, and lends it " + kind_name(device->device_type));
    answered = url;
    return true;
  }
  for (Finding& failure : failures) report.add(std::move(failure));
  return false;
}

}  // namespace viaduct::tools
