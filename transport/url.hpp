// URLs: where the host is.
//
//   unix:///PATH[?region=auto|memfd|ivshmem|none]
//   vsock://CID:PORT[?region=...]      CID a number, "host" (2), or "any" to listen for all
//   tcp://HOST:PORT[?region=...]       HOST a name, an IPv4 address, or an IPv6 address in brackets
//
// PATH is absolute and may use %XX for bytes that would end it; it fits a Unix socket's address (107 bytes).
// PORT is 1..65535 for tcp and 32 bits for vsock. region defaults to auto. Anything else is bad_data, with
// the reason in Error::where.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace viaduct::transport {

enum class UrlKind { unix_socket, vsock, tcp };
enum class RegionChoice { automatic, memfd, ivshmem, none };

struct Url {
  UrlKind kind = UrlKind::unix_socket;
  std::string path;        // unix_socket
  std::string host;        // tcp, without brackets
  std::uint32_t cid = 0;   // vsock
  std::uint32_t port = 0;  // vsock, tcp
  RegionChoice region = RegionChoice::automatic;
};

Result<Url> parse_url(std::string_view text);
std::string to_string(const Url& url);

// The places where a program looks for the host, in this order:
//   1. $VIADUCT_URL, if set and not empty: then nothing else is tried
//   2. unix://$XDG_RUNTIME_DIR/viaduct/viaduct.sock, if XDG_RUNTIME_DIR is an absolute path
//   3. what the machine's file names: one URL a line, blank lines and those that begin with # aside;
//      unix:///run/viaduct/viaduct.sock if there is no such file, or no URL in it
// In set-user-id programs the environment is not looked at.
inline constexpr const char* kUrlFile = "/etc/viaduct/url";
std::vector<std::string> standard_places(const char* url_file = kUrlFile);

}  // namespace viaduct::transport
