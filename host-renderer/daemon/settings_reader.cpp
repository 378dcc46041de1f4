#include "host-renderer/daemon/settings_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace viaduct::host::daemon {
namespace {

// How many letters have to be changed, added, left out or swapped with their neighbour to make one word of
// the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1);
  std::vector<std::size_t> above(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t change = from[i - 1] == to[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[to.size()];
}

// The known key that was probably meant; empty: none is near.
std::string_view nearest(std::string_view key, std::initializer_list<std::string_view> known) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const std::string_view name : known) {
    const std::size_t far = distance(key, name);
    // A word of which every letter would have to be another one is not near.
    if (far >= least || far >= std::min(key.size(), name.size())) continue;
    best = name;
    least = far;
  }
  return best;
}

}  // namespace

void SettingsReader::only(const toml::table& table, const std::string& where,
                          std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    const std::string_view meant = nearest(key.str(), known);
    const std::string guess = meant.empty() ? "" : " (did you mean '" + where + std::string(meant) + "'?)";
    // The key's own place, not its value's.
    complain_at(key.source().begin ? key.source().begin : value.source().begin,
                "unknown key '" + where + std::string(key.str()) + "'" + guess + "; known here: " + list);
  }
}

void SettingsReader::text(const toml::table& table, const char* key, std::string& out) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<std::string>()) {
    out = *value;
  } else {
    complain(*node, std::string(key) + " wants a string, like \"…\"");
  }
}

void SettingsReader::flag(const toml::table& table, const char* key, bool& out) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<bool>()) {
    out = *value;
  } else {
    complain(*node, std::string(key) + " wants true or false");
  }
}

void SettingsReader::number(const toml::table& table, const char* key, uint32_t low, uint32_t high,
                            uint32_t& out) {
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

void SettingsReader::size(const toml::table& table, const char* key, uint64_t low, uint64_t high,
                          uint64_t& out) {
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

void SettingsReader::list(const toml::table& table, const char* key, std::vector<std::string>& out) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) return complain(*node, std::string(key) + " wants a list of strings, like [\"…\"]");
  out.clear();
  for (const toml::node& item : *array) {
    const auto value = item.value_exact<std::string>();
    if (value) {
      out.push_back(*value);
    } else {
      complain(item, std::string(key) + " wants strings in its list");
    }
  }
}

void SettingsReader::hand_to(std::vector<Complaint>& out) {
  std::stable_sort(complaints_.begin(), complaints_.end(), [](const Complaint& a, const Complaint& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  out.insert(out.end(), complaints_.begin(), complaints_.end());
}

}  // namespace viaduct::host::daemon
