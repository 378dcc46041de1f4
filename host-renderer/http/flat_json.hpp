// A JSON object of strings and whole numbers, and nothing deeper: what a request to change something consists
// of. Whoever may connect wrote it. Values only; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

namespace viaduct::host::http {

using FlatJson = std::map<std::string, std::variant<std::string, uint32_t>, std::less<>>;

// Everything else is an error: a sentence with the offset. Each name may stand once; \u of half a pair is
// refused, other bytes of strings are passed on as they are.
[[nodiscard]] tl::expected<FlatJson, std::string> parse_flat_json(std::string_view text);

}  // namespace viaduct::host::http
