#include "base/json.hpp"

#include <array>
#include <cstdio>

namespace viaduct {

std::string json_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
      out += code.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_array(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return "[" + out + "]";
}

JsonObject& JsonObject::raw(const char* key, const std::string& value) {
  body_ += (body_.empty() ? "" : ", ") + json_quoted(key) + ": " + value;
  return *this;
}

}  // namespace viaduct
