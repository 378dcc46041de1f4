// JSON for programs that read what ours print. Values only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace viaduct {

std::string json_quoted(const std::string& text);
std::string json_array(const std::vector<std::string>& items);

// {"a": 1, "b": "text"}: members in the order they were added.
class JsonObject {
 public:
  JsonObject& text(const char* key, const std::string& value) { return raw(key, json_quoted(value)); }
  JsonObject& number(const char* key, uint64_t value) { return raw(key, std::to_string(value)); }
  JsonObject& flag(const char* key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& raw(const char* key, const std::string& value);
  [[nodiscard]] std::string str() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

}  // namespace viaduct
