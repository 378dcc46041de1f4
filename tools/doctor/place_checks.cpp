#include "tools/doctor/place_checks.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/unique_fd.hpp"
#include "transport/stream/token.hpp"

namespace viaduct::tools {
namespace {

constexpr std::uint64_t kPage = 4096;

std::string variable(const char* name) {
  const char* value = ::secure_getenv(name);
  return value == nullptr ? "" : value;
}

std::string group_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "render";
  const group* found = ::getgrgid(info.st_gid);
  return found != nullptr ? found->gr_name : std::to_string(info.st_gid);
}

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : "USER";
}

std::string how_to_name(const char* url_file) {
  return "echo vsock://host:7707 >" + std::string(url_file) + "    # or tcp://ADDRESS:7707, as the host says";
}

std::string how_to_join(const std::string& user, const std::string& group) {
  return "adduser " + user + " " + group + "    # as root; counts from the next login on";
}

std::string in_mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

std::vector<transport::Url> check_places(Report& report, const char* url_file) {
  const bool given = !variable("VIADUCT_URL").empty();
  const bool has_file = ::access(url_file, F_OK) == 0;
  if (!given && has_file && ::access(url_file, R_OK) != 0) {
    report.wrong("place", std::string(url_file) + ": " + std::strerror(errno),
                 "chmod 0644 " + std::string(url_file) + "    # as root");
  }
  std::vector<transport::Url> urls;
  const std::string own = "unix://" + variable("XDG_RUNTIME_DIR") + "/viaduct/viaduct.sock";
  for (const std::string& place : transport::standard_places(url_file)) {
    std::string source = given ? "VIADUCT_URL" : place == own ? "XDG_RUNTIME_DIR" : std::string(url_file);
    if (source == url_file && place == "unix:///run/viaduct/viaduct.sock") {
      source =
          has_file ? std::string(url_file) + ", or because it names none" : "no " + source + ": the default";
    }
    const auto url = transport::parse_url(place);
    if (url) {
      urls.push_back(*url);
      report.ok("place", transport::to_string(*url) + " (" + source + ")");
    } else {
      report.wrong("place", "'" + place + "' (" + source + "): " + to_string(url.error()),
                   given ? "unset VIADUCT_URL, or set it to vsock://host:7707 or tcp://ADDRESS:7707"
                         : how_to_name(url_file));
    }
  }
  return urls;
}

void check_token(Report& report) {
  const auto file = transport::token_file();
  if (!file) {
    report.wrong("token", "over TCP the host asks for one, and there is no /etc/viaduct/token",
                 "install -m 0640 -g render /dev/null /etc/viaduct/token    # as root; then into it what\n"
                 "cat /etc/viaduct/tokens/NAME    # shows on the host");
    return;
  }
  const auto token = transport::read_token_file(*file);
  if (token) {
    report.ok("token", *file + " can be read");
  } else if (token.error().code == Errc::refused) {
    report.wrong("token", *file + ": this user may not read it", how_to_join(user_name(), group_of(*file)));
  } else if (token.error().code == Errc::not_found) {
    report.wrong("token", *file + ": there is no such file",
                 "unset VIADUCT_TOKEN_FILE    # or name the file that has the token");
  } else {
    report.wrong("token", *file + ": " + to_string(token.error()),
                 "cat /etc/viaduct/tokens/NAME    # on the host; that is to stand in " + *file);
  }
}

void check_vsock(Report& report, const char* device) {
  const UniqueFd opened(::open(device, O_RDONLY | O_CLOEXEC));
  if (!opened) {
    report.wrong(
        "vsock", std::string(device) + ": " + std::strerror(errno),
        "modprobe vmw_vsock_virtio_transport    # as root; it finds a device only if the VM has one:\n"
        "viaductctl vm show NAME    # on the host says how to add it");
    return;
  }
  unsigned int cid = VMADDR_CID_ANY;
  if (::ioctl(opened.get(), IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) != 0 || cid == VMADDR_CID_ANY ||
      cid <= VMADDR_CID_HOST) {
    report.wrong("vsock", "this machine has no CID: it has no vsock device, or its module is not loaded",
                 "modprobe vmw_vsock_virtio_transport    # as root; if that does not help,\n"
                 "viaductctl vm show NAME    # on the host says how to add the device");
    return;
  }
  report.ok("vsock", "this machine's CID is " + std::to_string(cid));
}

std::vector<MemoryDevice> find_memory_devices(const std::string& root) {
  std::vector<MemoryDevice> devices;
  for (const transport::PciMemory& found : transport::find_pci_memory(root)) {
    MemoryDevice device{found, 0};
    if (const auto mapped = transport::map_pci_memory(found, 0, kPage); !mapped)
      device.mapped = mapped.error().sys_errno == 0 ? EIO : mapped.error().sys_errno;
    devices.push_back(std::move(device));
  }
  return devices;
}

std::string chosen_lockdown(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return text.substr(open + 1, close - open - 1);
}

MemorySurroundings memory_surroundings(const std::vector<MemoryDevice>& devices) {
  MemorySurroundings around;
  around.root = ::geteuid() == 0;
  around.user = user_name();
  if (!devices.empty()) around.group = group_of(devices.front().found.resource);
  std::ifstream lockdown("/sys/kernel/security/lockdown");
  around.lockdown.assign(std::istreambuf_iterator<char>(lockdown), {});
  return around;
}

void check_memory_devices(const std::vector<MemoryDevice>& devices, const MemorySurroundings& around,
                          Report& report) {
  const char* const name = "memory device";
  // Without it sessions are stream only, which is well where nobody has asked for anything else.
  const auto say = [&](const std::string& text, const std::string& mend) {
    if (around.wanted)
      report.wrong(name, text, mend);
    else
      report.warn(name, text + "; sessions are stream only", mend);
  };
  if (devices.empty()) {
    const std::string text = "this machine has none (ivshmem, 1af4:1110)";
    if (around.wanted)
      report.wrong(
          name, text + ", and the place says region=ivshmem",
          "viaductctl vm show NAME    # on the host says how to add it; or leave ?region=ivshmem away");
    else
      report.ok(name, text + "; sessions are stream only");
    return;
  }
  for (const MemoryDevice& device : devices) {
    const std::string which = device.found.name + ", " + in_mebibytes(device.found.size);
    const std::string lockdown = chosen_lockdown(around.lockdown);
    if (device.mapped == 0 && device.found.enabled) {
      report.ok(name, which + ", can be mapped");
    } else if (device.mapped == EACCES) {
      if (around.group == "root") {
        say(which + ": only root may map it; the udev rule has not been applied",
            "udevadm control --reload; udevadm trigger --subsystem-match=pci    # as root");
      } else {
        say(which + ": " + around.user + " may not map it, and is not a member of " + around.group,
            how_to_join(around.user, around.group));
      }
    } else if (device.mapped == EPERM) {
      say(which + ": the kernel's lockdown" + (lockdown.empty() ? "" : " (" + lockdown + ")") +
              " lets no program map devices, because the VM was started by Secure Boot",
          "switch Secure Boot off in the VM's firmware, or stay stream only");
    } else if (!device.found.enabled) {
      say(which + ": not enabled, so it does not answer at its addresses",
          "echo 1 >" + (std::filesystem::path(device.found.resource).parent_path() / "enable").string() +
              "    # as root; the package's udev rule does it at each start");
    } else {
      say(which + ": cannot be mapped: " + std::strerror(device.mapped),
          "ls -l " + device.found.resource + "; dmesg | tail    # what the kernel says of it");
    }
  }
}

}  // namespace viaduct::tools
