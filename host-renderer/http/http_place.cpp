#include "host-renderer/http/http_place.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace viaduct::host::http {
namespace {

constexpr int kBacklog = 64;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool loopback = false;
};

std::optional<Address> numeric(const std::string& text, uint16_t port) {
  Address out;
  auto& four = reinterpret_cast<sockaddr_in&>(out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    out.size = sizeof(four);
    out.loopback = ntohl(four.sin_addr.s_addr) >> 24 == 127;
    return out;
  }
  auto& six = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) != 1) return std::nullopt;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  out.size = sizeof(six);
  out.loopback = IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0;
  return out;
}

// "host:port" and "[host]:port" taken apart; no port where there is none.
void take_apart(std::string_view text, std::string_view& host, std::optional<std::string_view>& port) {
  host = text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    host = text.substr(1, end == std::string_view::npos ? end : end - 1);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (text.starts_with(':')) port = text.substr(1);
    return;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find(':') != colon) return;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
}

}  // namespace

tl::expected<Place, std::string> parse_place(std::string_view text) {
  std::string_view host;
  std::optional<std::string_view> port;
  take_apart(text, host, port);
  Place place{std::string(host), 0, false};
  if (port) {
    const char* end = port->data() + port->size();
    const auto parsed = std::from_chars(port->data(), end, place.port);
    if (parsed.ec != std::errc() || parsed.ptr != end) place.port = 0;
  }
  const auto address = numeric(place.address, place.port);
  if (!address || place.port == 0)
    return tl::unexpected("'" + std::string(text) +
                          "' is no IP address with a port, like \"127.0.0.1:9477\" or \"[::1]:9477\"");
  place.loopback = address->loopback;
  return place;
}

tl::expected<UniqueFd, std::string> listen_at(const Place& place) {
  const std::string what = "http.listen: " + place.address + " port " + std::to_string(place.port) + ": ";
  const auto address = numeric(place.address, place.port);
  if (!address) return tl::unexpected(what + "no IP address");
  UniqueFd socket(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return tl::unexpected(what + std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address->storage.ss_family == AF_INET6)
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  const auto* raw = reinterpret_cast<const sockaddr*>(&address->storage);
  if (::bind(socket.get(), raw, address->size) == 0 && ::listen(socket.get(), kBacklog) == 0) return socket;
  std::string why = std::strerror(errno);
  if (errno == EADDRINUSE) why += "; another service listens there: stop it, or choose another port";
  if (errno == EADDRNOTAVAIL)
    why += "; no interface of this machine has that address: `ip address` lists them";
  return tl::unexpected(what + why);
}

bool is_plain_host(std::string_view text) {
  std::string_view host;
  std::optional<std::string_view> port;
  take_apart(text, host, port);
  return host == "localhost" || numeric(std::string(host), 0).has_value();
}

}  // namespace viaduct::host::http
