// Where the HTTP side listens: an address and a port, and who may ask there. Errors are sentences for people.
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/unique_fd.hpp"

namespace viaduct::host::http {

// "127.0.0.1:9477", "[::1]:9477". Names are not looked up.
struct Place {
  std::string address;  // without brackets
  uint16_t port = 0;
  bool loopback = false;
};
[[nodiscard]] tl::expected<Place, std::string> parse_place(std::string_view text);

// A listening, non-blocking socket.
[[nodiscard]] tl::expected<UniqueFd, std::string> listen_at(const Place& place);

// Whether a request's Host (with or without a port) is an IP address or localhost. A page of somebody else's
// that has its own name point here cannot have this machine's browser read what is served: its Host is that
// name.
[[nodiscard]] bool is_plain_host(std::string_view host);

}  // namespace viaduct::host::http
