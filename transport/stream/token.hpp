// The token by which a guest proves, over TCP, which tenant it is: a file's content without the white space
// around it.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "transport/url.hpp"

namespace viaduct::transport {

inline constexpr std::size_t kMinTokenBytes = 16;
inline constexpr std::size_t kLongestToken = 256;

// Errors: not_found, refused (no permission), io; bad_data where the length is not as above.
Result<std::string> read_token_file(const std::string& path);

// Where this process finds its token: $VIADUCT_TOKEN_FILE (not in set-user-id programs), otherwise
// /etc/viaduct/token if there is such a file; nullopt if there is neither.
std::optional<std::string> token_file();

// The token to show at this place: that of the file over TCP, where there is one; empty elsewhere, where the
// place itself says who is there. Errors are those of reading it.
Result<std::string> token_for(const Url& url);

}  // namespace viaduct::transport
