// Runs spans of the ring: copies one into private memory, splits it into records, and executes them in order.
//
// Decode thread only. Bytes are hostile; what cannot be decoded ends the session and failure() says where. A
// command with a stale handle is skipped and its damage kept where it belongs: in a command buffer it spoils
// that command buffer, in a submission it loses the device, in a call it gives an empty reply.
#pragma once

#include "base/arena.hpp"
#include "generated/protocol/commands.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/session.hpp"
#include "protocol/control/handshake.hpp"
#include "protocol/wire/decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace viaduct::host {

struct ExecuteFailure {
  const char* reason = nullptr;
  const char* command = "";
  std::size_t offset = 0;  // in the span
};

class Executor {
 public:
  static constexpr std::size_t kMaxArguments = std::size_t{256} << 20;  // decoded arguments of one command

  // commands: the guest's, in its order (the handshake's Hello). One whose form differs here is not known.
  Executor(Session& session, std::span<const protocol::Known> commands);

  // Where to copy the next span; valid until the next call. Null when there is no memory.
  std::byte* span_buffer(std::size_t size);

  // Executes the records that were copied into span_buffer(size). command_buffer is 0 for a stream span.
  // False: the session must end.
  [[nodiscard]] bool execute(std::size_t size, protocol::ObjectId command_buffer, std::uint64_t sequence);

  const ExecuteFailure& failure() const noexcept { return failure_; }

 private:
  static constexpr std::size_t kKeptBuffer = std::size_t{1} << 20;

  // What a number in a record's header means; one that is not known here executes nothing.
  struct Entry {
    void (*execute)(CommandContext&) = nullptr;
    protocol::Command command = protocol::Command::kCount;
    bool recorded = false;
  };

  bool run_records(std::size_t size);
  bool run_record(std::span<const std::byte> record, std::size_t offset);
  // After a record: true to go on.
  bool settle(const protocol::Decoder& decoder, protocol::Command command, std::span<const std::byte> record,
              std::size_t body, std::size_t offset);
  bool fail(const char* reason, const char* command, std::size_t offset) noexcept;
  void on_stale(protocol::Command command, std::span<const std::byte> record, std::size_t body,
                const char* reason);

  Session& session_;
  std::vector<Entry> entries_;  // by the guest's numbers
  Arena arena_;
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte, Free> buffer_;
  std::size_t capacity_ = 0;
  CommandBuffer* command_buffer_ = nullptr;  // of the span being executed
  protocol::ObjectId command_buffer_id_{};
  ExecuteFailure failure_;
};

}  // namespace viaduct::host
