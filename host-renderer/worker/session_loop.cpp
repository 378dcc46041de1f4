#include "host-renderer/worker/session_loop.hpp"

#include "base/log.hpp"

#include <cstdio>

namespace viaduct::host {
namespace {

SessionOutcome bad_data(Session& session, const ExecuteFailure& failure) {
  char cause[256];
  std::snprintf(cause, sizeof(cause), "bad data {reason: %s, command: %s, offset: %zu} in span %llu",
                failure.reason, *failure.command != '\0' ? failure.command : "none", failure.offset,
                static_cast<unsigned long long>(failure.sequence));
  VIADUCT_LOG_ERROR("decode", "session ends: %s", cause);
  session.stats().status.store(static_cast<std::uint64_t>(SessionState::bad_data), std::memory_order_relaxed);
  session.memory().end(transport::SessionStatus::bad_data);
  return {SessionEnd::kBadData, cause};
}

}  // namespace

SessionOutcome run_session(Session& session, Executor& executor, transport::RingConsumer& ring,
                           transport::HostParker& parker) {
  using transport::HostWake;
  using transport::RingConsumer;
  const auto has_work = [&ring] { return ring.has_work(); };
  session.completion_watch().begin();
  for (;;) {
    transport::Span span;
    switch (ring.next(span)) {
      case RingConsumer::Next::span:
        if (!executor.execute(ring, span)) return bad_data(session, executor.failure());
        if (has_work()) session.completion_watch().let_go();
        break;
      case RingConsumer::Next::error:
        return bad_data(session, {ring.error().reason, "", ring.error().offset, ring.error().sequence});
      case RingConsumer::Next::empty:
        session.completion_watch().look(has_work);
        switch (parker.wait(has_work)) {
          case HostWake::ready:
          case HostWake::timeout:
            break;
          case HostWake::peer_closed:
            return {SessionEnd::kGuestGone, "the guest is gone"};
          case HostWake::attention:
            if (executor.recorders_failed()) return bad_data(session, executor.failure());
            return {SessionEnd::kSupervisorGone, "the daemon is gone"};
        }
        break;
    }
  }
}

}  // namespace viaduct::host
