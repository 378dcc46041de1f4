#include "guest-icd/objects/command_writer.hpp"

#include <span>

#include "base/switches.hpp"
#include "guest-icd/objects/command_buffer.hpp"
#include "guest-icd/session/channel.hpp"

namespace viaduct::guest {
namespace {

// A tail shorter than this is not worth handing on to the next command buffer.
constexpr std::size_t kMinLeftover = 512;

}  // namespace

std::byte* CommandWriter::refill(std::size_t size) noexcept {
  if (in_scratch_ && channel_->lost()) return scratch(size);
  close();
  WriteMemory& left = pool_->leftover;
  if (left.memory.data != nullptr && left.memory.size - left.used >= size) {
    take(left);
    left = {};
  } else {
    const RecordMemory memory = channel_->acquire_memory(size);
    if (memory.data == nullptr) return scratch(size);
    take({memory, 0, 0});
  }
  std::byte* at = cursor_;
  cursor_ += size;
  return at;
}

void CommandWriter::take(const WriteMemory& from) noexcept {
  current_ = from;
  begin_ = cursor_ = from.memory.data + from.used;
  end_ = from.memory.data + from.memory.size;
  in_scratch_ = false;
}

void CommandWriter::publish(bool wake) noexcept {
  if (in_scratch_ || cursor_ == begin_) return;
  const auto used = static_cast<std::size_t>(begin_ - current_.memory.data);
  const std::uint64_t sequence = channel_->publish_commands(
      current_.memory.offset + used, static_cast<std::uint32_t>(cursor_ - begin_), command_buffer_, wake);
  if (sequence != 0) current_.sequence = sequence;
  begin_ = cursor_;
}

void CommandWriter::close() noexcept {
  if (in_scratch_) {
    leave_scratch();
    return;
  }
  if (current_.memory.data == nullptr) return;
  publish(perf_enabled(PerfSwitch::early_publish));
  channel_->retire_memory(current_.memory, current_.sequence);
  current_ = {};
  begin_ = cursor_ = end_ = nullptr;
}

void CommandWriter::finish() noexcept {
  publish(false);
  hand_on();
}

void CommandWriter::discard() noexcept {
  cursor_ = begin_;
  hand_on();
}

// What is left of the memory goes to the pool's next command buffer, or back.
void CommandWriter::hand_on() noexcept {
  if (in_scratch_) {
    leave_scratch();
    return;
  }
  if (current_.memory.data == nullptr) return;
  current_.used = static_cast<std::size_t>(begin_ - current_.memory.data);
  WriteMemory& left = pool_->leftover;
  const bool keep = current_.memory.chunk != RecordMemory::kArena && left.memory.data == nullptr &&
                    current_.memory.size - current_.used >= kMinLeftover;
  if (keep) {
    left = current_;
  } else {
    channel_->retire_memory(current_.memory, current_.sequence);
  }
  current_ = {};
  begin_ = cursor_ = end_ = nullptr;
}

std::byte* CommandWriter::scratch(std::size_t size) noexcept {
  const std::span<std::byte> memory = scratch_.memory(size);
  in_scratch_ = true;
  begin_ = memory.data();
  end_ = begin_ + memory.size();
  cursor_ = memory.data() != nullptr ? begin_ + size : nullptr;
  return begin_;
}

void CommandWriter::leave_scratch() noexcept {
  scratch_.release();
  in_scratch_ = false;
  begin_ = cursor_ = end_ = nullptr;
}

CommandWriter::~CommandWriter() { discard(); }

}  // namespace viaduct::guest
