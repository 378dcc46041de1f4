// Who may ask what over HTTP: the rules that a request has to pass before an endpoint sees it.
//
// Where there is a token, everything but the page's own files wants it: those are the same on every machine,
// and a browser that opens an address cannot show one. Where there is none, nothing can be changed, and the
// Host has to be an IP address or localhost, so that a name that somebody points here (DNS rebinding) reads
// nothing. A POST changes something, so beside the token it has to pass more: it is JSON and carries
// kRequestHeader, which no form can send and no other site's script without asking first (the answer to that
// question, OPTIONS, is 405); and where the browser says which page asks (Origin, Sec-Fetch-Site), it is this
// one.
//
// Values only; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "host-renderer/http/http_message.hpp"

namespace viaduct::host::http {

inline constexpr const char* kRequestHeader = "X-Viaduct-Request";  // its value is "1"

// What the rules look at; empty where the request has no such field.
struct RequestHead {
  std::string_view method = {};
  std::string_view path = {};
  std::string_view host = {};
  std::string_view authorization = {};
  std::string_view content_type = {};
  std::string_view origin = {};
  std::string_view fetch_site = {};      // Sec-Fetch-Site
  std::string_view request_header = {};  // kRequestHeader
};

// Nothing, or the answer that refuses it. An empty token is none.
[[nodiscard]] std::optional<Answer> refusal(const std::string& token, const RequestHead& head);

}  // namespace viaduct::host::http
