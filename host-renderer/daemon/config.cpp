#include "host-renderer/daemon/config.hpp"

#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "host-renderer/daemon/settings_reader.hpp"
#include "host-renderer/http/http_place.hpp"

namespace viaduct::host::daemon {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMinArena = 16 * kKiB * kKiB;
constexpr uint64_t kMaxArena = 1024ull * kKiB * kKiB * kKiB;
constexpr uint32_t kMaxObjects = 1u << 24;  // the index bits of an object id

void read_limits(SettingsReader& in, const toml::table& table, TenantConfig& out) {
  in.size(table, "arena", kMinArena, kMaxArena, out.arena_bytes);
  in.size(table, "device_memory", 0, std::numeric_limits<int64_t>::max(), out.device_memory_bytes);
  in.number(table, "max_objects", 1024, kMaxObjects, out.max_objects);
  in.number(table, "sessions", 0, 65536, out.sessions);
}

void read_mode(SettingsReader& in, const toml::table& table, TenantConfig& out) {
  std::string spelled;
  in.text(table, "socket_mode", spelled);
  if (spelled.empty()) return;
  unsigned mode = 0;
  const auto end = spelled.data() + spelled.size();
  const auto parsed = std::from_chars(spelled.data(), end, mode, 8);
  if (parsed.ec == std::errc() && parsed.ptr == end && mode <= 0777) {
    out.socket_mode = mode;
  } else {
    in.complain(*table.get("socket_mode"), "socket_mode wants an octal mode, like \"0660\"");
  }
}

void read_vm(SettingsReader& in, const toml::table& table, const Config& config, TenantConfig& out) {
  if (const toml::node* node = table.get("cid")) {
    uint32_t cid = 0;
    in.number(table, "cid", 1, UINT32_MAX - 1, cid);
    for (const auto& [name, other] : config.tenants) {
      if (cid != 0 && other.cid == cid)
        in.complain(*node, "cid " + std::to_string(cid) + " is that of tenant " + name + " already");
    }
    out.cid = cid;
  }
  in.text(table, "token_file", out.token_file);
  if (!out.token_file.empty() && out.token_file.front() != '/') {
    in.complain(*table.get("token_file"), "token_file wants an absolute path");
  }
  const std::size_t before = in.count();
  in.size(table, "memory", 0, kMaxVmMemory, out.memory_bytes);
  const bool memory_read = in.count() == before;
  if (out.memory_bytes != 0 && (out.memory_bytes < kMinVmMemory || !std::has_single_bit(out.memory_bytes))) {
    in.complain(*table.get("memory"),
                "memory wants a power of two from 32 MiB to 1024 GiB, like \"512 MiB\"");
  }
  in.text(table, "memory_owner", out.memory_owner);
  in.flag(table, "doorbell", out.doorbell);
  for (const char* key : {"memory_owner", "doorbell"}) {
    if (memory_read && out.memory_bytes == 0 && table.get(key) != nullptr)
      in.complain(*table.get(key), std::string(key) + " needs memory: without it there is nothing to share");
  }
}

void read_tenants(SettingsReader& in, const toml::table& root, Config& config) {
  const toml::node* node = root.get("tenants");
  if (node == nullptr) return;
  const toml::table* tenants = node->as_table();
  if (tenants == nullptr) return in.complain(*node, "tenants wants tables, like [tenants.alice]");
  for (const auto& [key, value] : *tenants) {
    const std::string name(key.str());
    const toml::table* table = value.as_table();
    if (table == nullptr) {
      in.complain(value, "tenants." + name + " wants a table, like [tenants." + name + "]");
      continue;
    }
    if (!valid_tenant_name(name)) {
      in.complain(value, "tenant name '" + name + "' wants letters, digits, '-', '_' and '.' only");
      continue;
    }
    if (const auto there = config.tenant_places.find(name); there != config.tenant_places.end()) {
      in.complain(value, "tenant " + name + " stands in " + there->second + " already");
      continue;
    }
    in.only(*table, "tenants." + name + ".",
            {"socket_owner", "socket_group", "socket_mode", "cid", "token_file", "memory", "memory_owner",
             "doorbell", "arena", "device_memory", "max_objects", "sessions", "compression", "share", "fps"});
    TenantConfig tenant = config.limits;
    in.text(*table, "socket_owner", tenant.socket_owner);
    in.text(*table, "socket_group", tenant.socket_group);
    read_mode(in, *table, tenant);
    read_vm(in, *table, config, tenant);
    read_limits(in, *table, tenant);
    in.flag(*table, "compression", tenant.compression);
    in.number(*table, "share", 1, kMostSharePercent, tenant.gpu.share_percent);
    in.number(*table, "fps", 1, kMostFramesPerSecond, tenant.gpu.frames_per_second);
    config.tenants[name] = std::move(tenant);
    config.tenant_places[name] = in.place_of(value);
  }
}

void read_http(SettingsReader& in, const toml::table& root, HttpConfig& out) {
  const toml::node* node = root.get("http");
  if (node == nullptr) return;
  const toml::table* table = node->as_table();
  if (table == nullptr) return in.complain(*node, "http wants a table: [http]");
  in.only(*table, "http.", {"listen", "token_file"});
  in.text(*table, "listen", out.listen);
  const std::size_t before = in.count();
  in.text(*table, "token_file", out.token_file);
  const bool token_read = in.count() == before;
  if (!out.token_file.empty() && out.token_file.front() != '/')
    in.complain(*table->get("token_file"), "token_file wants an absolute path");
  if (out.listen.empty()) return;
  const auto place = http::parse_place(out.listen);
  if (!place) return in.complain(*table->get("listen"), "http.listen: " + place.error());
  if (!place->loopback && token_read && out.token_file.empty())
    in.complain(*table->get("listen"),
                "other machines may reach " + out.listen +
                    ": http wants a token_file too, or an address like \"127.0.0.1:9477\"");
}

// What is no TOML ends the reading of its file at once: nobody knows what the rest would have been.
std::optional<toml::table> parse_toml(std::string_view text, const std::string& name,
                                      std::vector<Complaint>& complaints) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    complaints.push_back({name, at.line, at.column, std::string(error.description())});
    return std::nullopt;
  }
}

// The first for who cannot show them all.
std::string first_of(const std::vector<Complaint>& complaints) {
  const Complaint& first = complaints.front();
  const std::string line = first.line == 0 ? "" : ":" + std::to_string(first.line);
  const std::string others = std::to_string(complaints.size() - 1) + " more";
  return first.file + line + ": " + first.what +
         (complaints.size() == 1 ? "" : " (" + others + ": viaductctl config check " + first.file + ")");
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? std::optional(text.str()) : std::nullopt;
}

// A named file.
void read_main(std::string_view text, const std::string& name, Config& config,
               std::vector<Complaint>& complaints) {
  const auto parsed = parse_toml(text, name, complaints);
  if (!parsed) return;
  const toml::table& root = *parsed;
  SettingsReader in(name);
  in.only(root, "",
          {"listen", "driver", "gpu", "gl", "require_sandbox", "validate", "allow_public_tcp", "expose",
           "pool", "limits", "tenants", "compression", "policy", "http"});
  in.list(root, "listen", config.listen);
  in.text(root, "driver", config.driver);
  in.text(root, "gpu", config.gpu);
  in.text(root, "gl", config.gl);
  if (!valid_gl(config.gl)) in.complain(*root.get("gl"), kGlComplaint);
  std::string policy = share_policy_name(config.policy);
  in.text(root, "policy", policy);
  if (const auto known = parse_share_policy(policy)) {
    config.policy = *known;
  } else {
    in.complain(*root.get("policy"), std::string(kShareComplaint) + ", not \"" + policy + "\"");
  }
  in.flag(root, "require_sandbox", config.require_sandbox);
  in.flag(root, "validate", config.validate);
  in.flag(root, "allow_public_tcp", config.allow_public_tcp);
  in.flag(root, "compression", config.limits.compression);
  in.list(root, "expose", config.expose);
  if (const toml::node* node = root.get("pool")) {
    if (const toml::table* pool = node->as_table()) {
      in.only(*pool, "pool.", {"warm", "start_timeout_ms", "handshake_timeout_ms"});
      in.number(*pool, "warm", 0, 64, config.warm_workers);
      in.number(*pool, "start_timeout_ms", 100, 600'000, config.start_timeout_ms);
      in.number(*pool, "handshake_timeout_ms", 100, 60'000, config.handshake_timeout_ms);
    } else {
      in.complain(*node, "pool wants a table: [pool]");
    }
  }
  if (const toml::node* node = root.get("limits")) {
    if (const toml::table* limits = node->as_table()) {
      in.only(*limits, "limits.", {"arena", "device_memory", "max_objects", "sessions"});
      read_limits(in, *limits, config.limits);
    } else {
      in.complain(*node, "limits wants a table: [limits]");
    }
  }
  read_http(in, root, config.http);
  read_tenants(in, root, config);
  in.hand_to(complaints);
}

// A file of tenants.d.
void read_tenant_file(std::string_view text, const std::string& name, Config& config,
                      std::vector<Complaint>& complaints) {
  const auto root = parse_toml(text, name, complaints);
  if (!root) return;
  SettingsReader in(name);
  in.only(*root, "", {"tenants"});
  read_tenants(in, *root, config);
  in.hand_to(complaints);
}

void read_folder(const std::string& folder, Settings& out) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    out.complaints.push_back({folder, 0, 0, "cannot be read: " + error.message()});
  // The same order, and so the same complaints, each time.
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (const auto tenants = read_file(file)) {
      out.files.push_back(file);
      read_tenant_file(*tenants, file, out.config, out.complaints);
    } else {
      out.complaints.push_back({file, 0, 0, "cannot be read"});
    }
  }
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc()) return std::nullopt;
  std::string unit;
  for (const char* at = parsed.ptr; at != end; ++at) {
    if (*at != ' ') unit.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(*at))));
  }
  uint64_t factor = 1;
  for (const char* prefix = "kmgt"; !unit.empty() && unit != "b" && unit != "bytes"; ++prefix) {
    if (*prefix == 0) return std::nullopt;
    factor *= kKiB;
    if (unit == std::string(1, *prefix) || unit == std::string(1, *prefix) + "ib") break;
  }
  if (value > std::numeric_limits<uint64_t>::max() / factor) return std::nullopt;
  return value * factor;
}

bool valid_tenant_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '-' || c == '_' || c == '.';
  });
}

Config default_config() {
  Config config;
  const auto pages = static_cast<uint64_t>(std::max(0l, ::sysconf(_SC_PHYS_PAGES)));
  const auto page = static_cast<uint64_t>(std::max(4096l, ::sysconf(_SC_PAGESIZE)));
  const uint64_t half = pages * page / 2 & ~(kMinArena - 1);
  config.limits.arena_bytes = std::clamp(half, kMinArena, 4 * kKiB * kKiB * kKiB);
  return config;
}

tl::expected<Config, std::string> parse_config(std::string_view text, const std::string& name) {
  Config config = default_config();
  std::vector<Complaint> complaints;
  read_main(text, name, config, complaints);
  if (!complaints.empty()) return tl::unexpected(first_of(complaints));
  return config;
}

tl::expected<void, std::string> parse_tenants(std::string_view text, const std::string& name,
                                              Config& config) {
  std::vector<Complaint> complaints;
  read_tenant_file(text, name, config, complaints);
  if (!complaints.empty()) return tl::unexpected(first_of(complaints));
  return {};
}

tl::expected<void, std::string> load_tenants(const std::string& folder, Config& config) {
  Settings settings{std::move(config), {}, {}};
  read_folder(folder, settings);
  config = std::move(settings.config);
  if (!settings.complaints.empty()) return tl::unexpected(first_of(settings.complaints));
  return {};
}

Settings read_settings(const std::string& path) {
  Settings out{default_config(), {}, {}};
  if (const auto text = read_file(path)) {
    out.files.push_back(path);
    read_main(*text, path, out.config, out.complaints);
  } else {
    out.complaints.push_back({path, 0, 0, "cannot be read; check the path given with --config"});
  }
  // What is wrong there is wrong whatever the named file says.
  read_folder(fs::path(path).parent_path() / "tenants.d", out);
  return out;
}

tl::expected<Config, std::string> load_config(const std::string& path) {
  Settings settings = read_settings(path);
  if (!settings.complaints.empty()) return tl::unexpected(first_of(settings.complaints));
  return std::move(settings.config);
}

std::string to_string(const Complaint& complaint) {
  const std::string place = ":" + std::to_string(complaint.line) + ":" + std::to_string(complaint.column);
  return complaint.file + (complaint.line == 0 ? "" : place) + ": " + complaint.what;
}

}  // namespace viaduct::host::daemon
