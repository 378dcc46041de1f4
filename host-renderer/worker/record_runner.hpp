// Runs the records of one span, in order: checks headers, decodes, executes, replies.
//
// One thread at a time; each thread that executes records has a runner of its own. The bytes are private
// memory with a guest's content: what cannot be decoded gives false, and failure() says where. A command with
// a stale handle is skipped and its damage kept where it belongs: in a command buffer it spoils that command
// buffer, in a submission it loses the device, in a call it gives an empty reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.hpp"
#include "host-renderer/worker/command_table.hpp"
#include "host-renderer/worker/session.hpp"
#include "protocol/wire/decoder.hpp"

namespace viaduct::host {

class Recorders;

struct ExecuteFailure {
  const char* reason = nullptr;
  const char* command = "";
  std::size_t offset = 0;      // in the span
  std::uint64_t sequence = 0;  // the span's
};

// The command buffer that a span belongs to, looked up; of a stream span nothing.
struct SpanOwner {
  CommandBuffer* command_buffer = nullptr;
  protocol::ObjectId id{};
};

class RecordRunner {
 public:
  static constexpr std::size_t kMaxArguments = std::size_t{256} << 20;  // decoded arguments of one command

  RecordRunner(Session& session, const CommandTable& table) noexcept
      : session_(session), table_(table), arena_(kMaxArguments) {}

  // `recorders` is null where there are none, and on their own threads.
  [[nodiscard]] bool run(std::span<const std::byte> records, const SpanOwner& owner, std::uint64_t sequence,
                         Recorders* recorders);

  // Whether one of the records executes other command buffers, as far as it can be read.
  bool executes_others(std::span<const std::byte> records) const noexcept;
  // Gives false, with this reason for it.
  bool refuse(const char* reason, std::uint64_t sequence) noexcept {
    sequence_ = sequence;
    return fail(reason, "", 0);
  }
  const ExecuteFailure& failure() const noexcept { return failure_; }

 private:
  bool run_records(std::span<const std::byte> span);
  bool run_record(std::span<const std::byte> record, std::size_t offset);
  // Whether the stream's record goes on, now that what must be recorded before it is; false: it was handed
  // on.
  bool take_turn(const CommandTable::Entry& entry, std::span<const std::byte> record, bool wants_reply);
  // After a record: true to go on.
  bool settle(const protocol::Decoder& decoder, protocol::Command command, std::span<const std::byte> record,
              std::size_t body, std::size_t offset);
  bool fail(const char* reason, const char* command, std::size_t offset) noexcept;
  void on_stale(protocol::Command command, std::span<const std::byte> record, std::size_t body,
                const char* reason);

  Session& session_;
  const CommandTable& table_;
  Arena arena_;
  SpanOwner owner_;
  Recorders* recorders_ = nullptr;
  std::uint64_t sequence_ = 0;
  ExecuteFailure failure_;
};

}  // namespace viaduct::host
