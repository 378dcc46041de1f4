// The files of the web page, as they were when the service was built. Their text stands beside this header;
// embed.py makes the table of it. Values only; any thread.
#pragma once

#include <string_view>

namespace viaduct::host::page {

struct File {
  std::string_view path;  // "/page.js"
  std::string_view type;  // its media type
  std::string_view text;
};

// Nothing but what this service serves: no other site, no script or style within the page, no frame around
// it.
inline constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

// Null where the page has no such file.
[[nodiscard]] const File* file_at(std::string_view path);

}  // namespace viaduct::host::page
