#include "guest-icd/session/known_commands.hpp"

#include <algorithm>
#include <unordered_map>

#include "generated/guest/proc_table.hpp"

namespace viaduct::guest {

using protocol::Command;
using protocol::CommandInfo;
using protocol::kCommandInfo;

KnownCommands::KnownCommands(std::span<const protocol::Known> hosts) {
  if (hosts.empty()) return;
  std::unordered_map<std::uint32_t, std::uint32_t> host_forms;
  for (const protocol::Known& command : hosts) host_forms.emplace(command.name, command.form);
  for (std::size_t i = 0; i < protocol::kCommandCount; ++i) {
    // A command travels under its own name, whichever of its names the application uses.
    const CommandInfo& info = kCommandInfo[static_cast<std::size_t>(kCommandInfo[i].canonical)];
    if ((info.flags & protocol::kCommandNoWire) != 0) continue;
    const auto found = host_forms.find(info.name_hash);
    if (found == host_forms.end()) {
      forms_[i] = protocol::PeerForm::kUnknown;
    } else if (found->second != info.form_hash) {
      forms_[i] = protocol::PeerForm::kOther;
    }
  }
}

const char* KnownCommands::missing_necessity() const noexcept {
  for (std::size_t i = 0; i < protocol::kCommandCount; ++i) {
    if ((kCommandInfo[i].flags & protocol::kCommandInternal) != 0 && !can_call(static_cast<Command>(i))) {
      return kCommandInfo[i].name;
    }
  }
  for (const ProcEntry& proc : kProcs) {
    if (proc.core_version == VK_API_VERSION_1_0 && !can_call(proc.command)) return proc.name;
  }
  return nullptr;
}

std::uint32_t KnownCommands::core_version() const noexcept {
  constexpr std::uint32_t kAny = VK_MAKE_API_VERSION(0, 127, 0, 0);
  std::uint32_t first_lacking = kAny;
  for (const ProcEntry& proc : kProcs) {
    if (proc.core_version != 0 && !can_call(proc.command)) {
      first_lacking = std::min(first_lacking, proc.core_version);
    }
  }
  if (first_lacking == kAny) return kAny;
  return VK_MAKE_API_VERSION(0, 1, VK_API_VERSION_MINOR(first_lacking) - 1, VK_HEADER_VERSION);
}

}  // namespace viaduct::guest
