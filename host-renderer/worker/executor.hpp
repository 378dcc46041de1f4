// Takes the spans of the ring in their order: each is copied into private memory and executed, here or by a
// recorder that it is handed to. Decode thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "host-renderer/worker/command_table.hpp"
#include "host-renderer/worker/record_runner.hpp"
#include "host-renderer/worker/recorders.hpp"
#include "host-renderer/worker/session.hpp"
#include "protocol/control/handshake.hpp"
#include "transport/ring/ring.hpp"

namespace viaduct::host {

class Executor {
 public:
  // commands: the guest's, in its order (the handshake's Hello). `recorder_threads` 0: everything is executed
  // on the decode thread; `always_hand_on` for tests.
  Executor(Session& session, std::span<const protocol::Known> commands,
           unsigned recorder_threads = Recorders::suitable_threads(),
           bool always_hand_on = debug_enabled(DebugSwitch::recorders));

  // Executes the span that ring.next() gave, or hands it on; the ring may be asked for the next one
  // afterwards. False: the session must end.
  [[nodiscard]] bool execute(transport::RingConsumer& ring, const transport::Span& span);

  // Of execute(), or of what was handed on.
  const ExecuteFailure& failure() const noexcept {
    return recorders_failed() ? recorders_->failure() : runner_.failure();
  }
  bool recorders_failed() const noexcept { return recorders_ != nullptr && recorders_->failed(); }
  // Readable once they have; -1 where there are none.
  int attention_fd() const noexcept { return recorders_ != nullptr ? recorders_->attention_fd() : -1; }

 private:
  // Into copy_, and gives the ring its memory back.
  bool copy(transport::RingConsumer& ring, const transport::Span& span) noexcept;

  Session& session_;
  const CommandTable table_;
  RecordRunner runner_;
  SpanCopy copy_;
  std::unique_ptr<Recorders> recorders_;
};

}  // namespace viaduct::host
