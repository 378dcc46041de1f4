#include "host-renderer/worker/command_table.hpp"

#include <unordered_map>

#include "base/log.hpp"
#include "generated/host/dispatch.hpp"
#include "host-renderer/worker/compile_threads.hpp"

namespace viaduct::host {

using protocol::Command;

CommandTable::CommandTable(std::span<const protocol::Known> commands) {
  std::unordered_map<std::uint32_t, Command> known;
  for (std::uint32_t i = 0; i < protocol::kCommandCount; ++i) {
    known.emplace(protocol::kCommandInfo[i].name_hash, static_cast<Command>(i));
  }
  entries_.reserve(commands.size());
  std::size_t differing = 0;
  for (const protocol::Known& guests : commands) {
    Entry entry;
    if (const auto found = known.find(guests.name); found != known.end()) {
      entry.command = found->second;
      // One of another form is as good as unknown: its records would be read wrongly.
      if (entry.info().form_hash == guests.form) {
        entry.execute = kExecute[static_cast<std::size_t>(found->second)];
        entry.compiles = find_compile(entry.command) != nullptr;
        entry.recorded = entry.execute != nullptr && (entry.info().flags & protocol::kCommandRecorded) != 0;
      } else {
        ++differing;
      }
    }
    entries_.push_back(entry);
  }
  if (differing != 0) {
    VIADUCT_LOG_WARN("decode", "the guest encodes %zu commands in another way: they are not known here",
                     differing);
  }
}

}  // namespace viaduct::host
