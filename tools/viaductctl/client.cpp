#include "tools/viaductctl/client.hpp"

#include <span>
#include <vector>

#include "base/clock.hpp"
#include "protocol/control/handshake.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/frame.hpp"

namespace viaduct::tools {
namespace {

constexpr int kConnectMs = 3000;
constexpr int kReplyMs = 10'000;

std::string connect_hint(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return "nothing is there";
    case Errc::refused:
      return error.sys_errno == EACCES ? "not allowed to connect" : "nobody listens there";
    case Errc::timeout:
      return "no answer";
    default:
      return to_string(error);
  }
}

// One frame there, one frame back that is no refusal, on a connection of its own.
tl::expected<transport::Frame, std::string> exchange(const transport::Url& url, transport::FrameKind kind,
                                                     std::span<const std::byte> payload) {
  const std::string place = transport::to_string(url);
  const auto broken = [&](const Error& error) {
    return tl::unexpected("the service at " + place + " did not answer (" + to_string(error) + ")");
  };
  const auto stream = transport::connect(url, Deadline::after_ms(kConnectMs));
  if (!stream) return broken(stream.error());
  const Deadline deadline = Deadline::after_ms(kReplyMs);
  if (const auto sent = transport::write_frame(**stream, kind, payload, {}, deadline); !sent) {
    return broken(sent.error());
  }
  auto frame = transport::read_frame(**stream, deadline);
  if (!frame) return broken(frame.error());
  if (frame->kind == transport::FrameKind::refused) {
    const auto refusal = protocol::decode_refusal(frame->payload);
    return tl::unexpected("the service at " + place +
                          " refused: " + (refusal ? refusal->message : "unreadable"));
  }
  return std::move(*frame);
}

}  // namespace

tl::expected<transport::Url, std::string> find_service(const std::string& wanted) {
  const std::vector<std::string> places = wanted.empty() ? transport::standard_places() : std::vector{wanted};
  std::string tried;
  for (const std::string& place : places) {
    if (!tried.empty()) tried += "; ";
    const auto url = transport::parse_url(place);
    if (!url) {
      return tl::unexpected("'" + place + "' is no URL of the service (" + to_string(url.error()) +
                            "); it looks like unix:///run/viaduct/viaduct.sock");
    }
    const auto stream = transport::connect(*url, Deadline::after_ms(kConnectMs));
    if (stream) return *url;
    tried += place + ": " + connect_hint(stream.error());
  }
  return tl::unexpected("the service cannot be reached (tried " + tried +
                        "); start viaductd, or set VIADUCT_URL to where it listens");
}

tl::expected<protocol::DeviceInfo, std::string> ask_device(const transport::Url& url) {
  const auto frame = exchange(url, transport::FrameKind::device_query, protocol::encode_device_query({}));
  if (!frame) return tl::unexpected(frame.error());
  const auto info = frame->kind == transport::FrameKind::device_info
                        ? protocol::decode_device_info(frame->payload)
                        : Result<protocol::DeviceInfo>(fail(Errc::bad_data, "answer"));
  if (!info) {
    return tl::unexpected("the service at " + transport::to_string(url) +
                          " answered something else; is it of this version?");
  }
  return *info;
}

tl::expected<control::AdminReply, std::string> ask(const transport::Url& url,
                                                   const control::AdminRequest& request) {
  const std::string place = transport::to_string(url);
  const std::string bytes = request.SerializeAsString();
  const auto frame = exchange(url, transport::FrameKind::admin_request, std::as_bytes(std::span(bytes)));
  if (!frame) return tl::unexpected(frame.error());
  control::AdminReply reply;
  if (frame->kind != transport::FrameKind::admin_reply ||
      !reply.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size()))) {
    return tl::unexpected("the service at " + place + " answered something else; is it of this version?");
  }
  if (!reply.error().empty()) return tl::unexpected(reply.error());
  return reply;
}

}  // namespace viaduct::tools
