#include "transport/stream/frame.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace viaduct::transport {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

FrameHeader make_frame_header(FrameKind kind, std::uint32_t payload_size) noexcept {
  return {kFrameMagic, kFrameVersion, static_cast<std::uint16_t>(kind), payload_size, 0};
}

Result<FrameHeader> check_frame_header(std::span<const std::byte, sizeof(FrameHeader)> bytes,
                                       std::uint32_t max_payload) noexcept {
  FrameHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kFrameMagic) return fail(Errc::bad_data, "frame: wrong magic");
  if (header.version != kFrameVersion) return fail(Errc::incompatible, "frame: unknown version");
  if (header.reserved != 0) return fail(Errc::bad_data, "frame: reserved word is not zero");
  if (header.payload_size > max_payload) return fail(Errc::bad_data, "frame: payload too large");
  return header;
}

Result<Frame> read_frame(Stream& stream, Deadline deadline, const ReadFrameOptions& options) {
  Frame frame;
  std::vector<UniqueFd>* fds = options.accept_fds ? &frame.fds : nullptr;
  std::array<std::byte, sizeof(FrameHeader)> bytes;
  if (auto received = stream.receive_all(bytes, fds, deadline); !received)
    return tl::unexpected(received.error());
  const auto header = check_frame_header(bytes, options.max_payload);
  if (!header) return tl::unexpected(header.error());
  frame.kind = static_cast<FrameKind>(header->kind);
  frame.payload.resize(header->payload_size);
  if (auto received = stream.receive_all(frame.payload, fds, deadline); !received) {
    return tl::unexpected(received.error());
  }
  return frame;
}

Result<> write_frame(Stream& stream, FrameKind kind, std::span<const std::byte> payload,
                     std::span<const int> fds, Deadline deadline) {
  if (payload.size() > kMaxFramePayload) return fail(Errc::limit, "frame: payload too large");
  const FrameHeader header = make_frame_header(kind, static_cast<std::uint32_t>(payload.size()));
  std::vector<std::byte> bytes(sizeof(header) + payload.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
  return stream.send(bytes, fds, deadline);
}

}  // namespace viaduct::transport
