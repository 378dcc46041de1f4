#include "host-renderer/worker/record_runner.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/log.hpp"
#include "base/switches.hpp"
#include "base/trace.hpp"
#include "host-renderer/worker/compile_threads.hpp"
#include "host-renderer/worker/recorders.hpp"
#include "protocol/wire/record.hpp"

namespace viaduct::host {

using protocol::Command;
using protocol::ObjectType;

namespace {

Device* device_of(const CommandBuffer* command_buffer) noexcept {
  return command_buffer != nullptr ? command_buffer->device : nullptr;
}

}  // namespace

bool RecordRunner::fail(const char* reason, const char* command, std::size_t offset) noexcept {
  failure_ = {reason, command, offset, sequence_};
  return false;
}

bool RecordRunner::run(std::span<const std::byte> records, const SpanOwner& owner, std::uint64_t sequence,
                       Recorders* recorders) {
  VIADUCT_TRACE_SPAN("execute span", sequence);
  owner_ = owner;
  recorders_ = recorders;
  sequence_ = sequence;
  return run_records(records);
}

bool RecordRunner::run_records(std::span<const std::byte> span) {
  // Most records by far are recorded commands without a reply: what is the same for all of a span's is made
  // once.
  CommandBuffer* const command_buffer = owner_.command_buffer;
  protocol::Decoder decoder({}, 0, arena_, session_.objects().tables());
  CommandContext ctx{decoder, session_, command_buffer, device_of(command_buffer), nullptr, recorders_};
  if (command_buffer != nullptr) {
    decoder.set_command_buffer(owner_.id, command_buffer->handle);
  }
  const bool recorded = command_buffer != nullptr && !debug_enabled(DebugSwitch::commands);
  const std::span<const CommandTable::Entry> entries =
      recorded ? table_.entries() : std::span<const CommandTable::Entry>();
  std::uint64_t commands = 0;
  std::size_t at = 0;
  bool good = true;
  while (good && at < span.size()) {
    protocol::RecordHeader header;
    if (span.size() - at < sizeof(header)) {
      return fail("a record's header is cut off", "", at);
    }
    std::memcpy(&header, span.data() + at, sizeof(header));
    if (header.size < sizeof(header) || header.size % 8 != 0 || header.size > span.size() - at) {
      return fail("a record's size makes no sense", "", at);
    }
    const std::span<const std::byte> record = span.subspan(at, header.size);
    // Where a reply is wanted the number is beyond the table.
    if (header.command < entries.size() && entries[header.command].recorded) [[likely]] {
      const CommandTable::Entry& entry = entries[header.command];
      arena_.reset();
      decoder.next(record, protocol::kPostHeaderSize);
      entry.execute(ctx);
      good = decoder.ok() || settle(decoder, entry.command, record, protocol::kPostHeaderSize, at);
    } else {
      good = run_record(record, at);
    }
    at += header.size;
    ++commands;
  }
  // Not the decode thread's alone.
  session_.stats().commands.fetch_add(commands, std::memory_order_relaxed);
  return good;
}

bool RecordRunner::executes_others(std::span<const std::byte> records) const noexcept {
  for (std::size_t at = 0; records.size() - at >= sizeof(protocol::RecordHeader);) {
    protocol::RecordHeader header;
    std::memcpy(&header, records.data() + at, sizeof(header));
    const CommandTable::Entry* entry = table_.find(header.command);
    if (entry != nullptr && entry->command == Command::vkCmdExecuteCommands) return true;
    if (header.size < sizeof(header) || header.size > records.size() - at) return false;
    at += header.size;
  }
  return false;
}

bool RecordRunner::take_turn(const CommandTable::Entry& entry, std::span<const std::byte> record,
                             bool wants_reply) {
  if (recorders_ == nullptr || !recorders_->busy()) return true;
  if (entry.submission() && !wants_reply && recorders_->submit(record, sequence_)) return false;
  if (!entry.beside_recording()) recorders_->drain();
  return true;
}

bool RecordRunner::run_record(std::span<const std::byte> record, std::size_t offset) {
  protocol::RecordHeader header;
  std::memcpy(&header, record.data(), sizeof(header));
  const CommandTable::Entry* entry = table_.find(header.command & ~protocol::kReplyWanted);
  if (entry == nullptr) {
    return fail("a command that is not known here", "", offset);
  }
  const Command command = entry->command;
  const protocol::CommandInfo& info = entry->info();
  if (entry->recorded != (owner_.command_buffer != nullptr)) {
    return fail(
        entry->recorded ? "a recorded command outside a command buffer" : "a command that cannot be recorded",
        info.name, offset);
  }
  const bool wants_reply = (header.command & protocol::kReplyWanted) != 0;
  if (!entry->recorded && !take_turn(*entry, record, wants_reply)) return true;
  std::size_t body = protocol::kPostHeaderSize;
  ReplyBuilder reply;
  if (wants_reply) {
    std::uint32_t slot = 0;
    if (record.size() < protocol::kCallHeaderSize) {
      return fail("a call's header is cut off", info.name, offset);
    }
    std::memcpy(&slot, record.data() + protocol::kPostHeaderSize, sizeof(slot));
    body = protocol::kCallHeaderSize;
    if (!session_.memory().claim(slot)) {
      return fail("a reply slot that is not free", info.name, offset);
    }
    if (command == Command::viaductFetchReply) {
      std::uint64_t piece = 0;
      std::memcpy(&piece, record.data() + body, std::min(sizeof(piece), record.size() - body));
      session_.memory().send_piece(slot, piece);
      return true;
    }
    reply = ReplyBuilder(session_.memory(), slot);
  }

  if (entry->compiles && session_.compile_threads().available()) {
    auto job = std::make_unique<CompileJob>(session_, record, body, std::move(reply));
    if (!job->prepare(*find_compile(command))) {
      return settle(job->decoder(), command, record, body, offset);
    }
    session_.compile_threads().run(std::move(job));
    return true;
  }

  arena_.reset();
  protocol::Decoder decoder(record, body, arena_, session_.objects().tables());
  if (owner_.command_buffer != nullptr) {
    decoder.set_command_buffer(owner_.id, owner_.command_buffer->handle);
  }
  CommandContext ctx{
      decoder,   session_, owner_.command_buffer, device_of(owner_.command_buffer), reply ? &reply : nullptr,
      recorders_};
  if (debug_enabled(DebugSwitch::commands)) {
    VIADUCT_LOG_DEBUG("decode", "%s, %zu bytes", info.name, record.size());
  }
  entry->execute(ctx);
  return settle(decoder, command, record, body, offset);
}

bool RecordRunner::settle(const protocol::Decoder& decoder, Command command,
                          std::span<const std::byte> record, std::size_t body, std::size_t offset) {
  switch (decoder.status()) {
    case protocol::DecodeStatus::kOk:
      return true;
    case protocol::DecodeStatus::kStaleHandle:
      on_stale(command, record, body, decoder.reason());
      return true;
    case protocol::DecodeStatus::kBadData:
      break;
  }
  return fail(decoder.reason(), protocol::kCommandInfo[static_cast<std::size_t>(command)].name,
              offset + decoder.error_offset());
}

void RecordRunner::on_stale(Command command, std::span<const std::byte> record, std::size_t body,
                            const char* reason) {
  VIADUCT_LOG_WARN("decode", "%s skipped: %s", protocol::kCommandInfo[static_cast<std::size_t>(command)].name,
                   reason);
  if (owner_.command_buffer != nullptr) {
    session_.invalid_command_buffers().insert(owner_.command_buffer->handle);
    return;
  }
  switch (command) {
    case Command::viaductQueueSubmit:
    case Command::viaductQueueSubmit2:
    case Command::viaductQueueBindSparse: {
      // The guest waits for this submission's value: it must learn that it never comes.
      protocol::ObjectId id{};
      if (record.size() - body >= sizeof(id)) {
        std::memcpy(&id, record.data() + body, sizeof(id));
      }
      if (Queue* queue = session_.objects().object<Queue>(ObjectType::kQueue, id)) {
        session_.lose(*queue, "a submission names an object that does not exist");
      }
      break;
    }
    default:
      break;
  }
}

}  // namespace viaduct::host
