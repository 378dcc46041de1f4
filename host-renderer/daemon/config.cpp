#include "host-renderer/daemon/config.hpp"

#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <sstream>

namespace viaduct::host::daemon {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMinArena = 16 * kKiB * kKiB;
constexpr uint64_t kMaxArena = 1024ull * kKiB * kKiB * kKiB;
constexpr uint32_t kMaxObjects = 1u << 24;  // the index bits of an object id

// Collects the first error; every getter names the key it wanted.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  void only(const toml::table& table, const std::string& where,
            std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : table) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      std::string list;
      for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
      complain(value, "unknown key '" + where + std::string(key.str()) + "'; known here: " + list);
    }
  }
  void text(const toml::table& table, const char* key, std::string& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<std::string>()) {
      out = *value;
    } else {
      complain(*node, std::string(key) + " wants a string, like \"…\"");
    }
  }
  void flag(const toml::table& table, const char* key, bool& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<bool>()) {
      out = *value;
    } else {
      complain(*node, std::string(key) + " wants true or false");
    }
  }
  void number(const toml::table& table, const char* key, uint32_t low, uint32_t high, uint32_t& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<int64_t>();
    if (value && *value >= low && *value <= high) {
      out = static_cast<uint32_t>(*value);
    } else {
      complain(*node, std::string(key) + " wants a number from " + std::to_string(low) + " to " +
                          std::to_string(high));
    }
  }
  void size(const toml::table& table, const char* key, uint64_t low, uint64_t high, uint64_t& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    std::optional<uint64_t> value;
    if (const auto number = node->value_exact<int64_t>(); number && *number >= 0) value = *number;
    if (const auto spelled = node->value_exact<std::string>()) value = parse_size(*spelled);
    if (value && (*value == 0 ? low == 0 : *value >= low && *value <= high)) {
      out = *value;
    } else {
      complain(*node, std::string(key) + " wants a size from " + std::to_string(low) + " to " +
                          std::to_string(high) + " bytes, like \"512 MiB\"");
    }
  }
  void list(const toml::table& table, const char* key, std::vector<std::string>& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return complain(*node, std::string(key) + " wants a list of strings, like [\"…\"]");
    out.clear();
    for (const toml::node& item : *array) {
      const auto value = item.value_exact<std::string>();
      if (!value) return complain(item, std::string(key) + " wants strings in its list");
      out.push_back(*value);
    }
  }
  void complain(const toml::node& node, const std::string& what) {
    if (!error_.empty()) return;
    error_ = name_ + ":" + std::to_string(node.source().begin.line) + ": " + what;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  std::string name_;
  std::string error_;
};

void read_limits(Reader& in, const toml::table& table, TenantConfig& out) {
  in.size(table, "arena", kMinArena, kMaxArena, out.arena_bytes);
  in.size(table, "device_memory", 0, std::numeric_limits<int64_t>::max(), out.device_memory_bytes);
  in.number(table, "max_objects", 1024, kMaxObjects, out.max_objects);
  in.number(table, "sessions", 0, 65536, out.sessions);
}

void read_mode(Reader& in, const toml::table& table, TenantConfig& out) {
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

void read_tenants(Reader& in, const toml::table& root, Config& config) {
  const toml::node* node = root.get("tenants");
  if (node == nullptr) return;
  const toml::table* tenants = node->as_table();
  if (tenants == nullptr) return in.complain(*node, "tenants wants tables, like [tenants.alice]");
  for (const auto& [key, value] : *tenants) {
    const std::string name(key.str());
    const toml::table* table = value.as_table();
    if (table == nullptr)
      return in.complain(value, "tenants." + name + " wants a table, like [tenants." + name + "]");
    if (!valid_tenant_name(name)) {
      return in.complain(value, "tenant name '" + name + "' wants letters, digits, '-', '_' and '.' only");
    }
    in.only(
        *table, "tenants." + name + ".",
        {"socket_owner", "socket_group", "socket_mode", "arena", "device_memory", "max_objects", "sessions"});
    TenantConfig tenant = config.limits;
    in.text(*table, "socket_owner", tenant.socket_owner);
    in.text(*table, "socket_group", tenant.socket_group);
    read_mode(in, *table, tenant);
    read_limits(in, *table, tenant);
    config.tenants[name] = std::move(tenant);
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
    if (unit == std::string(1, *prefix) + "ib") break;
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
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(name + ":" + std::to_string(error.source().begin.line) + ": " +
                          std::string(error.description()));
  }
  Config config = default_config();
  Reader in(name);
  in.only(root, "", {"listen", "driver", "gpu", "gl", "require_sandbox", "validate", "expose", "pool", "limits", "tenants"});
  in.list(root, "listen", config.listen);
  in.text(root, "driver", config.driver);
  in.text(root, "gpu", config.gpu);
  in.text(root, "gl", config.gl);
  if (!valid_gl(config.gl)) in.complain(*root.get("gl"), kGlComplaint);
  in.flag(root, "require_sandbox", config.require_sandbox);
  in.flag(root, "validate", config.validate);
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
  read_tenants(in, root, config);
  if (!in.error().empty()) return tl::unexpected(in.error());
  return config;
}

tl::expected<Config, std::string> load_config(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return tl::unexpected(path + ": cannot be read; check the path given with --config");
  return parse_config(text.str(), path);
}

}  // namespace viaduct::host::daemon
