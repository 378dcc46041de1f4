// A connection to the service: where it is, and what may be asked of it without privilege and without
// protobuf.
//
// Every call blocks until it is answered or its time is over, holds nothing afterwards, and may be made from
// any thread. Errors are sentences for a person: what was tried, why it failed, and what to do.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "protocol/control/handshake.hpp"
#include "transport/stream/frame.hpp"
#include "transport/url.hpp"

namespace viaduct::tools {

inline constexpr int kConnectMs = 3000;
inline constexpr int kReplyMs = 10'000;

// The first place that answers: `wanted` alone if it is given, otherwise VIADUCT_URL or the standard
// places, each of which gets the whole time. The error names all that was tried.
[[nodiscard]] tl::expected<transport::Url, std::string> find_service(const std::string& wanted,
                                                                     int connect_ms = kConnectMs);

// One frame there, one frame back that is no refusal, on a connection of its own.
[[nodiscard]] tl::expected<transport::Frame, std::string> exchange(const transport::Url& url,
                                                                   transport::FrameKind kind,
                                                                   std::span<const std::byte> payload,
                                                                   int connect_ms = kConnectMs,
                                                                   int reply_ms = kReplyMs);

// The kind of the first GPU that this service lends, and whether it lends Vulkan and OpenGL. Takes no
// session.
[[nodiscard]] tl::expected<protocol::DeviceInfo, std::string> ask_device(const transport::Url& url,
                                                                         int answer_ms = kReplyMs);

}  // namespace viaduct::tools
