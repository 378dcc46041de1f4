// Frames: the messages of the control stream.
//
//   0       4         6      8              12         16
//   +-------+---------+------+--------------+----------+- - - - - -+
//   | magic | version | kind | payload_size | reserved |  payload  |
//   +-------+---------+------+--------------+----------+- - - - - -+
//
// Little-endian; reserved is 0; payload_size <= kMaxFramePayload. A frame's descriptors travel with its first
// byte. The reader believes nothing: a wrong magic, version, reserved word or size is bad_data (incompatible
// for the version) and no payload byte is read then; memory is bounded by the cap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "transport/stream/stream.hpp"

namespace viaduct::transport {

inline constexpr std::uint32_t kFrameMagic = 0x54434456u;  // "VDCT"
inline constexpr std::uint16_t kFrameVersion = 1;
inline constexpr std::uint32_t kMaxFramePayload = 65536;

enum class FrameKind : std::uint16_t {
  session_hello = 1,
  welcome = 2,
  refused = 3,
  admin_request = 4,
  admin_reply = 5,
  device_query = 6,
  device_info = 7,
  region_offer = 8,
  region_proof = 9,
};

struct FrameHeader {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t kind;
  std::uint32_t payload_size;
  std::uint32_t reserved;
};
static_assert(sizeof(FrameHeader) == 16 && offsetof(FrameHeader, payload_size) == 8);

struct Frame {
  FrameKind kind = FrameKind::session_hello;
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;
};

// The header of a frame to send, for callers with their own input and output (asynchronous sockets).
FrameHeader make_frame_header(FrameKind kind, std::uint32_t payload_size) noexcept;
// Checks a received header; gives it back if it may be believed.
Result<FrameHeader> check_frame_header(std::span<const std::byte, sizeof(FrameHeader)> bytes,
                                       std::uint32_t max_payload = kMaxFramePayload) noexcept;

struct ReadFrameOptions {
  std::uint32_t max_payload = kMaxFramePayload;
  bool accept_fds = false;  // otherwise received descriptors are closed at once
};
[[nodiscard]] Result<Frame> read_frame(Stream& stream, Deadline deadline,
                                       const ReadFrameOptions& options = {});
[[nodiscard]] Result<> write_frame(Stream& stream, FrameKind kind, std::span<const std::byte> payload,
                                   std::span<const int> fds, Deadline deadline);

}  // namespace viaduct::transport
