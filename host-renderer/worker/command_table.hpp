// What the numbers in a guest's records mean here: its commands, in its order, as this build's own.
//
// Made from the handshake's hello, constant afterwards; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generated/protocol/commands.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host {

class CommandTable {
 public:
  struct Entry {
    void (*execute)(CommandContext&) = nullptr;  // null: not known here, nothing executes it
    protocol::Command command = protocol::Command::kCount;
    bool recorded = false;  // never without execute
    bool compiles = false;  // find_compile() has it

    const protocol::CommandInfo& info() const noexcept {
      return protocol::kCommandInfo[static_cast<std::size_t>(command)];
    }
    // May it run while spans of command buffers before it are still being recorded?
    bool beside_recording() const noexcept { return (info().flags & protocol::kCommandBesideRecording) != 0; }
    bool submission() const noexcept {
      return command == protocol::Command::viaductQueueSubmit ||
             command == protocol::Command::viaductQueueSubmit2;
    }
  };

  // A command whose wire form differs here counts as not known.
  explicit CommandTable(std::span<const protocol::Known> commands);

  // Null for a number that the guest has not announced, or of a command that is not known here.
  const Entry* find(std::uint32_t number) const noexcept {
    return number < entries_.size() && entries_[number].execute != nullptr ? &entries_[number] : nullptr;
  }
  // By the guest's number, with those that find() does not give.
  std::span<const Entry> entries() const noexcept { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace viaduct::host
