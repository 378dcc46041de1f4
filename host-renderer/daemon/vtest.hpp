// How a connection of Mesa's `virpipe` driver begins, so that it can be told from a frame on the same socket.
//
// vtest (virglrenderer's protocol over a Unix socket) sends messages of two little-endian words, length and
// command, and a body. The first is always CREATE_RENDERER (8), whose body, `length` bytes, is the program's
// name with its 0. Read as a frame, the length would have to be the frame's magic: 1.4 GB.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace viaduct::host::daemon {

struct VtestOpening {
  enum class Kind { unknown_yet, vtest, something_else };
  Kind kind = Kind::unknown_yet;  // unknown_yet: more bytes are needed
  std::string program;            // printable, at most 63 characters; may be empty
};

// Bytes of a connection that are enough to decide.
inline constexpr std::size_t kVtestOpeningBytes = 8 + 63;

[[nodiscard]] inline VtestOpening look_for_vtest(std::span<const std::byte> bytes) {
  constexpr uint32_t kCreateRenderer = 8;
  constexpr uint32_t kLongestName = 4096;
  VtestOpening out;
  uint32_t words[2] = {};
  if (bytes.size() < sizeof(words)) return out;
  std::memcpy(words, bytes.data(), sizeof(words));
  if (words[1] != kCreateRenderer || words[0] == 0 || words[0] > kLongestName) {
    out.kind = VtestOpening::Kind::something_else;
    return out;
  }
  const auto name = bytes.subspan(sizeof(words));
  const std::size_t wanted = std::min<std::size_t>(words[0], kVtestOpeningBytes - sizeof(words));
  if (name.size() < wanted) return out;
  out.kind = VtestOpening::Kind::vtest;
  for (const std::byte byte : name.first(wanted)) {
    const char c = static_cast<char>(byte);
    if (c == 0) break;
    out.program.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  return out;
}

}  // namespace viaduct::host::daemon
