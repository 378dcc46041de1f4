#include "tools/service/service.hpp"

#include <span>
#include <vector>

#include "base/clock.hpp"
#include "transport/stream/connect.hpp"
#include "transport/stream/token.hpp"

namespace viaduct::tools {
namespace {

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

}  // namespace

tl::expected<transport::Frame, std::string> exchange(const transport::Url& url, transport::FrameKind kind,
                                                     std::span<const std::byte> payload, int connect_ms,
                                                     int reply_ms) {
  const std::string place = transport::to_string(url);
  const auto broken = [&](const Error& error) {
    return tl::unexpected("the service at " + place + " did not answer (" + to_string(error) + ")");
  };
  const auto stream = transport::connect(url, Deadline::after_ms(connect_ms));
  if (!stream) return broken(stream.error());
  const Deadline deadline = Deadline::after_ms(reply_ms);
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

tl::expected<transport::Url, std::string> find_service(const std::string& wanted, int connect_ms) {
  const std::vector<std::string> places = wanted.empty() ? transport::standard_places() : std::vector{wanted};
  std::string tried;
  for (const std::string& place : places) {
    if (!tried.empty()) tried += "; ";
    const auto url = transport::parse_url(place);
    if (!url) {
      return tl::unexpected("'" + place + "' is no URL of the service (" + to_string(url.error()) +
                            "); it looks like unix:///run/viaduct/viaduct.sock");
    }
    const auto stream = transport::connect(*url, Deadline::after_ms(connect_ms));
    if (stream) return *url;
    tried += place + ": " + connect_hint(stream.error());
  }
  return tl::unexpected("the service cannot be reached (tried " + tried +
                        "); start viaductd, or say where it listens: VIADUCT_URL, or " + transport::kUrlFile);
}

tl::expected<protocol::DeviceInfo, std::string> ask_device(const transport::Url& url, int answer_ms) {
  protocol::DeviceQuery query;
  auto token = transport::token_for(url);
  if (!token) return tl::unexpected(to_string(token.error()));
  query.token = std::move(*token);
  const auto frame = exchange(url, transport::FrameKind::device_query, protocol::encode_device_query(query),
                              answer_ms, answer_ms);
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

}  // namespace viaduct::tools
