// What the HTTP side answers to whoever asks whether programs are served (/health).
// Values only; any thread.
#pragma once

#include <string>

#include "generated/protocol/control/control.pb.h"
#include "host-renderer/http/http_message.hpp"

namespace viaduct::host::http {

// Whether a program that comes now is served.
struct Health {
  enum State { ok, starting, failing } state = ok;
  std::string reason;  // where it is not ok
};

// {"status": "ok" | "starting" | "failing", "reason", …}; 503 but for ok.
[[nodiscard]] Answer health_answer(const Health& health, const control::Status& status);

}  // namespace viaduct::host::http
