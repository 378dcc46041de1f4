#include "tools/viaductctl/client.hpp"

#include <span>

namespace viaduct::tools {

tl::expected<control::AdminReply, std::string> ask(const transport::Url& url,
                                                   const control::AdminRequest& request, int connect_ms,
                                                   int reply_ms) {
  const std::string place = transport::to_string(url);
  const std::string bytes = request.SerializeAsString();
  const auto frame = exchange(url, transport::FrameKind::admin_request, std::as_bytes(std::span(bytes)),
                              connect_ms, reply_ms);
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
