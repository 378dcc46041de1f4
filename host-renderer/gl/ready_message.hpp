// What an OpenGL server tells the daemon when it begins: a ToDaemon{WorkerReady{locked_down, lockdown_error}}
// of control.proto, as protobuf's encoding has it. Packed by hand, because the library that does it is loaded
// into a foreign program and should bring little along. A unit test reads it with the generated code.
#pragma once

#include <string>
#include <string_view>

namespace viaduct::host::gl {

// `error` is why the seccomp filter is not in force; empty = it is. At most 120 bytes of it are told.
inline std::string ready_message(std::string_view error) {
  constexpr char kReadyField = 1 << 3 | 2;       // ToDaemon.ready, with a length
  constexpr char kLockedDownField = 2 << 3 | 0;  // WorkerReady.locked_down, a number
  constexpr char kErrorField = 3 << 3 | 2;       // WorkerReady.lockdown_error, with a length
  constexpr std::size_t kLongest = 120;          // lengths stay below 128, a single byte
  std::string body;
  if (error.empty()) {
    body = {kLockedDownField, 1};
  } else {
    error = error.substr(0, kLongest);
    body = {kErrorField, static_cast<char>(error.size())};
    body += error;
  }
  return std::string{kReadyField, static_cast<char>(body.size())} + body;
}

}  // namespace viaduct::host::gl
