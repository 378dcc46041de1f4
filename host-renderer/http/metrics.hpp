// The service's figures in Prometheus' text format, version 0.0.4. Names and units follow its conventions:
// base units, counters end in _total. What begins with viaduct_session is what the session's worker claims.
//
// Values only; any thread.
#pragma once

#include <string>
#include <string_view>

#include "generated/protocol/control/control.pb.h"

namespace viaduct::host::http {

inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// Of a status with frame times.
[[nodiscard]] std::string metrics_text(const control::Status& status);

// As a label's value is written between its quotes.
[[nodiscard]] std::string escaped_label(std::string_view text);

}  // namespace viaduct::host::http
