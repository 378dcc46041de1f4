// SettingsReader: takes keys out of a TOML table by their types and ranges, and collects what is wrong with
// them, each with its place in the file, for people. What is wrong leaves the value as it was.
//
// Values only; one thread at a time.
#pragma once

#include <toml++/toml.h>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "host-renderer/daemon/config.hpp"

namespace viaduct::host::daemon {

class SettingsReader {
 public:
  explicit SettingsReader(std::string file) : file_(std::move(file)) {}

  // Complains about every key but these, and guesses which one was meant.
  void only(const toml::table& table, const std::string& where,
            std::initializer_list<std::string_view> known);
  // Each leaves `out` as it is where the table has no such key.
  void text(const toml::table& table, const char* key, std::string& out);
  void flag(const toml::table& table, const char* key, bool& out);
  void number(const toml::table& table, const char* key, uint32_t low, uint32_t high, uint32_t& out);
  // In bytes, or spelled like "512 MiB".
  void size(const toml::table& table, const char* key, uint64_t low, uint64_t high, uint64_t& out);
  void list(const toml::table& table, const char* key, std::vector<std::string>& out);

  void complain(const toml::node& node, const std::string& what) { complain_at(node.source().begin, what); }
  void complain_at(const toml::source_position& at, const std::string& what) {
    complaints_.push_back({file_, at.line, at.column, what});
  }
  [[nodiscard]] std::string place_of(const toml::node& node) const {
    return file_ + ":" + std::to_string(node.source().begin.line);
  }
  // To tell whether what was read since was right.
  [[nodiscard]] std::size_t count() const { return complaints_.size(); }
  // In the order of the file; tables are in the order of their keys.
  void hand_to(std::vector<Complaint>& out);

 private:
  std::string file_;
  std::vector<Complaint> complaints_;
};

}  // namespace viaduct::host::daemon
