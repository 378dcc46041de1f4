// Numbers as people read them. Values only; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace viaduct::tools {

// "512 B", "1.5 KiB", "37 MiB".
std::string size_text(uint64_t bytes);
// "7 s", "12 min", "3 h 5 min".
std::string age_text(uint64_t ms);
// A rate with three digits: "0", "7.25", "59.9", "1.20 k", "37.5 M".
std::string rate_text(double per_second);
// What is not printable ASCII becomes '?': a name cannot steer a terminal, and has as many columns as bytes.
std::string plain_text(std::string text);

}  // namespace viaduct::tools
