#include "host-renderer/worker/executor.hpp"

#include "base/log.hpp"
#include "base/switches.hpp"
#include "base/trace.hpp"
#include "generated/host/dispatch.hpp"
#include "protocol/wire/record.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

namespace viaduct::host {

using protocol::Command;
using protocol::ObjectType;

void Executor::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

Executor::Executor(Session& session, std::span<const protocol::Known> commands)
    : session_(session), arena_(kMaxArguments) {
  std::unordered_map<std::uint32_t, Command> known;
  for (std::uint32_t i = 0; i < protocol::kCommandCount; ++i) {
    known.emplace(protocol::kCommandInfo[i].name_hash, static_cast<Command>(i));
  }
  entries_.reserve(commands.size());
  std::size_t differing = 0;
  for (const protocol::Known& guests : commands) {
    const auto found = known.find(guests.name);
    const bool here = found != known.end();
    // One of another form is as good as unknown: its records would be read wrongly.
    const bool same =
        here && protocol::kCommandInfo[static_cast<std::size_t>(found->second)].form_hash == guests.form;
    differing += here && !same ? 1 : 0;
    Entry entry;
    if (same) {
      entry.command = found->second;
      entry.execute = kExecute[static_cast<std::size_t>(found->second)];
      entry.recorded = (protocol::kCommandInfo[static_cast<std::size_t>(found->second)].flags &
                        protocol::kCommandRecorded) != 0;
    }
    entries_.push_back(entry);
  }
  if (differing != 0) {
    VIADUCT_LOG_WARN("decode", "the guest encodes %zu commands in another way: they are not known here",
                     differing);
  }
}

std::byte* Executor::span_buffer(std::size_t size) {
  // A long span is the exception: its memory is not kept.
  if (size > capacity_ || (capacity_ > kKeptBuffer && size <= kKeptBuffer)) {
    const std::size_t capacity = std::max((size + 63) & ~std::size_t{63}, std::size_t{64} << 10);
    buffer_.reset(static_cast<std::byte*>(std::aligned_alloc(64, capacity)));
    capacity_ = buffer_ ? capacity : 0;
  }
  return buffer_.get();
}

bool Executor::fail(const char* reason, const char* command, std::size_t offset) noexcept {
  failure_ = {reason, command, offset};
  return false;
}

bool Executor::execute(std::size_t size, protocol::ObjectId command_buffer, std::uint64_t sequence) {
  VIADUCT_TRACE_SPAN("execute span", sequence);
  stats_add(session_.stats().bytes, size);
  command_buffer_ = nullptr;
  command_buffer_id_ = command_buffer;
  if (command_buffer != 0) {
    if (protocol::id_type(command_buffer) != ObjectType::kCommandBuffer) {
      return fail("a span's command buffer is none", "", 0);
    }
    command_buffer_ = session_.objects().object<CommandBuffer>(ObjectType::kCommandBuffer, command_buffer);
    if (command_buffer_ == nullptr) {
      VIADUCT_LOG_WARN("decode", "skipped a span of a command buffer that does not exist");
      return true;
    }
  }
  return run_records(size);
}

bool Executor::run_records(std::size_t size) {
  // Most records by far are recorded commands without a reply: what is the same for all of a span's is made
  // once.
  protocol::Decoder decoder({}, 0, arena_, session_.objects().tables());
  CommandContext ctx{decoder, session_, command_buffer_, nullptr, nullptr};
  if (command_buffer_ != nullptr) {
    decoder.set_command_buffer(command_buffer_id_, command_buffer_->handle);
  }
  const bool recorded = command_buffer_ != nullptr && !debug_enabled(DebugSwitch::commands);
  const std::byte* const span = buffer_.get();
  std::uint64_t commands = 0;
  std::size_t at = 0;
  bool good = true;
  while (good && at < size) {
    protocol::RecordHeader header;
    if (size - at < sizeof(header)) {
      return fail("a record's header is cut off", "", at);
    }
    std::memcpy(&header, span + at, sizeof(header));
    if (header.size < sizeof(header) || header.size % 8 != 0 || header.size > size - at) {
      return fail("a record's size makes no sense", "", at);
    }
    const std::span<const std::byte> record{span + at, header.size};
    // Where a reply is wanted the number is beyond the table.
    if (recorded && header.command < entries_.size() && entries_[header.command].recorded) [[likely]] {
      const Entry& entry = entries_[header.command];
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
  stats_add(session_.stats().commands, commands);
  return good;
}

bool Executor::run_record(std::span<const std::byte> record, std::size_t offset) {
  protocol::RecordHeader header;
  std::memcpy(&header, record.data(), sizeof(header));
  const std::uint32_t index = header.command & ~protocol::kReplyWanted;
  const Entry entry = index < entries_.size() ? entries_[index] : Entry{};
  const Command command = entry.command;
  if (entry.execute == nullptr) {
    return fail("a command that is not known here", "", offset);
  }
  const protocol::CommandInfo& info = protocol::kCommandInfo[static_cast<std::size_t>(command)];
  if (entry.recorded != (command_buffer_ != nullptr)) {
    return fail(
        entry.recorded ? "a recorded command outside a command buffer" : "a command that cannot be recorded",
        info.name, offset);
  }
  std::size_t body = protocol::kPostHeaderSize;
  ReplyBuilder reply;
  if ((header.command & protocol::kReplyWanted) != 0) {
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

  arena_.reset();
  protocol::Decoder decoder(record, body, arena_, session_.objects().tables());
  if (command_buffer_ != nullptr) {
    decoder.set_command_buffer(command_buffer_id_, command_buffer_->handle);
  }
  CommandContext ctx{decoder, session_, command_buffer_, nullptr, reply ? &reply : nullptr};
  if (debug_enabled(DebugSwitch::commands)) {
    VIADUCT_LOG_DEBUG("decode", "%s, %zu bytes", info.name, record.size());
  }
  entry.execute(ctx);
  return settle(decoder, command, record, body, offset);
}

bool Executor::settle(const protocol::Decoder& decoder, Command command, std::span<const std::byte> record,
                      std::size_t body, std::size_t offset) {
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

void Executor::on_stale(Command command, std::span<const std::byte> record, std::size_t body,
                        const char* reason) {
  VIADUCT_LOG_WARN("decode", "%s skipped: %s", protocol::kCommandInfo[static_cast<std::size_t>(command)].name,
                   reason);
  if (command_buffer_ != nullptr) {
    session_.invalid_command_buffers().insert(command_buffer_->handle);
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
