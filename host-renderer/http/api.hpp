// The page's side of the service: its figures, and the requests by which it changes something. A change is
// the same AdminRequest that viaductctl sends to the admin socket, so both do the same.
//
//   GET  /api/status   what status_json gives
//   POST /api/policy   {"policy": "equal-share"}
//   POST /api/tenant   {"name": "vm1", "share_percent": 40, "frames_per_second": 60}; what is not said stays
//   POST /api/kill     {"session_id": 7}
//
// The answer to a POST is {"text": …} or, with a status of 400 and above, {"error": …}. Values only; any
// thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "generated/protocol/control/control.pb.h"
#include "host-renderer/http/http_message.hpp"

namespace viaduct::host::http {

inline constexpr const char* kStatusPath = "/api/status";

// What a POST asks for, or the answer that says what is wrong with it.
[[nodiscard]] tl::expected<control::AdminRequest, Answer> api_request(const std::string& path,
                                                                      const std::string& body);
[[nodiscard]] Answer api_answer(const control::AdminReply& reply);
// Does a POST to this path change something?
[[nodiscard]] bool is_api_change(const std::string& path);

// Of a status with frame times, and whether the POSTs above are taken. Counters since each session's
// beginning: whoever looks twice has the rates, and the service keeps nothing for it. A session's
// frame_times_us are pairs [the longest time of a bucket, count].
[[nodiscard]] std::string status_json(const control::Status& status, bool changes_possible);

}  // namespace viaduct::host::http
