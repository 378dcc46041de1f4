// A connection to the service: which URL, and one administrative question.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "generated/protocol/control/control.pb.h"
#include "protocol/control/handshake.hpp"
#include "transport/url.hpp"

namespace viaduct::tools {

// The first place that answers: `wanted` alone if it is given, otherwise VIADUCT_URL or the standard
// places. The error names all that was tried, and what to do.
[[nodiscard]] tl::expected<transport::Url, std::string> find_service(const std::string& wanted);

// The kind of the first GPU that this service lends, and whether it lends Vulkan and OpenGL. Needs no
// privilege and takes no session.
[[nodiscard]] tl::expected<protocol::DeviceInfo, std::string> ask_device(const transport::Url& url);

[[nodiscard]] tl::expected<control::AdminReply, std::string> ask(const transport::Url& url,
                                                                 const control::AdminRequest& request);

}  // namespace viaduct::tools
