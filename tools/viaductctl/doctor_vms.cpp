#include "tools/viaductctl/doctor_vms.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
// After sys/socket.h, whose types it uses.
#include <linux/vm_sockets.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/unique_fd.hpp"
#include "protocol/control/handshake.hpp"
#include "tools/viaductctl/vm_print.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/token.hpp"

namespace viaduct::tools {
namespace {

using host::daemon::TenantConfig;

constexpr int kConnectMs = 1000;
constexpr const char* kRestart = "systemctl restart viaductd    # ends the sessions that run";

bool is_number(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_vm(const TenantConfig& tenant) {
  return tenant.cid || !tenant.token_file.empty() || tenant.memory_bytes != 0;
}

std::string quoted_listen(const std::vector<std::string>& places, const std::string& added) {
  std::string out = "listen = [";
  for (const std::string& place : places) out += "\"" + place + "\", ";
  return out + "\"" + added + "\"]";
}

// Whether somebody listens on this port for VMs: then nobody else may.
bool vsock_port_is_taken(uint32_t port) {
  const UniqueFd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_ANY;
  address.svm_port = port;
  return socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
         errno == EADDRINUSE;
}

void check_vhost_vsock(const SettingsCheck& check, Report& report) {
  const char* const name = "/dev/vhost-vsock";
  const UniqueFd device(::open(check.vhost_vsock.c_str(), O_RDWR | O_CLOEXEC));
  if (device) {
    report.ok(name, "opens; who runs QEMU must be able to open it too (root, or on Debian the group kvm)");
  } else if (errno == EACCES || errno == EPERM) {
    report.warn(name, "it is there, and only root may tell whether it opens", "sudo viaductctl doctor");
  } else {
    report.wrong(name, std::string("QEMU cannot give VMs a CID: ") + std::strerror(errno),
                 "modprobe vhost_vsock\necho vhost_vsock >/etc/modules-load.d/viaduct.conf");
  }
}

void check_listener(const transport::Url& url, const SettingsCheck& check, Report& report) {
  const std::string name = transport::to_string(url);
  if (url.kind == transport::UrlKind::vsock) {
    check_vhost_vsock(check, report);
    if (vsock_port_is_taken(url.port))
      report.ok(name, "listening");
    else
      report.wrong(name, "nobody listens on this port", kRestart);
    return;
  }
  if (url.kind == transport::UrlKind::unix_socket) return;  // where the service was looked for
  if (const auto stream = transport::connect(url, Deadline::after_ms(kConnectMs))) {
    report.ok(name, "listening");
    return;
  } else {
    report.wrong(name, "nobody answers: " + to_string(stream.error()),
                 "ip address    # whether an interface has this address; then\n" + std::string(kRestart));
  }
}

// Whether this user, with its groups, may open the file for reading and writing; 0, or why not.
int errno_of_opening(const passwd& user, const std::string& path) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (::initgroups(user.pw_name, user.pw_gid) != 0 || ::setgid(user.pw_gid) != 0 ||
        ::setuid(user.pw_uid) != 0) {
      ::_exit(errno);
    }
    ::_exit(::open(path.c_str(), O_RDWR | O_CLOEXEC) >= 0 ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

void check_token(const std::string& name, const std::string& path, std::map<std::string, std::string>& seen,
                 Report& report) {
  const std::string what = "token of " + name;
  const auto token = transport::read_token_file(path);
  if (!token && token.error().code == Errc::refused && ::geteuid() != 0) {
    report.warn(what, path + ": only root may see it", "sudo viaductctl doctor");
    return;
  }
  if (!token) {
    report.wrong(
        what,
        path + ": " +
            (token.error().code == Errc::not_found ? "there is no such file" : to_string(token.error())),
        "(umask 077; head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \\n' >" + path + ")\n" + kRestart);
    return;
  }
  for (const auto& [other, taken] : seen) {
    if (!protocol::same_token(*token, taken)) continue;
    report.wrong(what, path + ": the same as that of " + other + ", so the service does not start",
                 "viaductctl vm remove " + name + "; viaductctl vm add " + name);
    return;
  }
  seen.emplace(name, *token);
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 0077) != 0) {
    report.wrong(what, path + ": others on this host may read it, or may some day, and with it be this VM",
                 "chmod 0600 " + path);
    return;
  }
  report.ok(what, path + ", its owner's alone");
}

void check_opener(const std::string& name, const TenantConfig& tenant, const std::string& path,
                  Report& report) {
  if (tenant.memory_owner.empty() || ::geteuid() != 0) return;
  const passwd* user =
      is_number(tenant.memory_owner)
          ? ::getpwuid(static_cast<uid_t>(std::strtoul(tenant.memory_owner.c_str(), nullptr, 10)))
          : ::getpwnam(tenant.memory_owner.c_str());
  if (user == nullptr) return;  // check_users has said so, or it is a number without a name
  if (const int error = errno_of_opening(*user, path); error != 0) {
    report.wrong("memory of " + name,
                 "memory_owner " + tenant.memory_owner + " cannot open " + path + ": " + std::strerror(error),
                 kRestart);
  }
}

void check_file(const std::string& name, const TenantConfig& tenant, const SettingsCheck& check,
                Report& report) {
  const std::string what = "memory of " + name;
  const std::string path = host::vm::memory_path(name, check.memory_folder);
  host::vm::MemoryFileOptions wanted;
  wanted.tenant = name;
  wanted.size = tenant.memory_bytes;
  wanted.service_uid = check.service_uid;
  wanted.folder = check.memory_folder;
  const auto sight = host::vm::look_at_memory_file(wanted);
  if (!sight) {
    report.wrong(what, sight.error().substr(0, sight.error().find("; stop the VM")),
                 "rm " + path + "    # with its VM stopped; then\n" + kRestart);
    return;
  }
  if (*sight == host::vm::FileSight::missing) {
    report.wrong(what, path + " is not there; the service makes it when it starts", kRestart);
    return;
  }
  struct stat info {};
  ::stat(path.c_str(), &info);
  const uint64_t used = static_cast<uint64_t>(info.st_blocks) * 512;
  const std::string seen =
      path + ", " + spell_size(tenant.memory_bytes) + ", " + std::to_string(used >> 20) + " MiB of it in use";
  const auto without = check.stream_only.find(name);
  if (without == check.stream_only.end()) {
    report.ok(what, seen);
  } else {
    report.warn(what,
                seen + "; sessions that run without it: " + std::to_string(without->second) +
                    ". It is full, or the VM does not see it, or asked for none",
                "journalctl -u viaductd | grep 'without shared memory'    # why\n"
                "viaduct-doctor    # in the VM");
  }
  check_opener(name, tenant, path, report);
}

}  // namespace

void check_users(const SettingsCheck& check, Report& report) {
  for (const auto& [name, tenant] : check.config.tenants) {
    for (const auto& [key, user] :
         {std::pair{"socket_owner", tenant.socket_owner}, std::pair{"memory_owner", tenant.memory_owner}}) {
      if (user.empty() || is_number(user) || ::getpwnam(user.c_str()) != nullptr) continue;
      report.wrong("tenant " + name, std::string(key) + ": this host has no user '" + user + "'",
                   "adduser --system " + user);
    }
    if (!tenant.socket_group.empty() && !is_number(tenant.socket_group) &&
        ::getgrnam(tenant.socket_group.c_str()) == nullptr) {
      report.wrong("tenant " + name, "socket_group: this host has no group '" + tenant.socket_group + "'",
                   "addgroup --system " + tenant.socket_group);
    }
    if (check.tenants && !check.tenants->contains(name)) {
      report.warn("tenant " + name, "the service that runs does not know it, or has no way in for it",
                  kRestart);
    }
  }
}

void check_listeners(const SettingsCheck& check, Report& report) {
  bool vsock = false;
  bool tcp = false;
  for (const std::string& place : check.config.listen) {
    const auto url = transport::parse_url(place);
    if (!url) {
      report.wrong(place, to_string(url.error()), "mend `listen` in " + check.file + ", then " + kRestart);
      continue;
    }
    vsock = vsock || url->kind == transport::UrlKind::vsock;
    tcp = tcp || url->kind == transport::UrlKind::tcp;
    check_listener(*url, check, report);
  }
  for (const auto& [name, tenant] : check.config.tenants) {
    if (!is_vm(tenant) || (vsock && tenant.cid) || (tcp && !tenant.token_file.empty())) continue;
    report.wrong("listen", name + " is a VM, and no listener is there for it",
                 "in " + check.file + ": " + quoted_listen(check.config.listen, "vsock://any:7707") +
                     ", then\n" + kRestart);
    return;
  }
}

void check_tokens(const SettingsCheck& check, Report& report) {
  std::map<std::string, std::string> seen;
  for (const auto& [name, tenant] : check.config.tenants) {
    if (!tenant.token_file.empty()) check_token(name, tenant.token_file, seen, report);
  }
}

void check_memory(const SettingsCheck& check, Report& report) {
  uint64_t promised = 0;
  for (const auto& [name, tenant] : check.config.tenants) {
    if (tenant.memory_bytes == 0) continue;
    promised += tenant.memory_bytes;
    check_file(name, tenant, check, report);
  }
  struct statvfs room {};
  if (promised == 0 || ::statvfs(check.memory_folder.c_str(), &room) != 0) return;
  const uint64_t size = static_cast<uint64_t>(room.f_blocks) * room.f_frsize;
  if (size != 0 && size < promised) {
    report.warn(check.memory_folder,
                std::to_string(size >> 20) + " MiB are fewer than the VMs' memory together, " +
                    std::to_string(promised >> 20) + " MiB: programs die when it is full",
                "mount -o remount,size=" + std::to_string(promised >> 20) + "M " + check.memory_folder);
  }
}

}  // namespace viaduct::tools
