// One administrative question to the service.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "generated/protocol/control/control.pb.h"
#include "tools/service/service.hpp"

namespace viaduct::tools {

[[nodiscard]] tl::expected<control::AdminReply, std::string> ask(const transport::Url& url,
                                                                 const control::AdminRequest& request,
                                                                 int connect_ms = kConnectMs,
                                                                 int reply_ms = kReplyMs);

}  // namespace viaduct::tools
