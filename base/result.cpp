#include "base/result.hpp"

#include <cstring>

namespace viaduct {

const char* to_string(Errc code) noexcept {
  switch (code) {
    case Errc::ok:
      return "ok";
    case Errc::io:
      return "input/output error";
    case Errc::closed:
      return "closed by the peer";
    case Errc::timeout:
      return "timed out";
    case Errc::refused:
      return "refused";
    case Errc::bad_data:
      return "bad data";
    case Errc::incompatible:
      return "incompatible";
    case Errc::limit:
      return "limit reached";
    case Errc::not_found:
      return "not found";
    case Errc::unsupported:
      return "unsupported";
    case Errc::internal:
      return "internal error";
  }
  return "unknown error";
}

std::string to_string(const Error& error) {
  std::string text = error.where;
  text += ": ";
  text += to_string(error.code);
  if (error.sys_errno != 0) {
    char buffer[128];
    text += " (";
    text += strerror_r(error.sys_errno, buffer, sizeof(buffer));
    text += ")";
  }
  return text;
}

}  // namespace viaduct
