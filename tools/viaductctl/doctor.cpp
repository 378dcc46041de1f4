#include "tools/viaductctl/doctor.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.hpp"
#include "host-renderer/daemon/config.hpp"
#include "host-renderer/daemon/privileges.hpp"
#include "tools/viaductctl/child.hpp"
#include "tools/viaductctl/client.hpp"
#include "tools/viaductctl/doctor_vms.hpp"
#include "tools/viaductctl/vm_print.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;
using host::daemon::Config;

constexpr int kListGpusMs = 25'000;
constexpr int kFirstWorkerMs = 12'000;
constexpr const char* kRestart = "systemctl restart viaductd    # ends the sessions that run";

std::string word_of(const char* file) {
  std::ifstream stream(file);
  std::string word;
  stream >> word;
  return word;
}

std::string version_text(uint32_t version) {
  return std::to_string(version >> 22 & 0x7f) + "." + std::to_string(version >> 12 & 0x3ff) + "." +
         std::to_string(version & 0xfff);
}

std::string user_name(uid_t uid) {
  const passwd* user = ::getpwuid(uid);
  return user != nullptr ? user->pw_name : std::to_string(uid);
}

std::string group_name(gid_t gid) {
  const group* found = ::getgrgid(gid);
  return found != nullptr ? found->gr_name : std::to_string(gid);
}

bool systemd_has_service() {
  std::error_code none;
  return fs::exists("/run/systemd/system", none) &&
         fs::exists("/usr/lib/systemd/system/viaductd.service", none);
}

std::string how_to_start() {
  return systemd_has_service() ? "systemctl start viaductd; journalctl -u viaductd -n 20"
                               : "viaductd --listen unix:///run/viaduct/viaduct.sock";
}

// The settings, or the defaults where there is no file.
Config check_settings(const DoctorOptions& options, const fs::path& file, Report& report) {
  std::error_code none;
  Config config = host::daemon::default_config();
  if (!fs::exists(file, none)) {
    const fs::path folder = fs::path(options.config_dir) / "tenants.d";
    if (auto added = host::daemon::load_tenants(folder, config); !added) {
      report.wrong("settings", added.error(), "mend that line, then " + std::string(kRestart));
    } else {
      report.ok("settings", "no " + file.string() + ": every setting at its default");
    }
    return config;
  }
  if (auto loaded = host::daemon::load_config(file)) {
    report.ok("settings", file.string() + ", " + std::to_string(loaded->tenants.size()) + " tenants named");
    return *loaded;
  } else if (::access(file.c_str(), R_OK) != 0) {
    report.warn("settings", loaded.error(), "sudo viaductctl doctor");
  } else {
    report.wrong("settings", loaded.error(), "mend that line, then " + std::string(kRestart));
  }
  return config;
}

// What keeps a user from making the namespaces that confine workers.
std::string how_to_confine() {
  if (::geteuid() == 0) {
    return "run viaductd outside of this container, or give the container CAP_SYS_ADMIN";
  }
  if (word_of("/proc/sys/user/max_user_namespaces") == "0") return "sysctl user.max_user_namespaces=15000";
  if (word_of("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "sysctl kernel.unprivileged_userns_clone=1";
  if (word_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  return "run viaductd as root: it gives root up before it reads a guest's byte";
}

void say_sandbox(bool complete, const std::string& what, Report& report) {
  if (complete)
    report.ok("sandbox", what);
  else
    report.wrong("sandbox", "workers are not fully confined: " + what, how_to_confine());
}

// viaductd beside this program, as it lies in a build tree and below a prefix.
std::string find_viaductd() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {folder / "viaductd", folder / "../sbin/viaductd"}) {
    if (fs::exists(place, error)) return place.lexically_normal();
  }
  return "viaductd";
}

std::string last_line(const std::string& text) {
  std::istringstream lines(text);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::string line_with(const std::string& text, const std::string& words) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (const std::size_t at = line.find(words); at != std::string::npos)
      return line.substr(at + words.size());
  }
  return {};
}

// Nobody serves: a worker is started as the service would, in its sandbox and on its driver.
void try_a_worker(const fs::path& settings, Report& report) {
  std::vector<std::string> command = {find_viaductd(), "--list-gpus"};
  std::error_code none;
  if (fs::exists(settings, none)) command.insert(command.end(), {"--config", settings.string()});
  const ChildOutput done = run_child(command, kListGpusMs);
  if (done.late) {
    report.wrong("Vulkan driver",
                 "a worker did not get it to load within " + std::to_string(kListGpusMs / 1000) + " s",
                 "vulkaninfo --summary    # whether it works by itself");
    return;
  }
  if (done.status == 127 && done.err.empty()) {
    report.wrong("Vulkan driver", "not tried: there is no viaductd", "apt install ./viaduct-host_*.deb");
    return;
  }
  if (done.status != 0) {
    std::string why = last_line(done.err);
    if (why.starts_with("viaductd: ")) why = why.substr(10);
    const bool none_there = why.find("no Vulkan driver") != std::string::npos;
    report.wrong("Vulkan driver", why.empty() ? "a worker could not load it" : why,
                 none_there ? "apt install mesa-vulkan-drivers    # or your GPU's own"
                            : "vulkaninfo --summary    # whether it works without Viaduct");
    return;
  }
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);) report.ok("Vulkan driver", "loads in a worker: " + line);
  const std::string missing = line_with(done.err, "NOT fully confined: ");
  say_sandbox(missing.empty(), missing.empty() ? "works here" : missing, report);
}

// A service that has just started has no worker yet.
tl::expected<control::AdminReply, std::string> ask_gpus(const transport::Url& url) {
  control::AdminRequest request;
  request.mutable_gpus();
  const Deadline deadline = Deadline::after_ms(kFirstWorkerMs);
  for (;;) {
    auto reply = ask(url, request);
    const bool early = !reply && reply.error().find("no worker has started yet") != std::string::npos;
    if (!early || deadline.expired()) return reply;
    ::usleep(100'000);
  }
}

void check_gpus(const transport::Url& url, const Config& config, Report& report) {
  const auto reply = ask_gpus(url);
  if (!reply) {
    const bool lends_gl = config.gl == "virgl" && reply.error().find("OpenGL only") != std::string::npos;
    if (lends_gl)
      report.warn("Vulkan driver", reply.error());
    else
      report.wrong("Vulkan driver", reply.error(),
                   "vulkaninfo --summary    # whether it works without Viaduct");
    return;
  }
  for (const control::Gpu& gpu : reply->gpus().gpus()) {
    report.ok("Vulkan driver", gpu.name() + ", " + gpu.driver_name() + " " + gpu.driver_info() + ", Vulkan " +
                                   version_text(gpu.api_version()));
  }
  if (reply->gpus().gpus().empty()) {
    report.wrong("Vulkan driver", "it offers no GPU",
                 "vulkaninfo --summary    # whether it works without Viaduct");
  }
}

// Who may open a tenant's socket is that tenant.
void check_socket(const control::TenantStatus& tenant, Report& report) {
  const std::string name = "tenant " + tenant.name();
  if (tenant.socket().find("://") != std::string::npos) {
    report.ok(name, "at " + tenant.socket());
    return;
  }
  struct stat info {};
  if (::stat(tenant.socket().c_str(), &info) != 0) {
    report.wrong(name, tenant.socket() + " is gone, so nobody can connect any more", kRestart);
    return;
  }
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", info.st_mode & 07777u);
  const std::string who =
      std::string(mode.data()) + " " + user_name(info.st_uid) + ":" + group_name(info.st_gid);
  if ((info.st_mode & 0002) != 0 && tenant.name() != host::daemon::kDefaultTenant) {
    report.warn(name, tenant.socket() + " (" + who + "): everybody on this machine may be this tenant",
                "socket_owner or socket_group, and socket_mode = \"0660\", in its section of the settings");
    return;
  }
  report.ok(name, tenant.socket() + " (" + who + ")");
}

void check_service(const DoctorOptions& options, const fs::path& settings, SettingsCheck& into,
                   Report& report) {
  const auto url = find_service(options.url);
  if (!url) {
    const bool denied = ::geteuid() != 0 && url.error().find("not allowed") != std::string::npos;
    report.wrong("service", url.error(), denied ? "sudo viaductctl doctor" : how_to_start());
    if (!denied) try_a_worker(settings, report);
    return;
  }
  control::AdminRequest request;
  request.mutable_status();
  const auto reply = ask(*url, request);
  if (!reply) {
    report.wrong("service", reply.error(),
                 ::geteuid() != 0 ? "sudo viaductctl doctor" : "journalctl -u viaductd -n 20");
    return;
  }
  const control::Status& status = reply->status();
  const std::string who = "viaductd " + status.version() + " at " + transport::to_string(*url) + ", pid " +
                          std::to_string(status.pid());
  if (status.version() == VIADUCT_VERSION)
    report.ok("service", who);
  else
    report.warn("service", who + ", and this viaductctl is " VIADUCT_VERSION, kRestart);
  check_gpus(*url, into.config, report);
  say_sandbox(status.sandbox_complete(), status.sandbox(), report);
  into.tenants.emplace();
  for (const control::TenantStatus& tenant : status.tenants()) {
    check_socket(tenant, report);
    into.tenants->insert(tenant.name());
    for (const control::SessionStatus& session : tenant.sessions()) {
      if (session.region() == "stream") ++into.stream_only[tenant.name()];
    }
  }
}

}  // namespace

Report examine_host(const DoctorOptions& options) {
  Report report;
  const fs::path file = fs::absolute(options.config_dir).lexically_normal() / "viaductd.toml";
  if (::geteuid() != 0)
    report.warn("user", user_name(::geteuid()) + ": what only root may see is not checked",
                "sudo viaductctl doctor");
  const Config config = check_settings(options, file, report);
  SettingsCheck check{.config = config, .file = file.string(), .tenants = {}, .stream_only = {}};
  check_service(options, file, check, report);
  check.service_uid = host::daemon::service_identity().uid;
  check_users(check, report);
  check_listeners(check, report);
  check_tokens(check, report);
  check_memory(check, report);
  return report;
}

}  // namespace viaduct::tools
