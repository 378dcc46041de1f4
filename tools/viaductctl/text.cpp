#include "tools/viaductctl/text.hpp"

#include <array>
#include <cstdio>

namespace viaduct::tools {

std::string size_text(uint64_t bytes) {
  std::array<char, 32> out{};
  if (bytes < 1024) {
    std::snprintf(out.data(), out.size(), "%u B", static_cast<unsigned>(bytes));
    return out.data();
  }
  double value = static_cast<double>(bytes);
  const char* unit = "KMGTP";
  for (value /= 1024; value >= 1024 && unit[1] != 0; value /= 1024) ++unit;
  std::snprintf(out.data(), out.size(), value < 10 ? "%.1f %ciB" : "%.0f %ciB", value, *unit);
  return out.data();
}

std::string age_text(uint64_t ms) {
  const uint64_t seconds = ms / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

std::string rate_text(double per_second) {
  if (!(per_second > 0)) return "0";
  const char* unit = " kMGTP";
  // From here on three digits would be four.
  for (; per_second >= 999.5 && unit[1] != 0; per_second /= 1000) ++unit;
  std::array<char, 32> out{};
  const int decimals = per_second < 9.995 ? 2 : per_second < 99.95 ? 1 : 0;
  std::snprintf(out.data(), out.size(), "%.*f", decimals, per_second);
  return *unit == ' ' ? std::string(out.data()) : std::string(out.data()) + " " + *unit;
}

std::string plain_text(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace viaduct::tools
