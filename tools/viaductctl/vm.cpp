#include "tools/viaductctl/vm.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/config.hpp"
#include "host-renderer/vm/memory_file.hpp"
#include "tools/viaductctl/vm_print.hpp"

namespace viaduct::tools {
namespace {

namespace fs = std::filesystem;
using host::daemon::Config;
using Done = tl::expected<void, std::string>;

// CIDs 0 to 2 are the hypervisor's, any's and the host's; libvirt's automatic ones begin at 3.
constexpr uint32_t kFirstGuestCid = 3;
constexpr uint32_t kFirstChosenCid = 100;

struct Places {
  explicit Places(const VmOptions& options)
      : folder(fs::absolute(options.config_dir).lexically_normal()),
        tenants(folder / "tenants.d"),
        tokens(folder / "tokens"),
        settings(tenants / (options.name + ".toml")),
        token(tokens / options.name) {}
  fs::path folder, tenants, tokens, settings, token;
};

std::string system_words(const char* what, const fs::path& path) {
  const int error = errno;
  return std::string("cannot ") + what + " " + path.string() + ": " + std::strerror(error) +
         (error == EACCES || error == EPERM ? "; this is for root" : "");
}

tl::expected<Config, std::string> load(const Places& places) {
  const fs::path file = places.folder / "viaductd.toml";
  std::error_code none;
  if (fs::exists(file, none)) return host::daemon::load_config(file);
  Config config = host::daemon::default_config();
  if (auto added = host::daemon::load_tenants(places.tenants, config); !added)
    return tl::unexpected(added.error());
  return config;
}

Done make_folder(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    // Whatever the caller's umask is.
    if (::chmod(path.c_str(), mode) == 0) return {};
  } else if (errno == EEXIST) {
    return {};
  }
  return tl::unexpected(system_words("make", path));
}

// Held until the descriptor closes.
tl::expected<UniqueFd, std::string> lock(const fs::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX) != 0) return tl::unexpected(system_words("open", folder));
  return fd;
}

// The file is new, and complete or not there.
Done write_new(const fs::path& path, mode_t mode, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return tl::unexpected(system_words("make", path));
  const bool written = ::fchmod(file.get(), mode) == 0 &&
                       ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(file.get()) == 0;
  if (written) return {};
  auto failed = tl::unexpected(system_words("write", path));
  ::unlink(path.c_str());
  return failed;
}

tl::expected<std::string, std::string> new_token() {
  std::array<unsigned char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return tl::unexpected(std::string("the kernel gives no random bytes"));
  std::string token;
  for (const unsigned char byte : bytes) {
    token.push_back("0123456789abcdef"[byte >> 4]);
    token.push_back("0123456789abcdef"[byte & 15]);
  }
  return token + "\n";
}

bool is_user(const std::string& name) {
  return ::getpwnam(name.c_str()) != nullptr ||
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string where(const Config& config, const std::string& name) {
  const auto place = config.tenant_places.find(name);
  return place == config.tenant_places.end() ? "" : place->second;
}

tl::expected<uint32_t, std::string> choose_cid(const VmOptions& options, const Config& config) {
  std::set<uint32_t> taken;
  for (const auto& [name, tenant] : config.tenants) {
    if (!tenant.cid) continue;
    if (options.cid && tenant.cid == options.cid)
      return tl::unexpected("CID " + std::to_string(*options.cid) + " is that of tenant " + name +
                            " already; without --cid a free one is taken");
    taken.insert(*tenant.cid);
  }
  if (options.cid && (*options.cid < kFirstGuestCid || *options.cid == UINT32_MAX))
    return tl::unexpected("CIDs of VMs are from 3 to 4294967294, not " + std::to_string(*options.cid));
  if (options.cid) return *options.cid;
  uint32_t cid = kFirstChosenCid;
  while (taken.contains(cid)) ++cid;
  return cid;
}

// The settings as the service will read them; what it would say against them is said here.
tl::expected<std::string, std::string> make_settings(const VmOptions& options, const Places& places,
                                                     Config& config) {
  const std::string& name = options.name;
  if (name == host::daemon::kDefaultTenant)
    return tl::unexpected(std::string("the tenant default is no VM's"));
  if (config.tenants.contains(name))
    return tl::unexpected("tenant " + name + " exists already: " + where(config, name));
  const auto cid = choose_cid(options, config);
  if (!cid) return tl::unexpected(cid.error());
  std::string text = "# Written by viaductctl vm add; viaductd(8) has every key.\n[tenants.";
  text += name.find('.') == std::string::npos ? name : "\"" + name + "\"";
  text += "]\ncid = " + std::to_string(*cid) + "\ntoken_file = \"" + places.token.string() + "\"\n";
  if (!options.memory.empty()) {
    const auto bytes = host::daemon::parse_size(options.memory);
    if (!bytes || !std::has_single_bit(*bytes) || *bytes < host::daemon::kMinVmMemory ||
        *bytes > host::daemon::kMaxVmMemory)
      return tl::unexpected("--memory wants a power of two from 32 MiB to 1024 GiB, like \"512 MiB\", not '" +
                            options.memory + "'");
    text += "memory = \"" + spell_size(*bytes) + "\"\n";
  }
  if (!options.memory_owner.empty()) {
    if (!is_user(options.memory_owner))
      return tl::unexpected("--memory-owner: there is no user '" + options.memory_owner + "' on this host");
    text += "memory_owner = \"" + options.memory_owner + "\"\n";
  }
  if (options.doorbell) text += "doorbell = true\n";
  if (const auto fits = host::daemon::parse_tenants(text, places.settings, config); !fits)
    return tl::unexpected(fits.error());
  if (config.tenants[name].token_file != places.token)
    return tl::unexpected("the folder's name cannot stand in the settings: " + places.folder.string());
  return text;
}

Done write_vm(const Places& places, const std::string& settings) {
  const auto token = new_token();
  if (!token) return tl::unexpected(token.error());
  if (auto made = make_folder(places.tokens, 0700); !made) return made;
  if (auto written = write_new(places.token, 0600, *token); !written) return written;
  // Under this name the service does not read it.
  const fs::path fresh = places.settings.string() + ".new";
  ::unlink(fresh.c_str());
  auto written = write_new(fresh, 0644, settings);
  if (written && ::rename(fresh.c_str(), places.settings.c_str()) != 0)
    written = tl::unexpected(system_words("make", places.settings));
  if (written) return {};
  ::unlink(fresh.c_str());
  ::unlink(places.token.c_str());
  return written;
}

VmRecipe recipe_of(const std::string& name, const Config& config, const Places& places) {
  return {.name = name,
          .settings = config.tenants.at(name),
          .config_dir = places.folder,
          .listen = config.listen};
}

tl::expected<std::string, std::string> add(const VmOptions& options, const Places& places) {
  if (auto made = make_folder(places.tenants, 0755); !made) return tl::unexpected(made.error());
  const auto held = lock(places.tenants);
  if (!held) return tl::unexpected(held.error());
  auto config = load(places);
  if (!config) return tl::unexpected(config.error());
  const auto settings = make_settings(options, places, *config);
  if (!settings) return tl::unexpected(settings.error());
  if (auto written = write_vm(places, *settings); !written) return tl::unexpected(written.error());
  return "wrote " + places.settings.string() + "\nwrote " + places.token.string() + "\n\n" +
         vm_recipe(recipe_of(options.name, *config, places), options.print);
}

tl::expected<std::string, std::string> show(const VmOptions& options, const Places& places) {
  const auto config = load(places);
  if (!config) return tl::unexpected(config.error());
  if (!config->tenants.contains(options.name))
    return tl::unexpected("there is no tenant " + options.name + "; `viaductctl vm list` names them");
  return "settings: " + where(*config, options.name) + "\n\n" +
         vm_recipe(recipe_of(options.name, *config, places), options.print);
}

tl::expected<std::string, std::string> list(const Places& places) {
  const auto config = load(places);
  if (!config) return tl::unexpected(config.error());
  return vm_table(*config);
}

tl::expected<std::string, std::string> remove(const VmOptions& options, const Places& places) {
  std::error_code none;
  const bool settings = fs::exists(fs::symlink_status(places.settings, none));
  const bool token = fs::exists(fs::symlink_status(places.token, none));
  // A file that the service could not read either may go, whatever it holds.
  if (const auto config = load(places); config) {
    const std::string mine = places.settings.string() + ":";
    for (const auto& [name, place] : config->tenant_places) {
      if (name != options.name && place.starts_with(mine))
        return tl::unexpected("tenant " + name + " stands in " + place + " too; edit that file");
      if (name == options.name && !place.starts_with(mine))
        return tl::unexpected("tenant " + name + " stands in " + place + "; remove it there");
    }
  }
  if (!settings && !token)
    return tl::unexpected("there is no VM " + options.name + " in " + places.folder.string());
  const auto held = lock(places.tenants);
  if (!held) return tl::unexpected(held.error());
  std::string text;
  for (const fs::path& path : {places.settings, places.token}) {
    if (::unlink(path.c_str()) == 0)
      text += "removed " + path.string() + "\n";
    else if (errno != ENOENT)
      return tl::unexpected(system_words("remove", path));
  }
  text +=
      "The running service knows the VM until it starts again, which ends the sessions that run:\n"
      "     systemctl restart viaductd\n";
  const std::string memory = host::vm::memory_path(options.name);
  if (fs::exists(fs::symlink_status(memory, none)))
    text += "Its shared memory is there until the host starts again; once the VM is off:\n     rm " + memory +
            "\n";
  return text;
}

}  // namespace

tl::expected<std::string, std::string> manage_vms(const VmOptions& options) {
  const Places places(options);
  switch (options.verb) {
    case VmVerb::add:
      return add(options, places);
    case VmVerb::show:
      return show(options, places);
    case VmVerb::remove:
      return remove(options, places);
    default:
      return list(places);
  }
}

}  // namespace viaduct::tools
