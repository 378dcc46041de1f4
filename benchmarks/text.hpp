// Text as the reports need it.
#pragma once

#include <string>

namespace viaduct::bench {

// As printf, at most 1023 characters.
[[gnu::format(printf, 1, 2)]] std::string format(const char* text, ...);
// A JSON string; control characters are left out.
std::string quote(const std::string& text);
// False, with a line on standard error that names `path`, if it cannot be written.
bool write_text(const std::string& path, const std::string& text);

}  // namespace viaduct::bench
