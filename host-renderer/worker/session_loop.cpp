#include "host-renderer/worker/session_loop.hpp"

#include "base/log.hpp"

#include <cstdio>

namespace viaduct::host {
namespace {

SessionOutcome bad_data(Session& session, const char* reason, const char* command, std::size_t offset,
                        std::uint64_t sequence) {
  char cause[256];
  std::snprintf(cause, sizeof(cause), "bad data {reason: %s, command: %s, offset: %zu} in span %llu", reason,
                *command != '\0' ? command : "none", offset, static_cast<unsigned long long>(sequence));
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
  for (;;) {
    transport::Span span;
    switch (ring.next(span)) {
      case RingConsumer::Next::span: {
        std::byte* copy = executor.span_buffer(span.size);
        if (copy == nullptr) {
          return bad_data(session, "no memory for a span", "", span.size, span.sequence);
        }
        ring.copy_span(span, copy);
        ring.release();
        if (!executor.execute(span.size, span.command_buffer_id, span.sequence)) {
          const ExecuteFailure& failure = executor.failure();
          return bad_data(session, failure.reason, failure.command, failure.offset, span.sequence);
        }
        break;
      }
      case RingConsumer::Next::error:
        return bad_data(session, ring.error().reason, "", ring.error().offset, ring.error().sequence);
      case RingConsumer::Next::empty:
        switch (parker.wait([&ring] { return ring.has_work(); })) {
          case HostWake::ready:
          case HostWake::timeout:
            break;
          case HostWake::peer_closed:
            return {SessionEnd::kGuestGone, "the guest is gone"};
          case HostWake::attention:
            return {SessionEnd::kSupervisorGone, "the daemon is gone"};
        }
        break;
    }
  }
}

}  // namespace viaduct::host
