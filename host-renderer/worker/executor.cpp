#include "host-renderer/worker/executor.hpp"

#include "base/log.hpp"

namespace viaduct::host {

using protocol::ObjectType;

Executor::Executor(Session& session, std::span<const protocol::Known> commands, unsigned recorder_threads,
                   bool always_hand_on)
    : session_(session), table_(commands), runner_(session, table_) {
  if (recorder_threads != 0) {
    recorders_ = std::make_unique<Recorders>(session, table_, recorder_threads, always_hand_on);
  }
}

bool Executor::copy(transport::RingConsumer& ring, const transport::Span& span) noexcept {
  if (!copy_.reserve(span.size)) return runner_.refuse("no memory for a span", span.sequence);
  ring.copy_span(span, copy_.memory.get());
  ring.release();
  return true;
}

bool Executor::execute(transport::RingConsumer& ring, const transport::Span& span) {
  stats_add(session_.stats().bytes, span.size);
  SpanOwner owner{nullptr, span.command_buffer_id};
  if (owner.id != 0) {
    if (protocol::id_type(owner.id) != ObjectType::kCommandBuffer) {
      return runner_.refuse("a span's command buffer is none", span.sequence);
    }
    owner.command_buffer = session_.objects().object<CommandBuffer>(ObjectType::kCommandBuffer, owner.id);
    if (owner.command_buffer == nullptr) {
      VIADUCT_LOG_WARN("decode", "skipped a span of a command buffer that does not exist");
      ring.release();
      return true;
    }
  }
  const bool beside =
      owner.command_buffer != nullptr && recorders_ != nullptr && recorders_->worthwhile(ring.backlog());
  if (beside && !session_.has_secondaries() && recorders_->copies_itself(*owner.command_buffer) &&
      recorders_->hand_on(ring, span, *owner.command_buffer)) {
    ring.release_later();
    return !recorders_->failed();
  }
  if (!copy(ring, span)) return false;
  if (beside) {
    if (session_.has_secondaries() && runner_.executes_others({copy_.memory.get(), span.size})) {
      recorders_->drain();
    } else if (recorders_->hand_on(copy_, span, *owner.command_buffer)) {
      return !recorders_->failed();
    }
  }
  return runner_.run({copy_.memory.get(), span.size}, owner, span.sequence, recorders_.get()) &&
         !recorders_failed();
}

}  // namespace viaduct::host
