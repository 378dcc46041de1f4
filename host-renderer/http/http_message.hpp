// A request and its answer, as what stands between the connection and the endpoints sees them. Values only.
#pragma once

#include <string>

namespace viaduct::host::http {

struct Request {
  bool post = false;              // otherwise GET, or HEAD, which is answered alike
  std::string path;               // without what follows a '?'
  std::string body;               // of a POST
  bool changes_possible = false;  // could a POST pass the guard?
};

struct Answer {
  unsigned status = 404;
  std::string type = "text/plain; charset=utf-8";
  std::string body = "there is nothing here\n";
  std::string allow = "GET, HEAD";  // with 405: the methods that this path takes
  std::string content_policy = {};  // Content-Security-Policy, where it is not the strictest
};

}  // namespace viaduct::host::http
