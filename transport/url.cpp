#include "transport/url.hpp"

#include <sys/un.h>

#include <charconv>
#include <cstdlib>
#include <fstream>

namespace viaduct::transport {

namespace {

constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::uint32_t kHostCid = 2;
constexpr std::uint32_t kAnyCid = ~0u;

struct RegionWord {
  RegionChoice choice;
  std::string_view word;
};
constexpr RegionWord kRegionWords[] = {
    {RegionChoice::automatic, "auto"},
    {RegionChoice::memfd, "memfd"},
    {RegionChoice::ivshmem, "ivshmem"},
    {RegionChoice::none, "none"},
};

tl::unexpected<Error> bad(const char* why) { return fail(Errc::bad_data, why); }

bool parse_number(std::string_view text, std::uint32_t& value) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode_percent(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return false;
    out += c;
  }
  return true;
}

Result<Url> parse_unix(std::string_view rest, Url url) {
  url.kind = UrlKind::unix_socket;
  if (rest.empty() || rest.front() != '/') return bad("url: unix:// needs an absolute path (unix:///PATH)");
  if (!decode_percent(rest, url.path)) return bad("url: bad %XX in the path");
  if (url.path.size() < 2) return bad("url: the path is empty");
  if (url.path.size() > kMaxSocketPath) return bad("url: the path is longer than a Unix socket's address");
  return url;
}

Result<Url> parse_vsock(std::string_view rest, Url url) {
  url.kind = UrlKind::vsock;
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return bad("url: vsock:// needs CID:PORT");
  const std::string_view cid = rest.substr(0, colon);
  if (cid == "host") {
    url.cid = kHostCid;
  } else if (cid == "any") {
    url.cid = kAnyCid;
  } else if (!parse_number(cid, url.cid)) {
    return bad("url: the vsock CID is not a number");
  }
  if (!parse_number(rest.substr(colon + 1), url.port)) return bad("url: the vsock port is not a number");
  return url;
}

Result<Url> parse_tcp(std::string_view rest, Url url) {
  url.kind = UrlKind::tcp;
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const std::size_t close = rest.find("]:");
    if (close == std::string_view::npos) return bad("url: tcp:// needs [IPV6]:PORT");
    url.host = rest.substr(1, close - 1);
    port = rest.substr(close + 2);
  } else {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return bad("url: tcp:// needs HOST:PORT");
    url.host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
  }
  if (url.host.empty()) return bad("url: the host is empty");
  for (const char c : url.host) {
    if (c <= ' ' || c == '/' || c == '@' || c == 0x7f) return bad("url: bad character in the host");
  }
  if (!parse_number(port, url.port) || url.port == 0 || url.port > 65535) {
    return bad("url: the tcp port is not a number from 1 to 65535");
  }
  return url;
}

void add_urls_of_file(const char* path, std::vector<std::string>& places) {
  constexpr std::size_t kMostUrls = 8;
  std::ifstream file(path);
  std::size_t urls = 0;
  for (std::string line; urls < kMostUrls && std::getline(file, line);) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    places.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
    ++urls;
  }
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  const std::size_t question = text.find('?');
  if (question != std::string_view::npos) {
    std::string_view query = text.substr(question + 1);
    if (!query.starts_with("region=")) return bad("url: the only parameter is region=");
    query.remove_prefix(7);
    bool known = false;
    for (const RegionWord& row : kRegionWords) {
      if (query == row.word) {
        url.region = row.choice;
        known = true;
      }
    }
    if (!known) return bad("url: region is none of auto, memfd, ivshmem, none");
    text = text.substr(0, question);
  }
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return bad("url: no scheme (unix://, vsock:// or tcp://)");
  const std::string_view scheme = text.substr(0, separator);
  const std::string_view rest = text.substr(separator + 3);
  if (scheme == "unix") return parse_unix(rest, std::move(url));
  if (scheme == "vsock") return parse_vsock(rest, std::move(url));
  if (scheme == "tcp") return parse_tcp(rest, std::move(url));
  return bad("url: the scheme is none of unix, vsock, tcp");
}

std::string to_string(const Url& url) {
  std::string text;
  switch (url.kind) {
    case UrlKind::unix_socket:
      text = "unix://";
      for (const char c : url.path) {
        static constexpr char kHex[] = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '?' || byte <= 0x20 || byte == 0x7f) {
          text += '%';
          text += kHex[byte >> 4];
          text += kHex[byte & 15];
        } else {
          text += c;
        }
      }
      break;
    case UrlKind::vsock:
      text = "vsock://" + (url.cid == kAnyCid ? "any" : std::to_string(url.cid)) + ":" +
             std::to_string(url.port);
      break;
    case UrlKind::tcp: {
      const bool ipv6 = url.host.find(':') != std::string::npos;
      text = "tcp://" + (ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
      break;
    }
  }
  for (const RegionWord& row : kRegionWords) {
    if (row.choice == url.region && row.choice != RegionChoice::automatic) {
      text += "?region=";
      text += row.word;
    }
  }
  return text;
}

std::vector<std::string> standard_places(const char* url_file) {
  const char* given = ::secure_getenv("VIADUCT_URL");
  if (given != nullptr && given[0] != '\0') return {given};
  std::vector<std::string> places;
  const char* runtime = ::secure_getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') {
    Url url;
    url.path = std::string(runtime) + "/viaduct/viaduct.sock";
    places.push_back(to_string(url));
  }
  const std::size_t before = places.size();
  add_urls_of_file(url_file, places);
  if (places.size() == before) places.emplace_back("unix:///run/viaduct/viaduct.sock");
  return places;
}

}  // namespace viaduct::transport
