#include "host-renderer/http/guard.hpp"

#include <algorithm>

#include "host-renderer/http/http_place.hpp"
#include "host-renderer/page/page_files.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host::http {
namespace {

bool same_letters(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

bool shows(std::string_view authorization, const std::string& token) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!same_letters(authorization.substr(0, kScheme.size()), kScheme)) return false;
  return protocol::same_token(authorization.substr(kScheme.size()), token);
}

bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return same_letters(type, "application/json");
}

bool is_of(std::string_view origin, std::string_view host) {
  // https: a proxy that speaks TLS may stand before the service.
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme) && same_letters(origin.substr(scheme.size()), host)) return true;
  return false;
}

Answer refused(unsigned status, const std::string& why) {
  return {.status = status, .type = "text/plain; charset=utf-8", .body = why + "\n"};
}

std::optional<Answer> change_refusal(const std::string& token, const RequestHead& head) {
  if (!head.path.starts_with("/api/")) return refused(405, "only GET and HEAD are answered");
  if (token.empty())
    return refused(403,
                   "changes over HTTP want a token: name a file with one as http.token_file in the "
                   "settings and restart viaductd; viaductctl makes the same changes without");
  if ((!head.origin.empty() && !is_of(head.origin, head.host)) ||
      (!head.fetch_site.empty() && head.fetch_site != "same-origin"))
    return refused(403, "changes are taken from this service's own page, not from another site's");
  if (!is_json(head.content_type)) return refused(415, "send Content-Type: application/json");
  if (head.request_header != "1") return refused(403, std::string("send ") + kRequestHeader + ": 1");
  return std::nullopt;
}

}  // namespace

std::optional<Answer> refusal(const std::string& token, const RequestHead& head) {
  const bool get = head.method == "GET" || head.method == "HEAD";
  if (token.empty()) {
    if (!is_plain_host(head.host)) return refused(403, "ask by the address, not by a name");
  } else if (!(get && page::file_at(head.path) != nullptr) && !shows(head.authorization, token)) {
    return refused(401, "show the token of http.token_file: Authorization: Bearer TOKEN");
  }
  if (get) return std::nullopt;
  if (head.method == "POST") return change_refusal(token, head);
  return refused(405, "only GET and HEAD are answered");
}

}  // namespace viaduct::host::http
