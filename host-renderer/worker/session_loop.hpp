// The decode thread's loop: take a span from the ring, copy it out, give its memory back, execute it; sleep
// when there is none. Ends when the guest or the supervisor goes, or when the guest's bytes make no sense
// (one log line then, and the session's status in the region). The parker watches the supervisor's socket and
// executor.attention_fd().
#pragma once

#include "host-renderer/worker/executor.hpp"
#include "host-renderer/worker/session.hpp"
#include "transport/ring/ring.hpp"
#include "transport/wait/host_parker.hpp"

#include <string>

namespace viaduct::host {

enum class SessionEnd { kGuestGone, kSupervisorGone, kBadData };

struct SessionOutcome {
  SessionEnd end = SessionEnd::kGuestGone;
  std::string cause;  // for people
};

SessionOutcome run_session(Session& session, Executor& executor, transport::RingConsumer& ring,
                           transport::HostParker& parker);

}  // namespace viaduct::host
