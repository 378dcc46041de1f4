#include "guest-icd/session/known_commands.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "generated/guest/proc_table.hpp"
#include "generated/protocol/command_forms.hpp"

namespace viaduct::guest {
namespace {

using protocol::Command;
using protocol::CommandInfo;
using protocol::kCommandInfo;

// The command that is sent for a procedure of the table; kCount for what never travels.
Command sent_for(const ProcEntry& proc) noexcept {
  const auto* found = std::lower_bound(
      std::begin(kCommandInfo), std::end(kCommandInfo), std::string_view(proc.name),
      [](const CommandInfo& info, std::string_view name) { return std::string_view(info.name) < name; });
  if (found == std::end(kCommandInfo) || std::strcmp(found->name, proc.name) != 0 ||
      (found->flags & protocol::kCommandNoWire) != 0) {
    return Command::kCount;
  }
  return found->canonical;
}

}  // namespace

KnownCommands::KnownCommands(std::span<const protocol::CommandHashes> hosts) {
  if (hosts.empty()) known_.set();
  std::unordered_map<std::uint32_t, std::uint32_t> forms;
  for (const protocol::CommandHashes& command : hosts) forms.emplace(command.name, command.form);
  for (std::size_t i = 0; i < protocol::kCommandCount && !hosts.empty(); ++i) {
    const auto found = forms.find(kCommandInfo[i].name_hash);
    known_.set(i, (kCommandInfo[i].flags & protocol::kCommandNoWire) != 0 ||
                      (found != forms.end() && found->second == protocol::kCommandForms[i]));
  }
}

const char* KnownCommands::missing_necessity() const noexcept {
  if (known_.all()) return nullptr;
  for (std::size_t i = 0; i < protocol::kCommandCount; ++i) {
    if ((kCommandInfo[i].flags & protocol::kCommandInternal) != 0 && !known_.test(i)) {
      return kCommandInfo[i].name;
    }
  }
  for (const ProcEntry& proc : kProcs) {
    const Command command = sent_for(proc);
    if (proc.core_version == VK_API_VERSION_1_0 && command != Command::kCount && !knows(command)) {
      return proc.name;
    }
  }
  return nullptr;
}

std::uint32_t KnownCommands::core_version() const noexcept {
  constexpr std::uint32_t kAny = VK_MAKE_API_VERSION(0, 127, 0, 0);
  if (known_.all()) return kAny;
  std::uint32_t first_lacking = kAny;
  for (const ProcEntry& proc : kProcs) {
    const Command command = sent_for(proc);
    if (proc.core_version != 0 && command != Command::kCount && !knows(command)) {
      first_lacking = std::min(first_lacking, proc.core_version);
    }
  }
  if (first_lacking == kAny) return kAny;
  return VK_MAKE_API_VERSION(0, 1, VK_API_VERSION_MINOR(first_lacking) - 1, VK_HEADER_VERSION);
}

bool KnownCommands::allows_extension(const char* name) const noexcept {
  return known_.all() || std::none_of(kProcs.begin(), kProcs.end(), [&](const ProcEntry& proc) {
           const bool provided = std::any_of(
               proc.extensions.begin(), proc.extensions.end(),
               [&](std::uint16_t index) { return std::strcmp(kExtensions[index].name, name) == 0; });
           const Command command = provided ? sent_for(proc) : Command::kCount;
           return command != Command::kCount && !knows(command);
         });
}

}  // namespace viaduct::guest
