#include "guest-icd/session/host_commands.hpp"

#include <unordered_map>

namespace viaduct::guest {

HostCommands::HostCommands(std::span<const protocol::Known> welcome) {
  if (welcome.empty()) return;
  std::unordered_map<std::uint32_t, std::uint32_t> host;
  for (const protocol::Known& known : welcome) host.emplace(known.name, known.form);
  for (std::size_t i = 0; i < protocol::kCommandCount; ++i) {
    // A command travels under its own name, whichever of its names the application uses.
    const auto canonical = static_cast<std::size_t>(protocol::kCommandInfo[i].canonical);
    const protocol::CommandInfo& info = protocol::kCommandInfo[canonical];
    if ((info.flags & protocol::kCommandNoWire) != 0) continue;
    const auto found = host.find(info.name_hash);
    if (found == host.end()) {
      forms_[i] = protocol::PeerForm::kUnknown;
    } else if (found->second != info.form_hash) {
      forms_[i] = protocol::PeerForm::kOther;
    }
  }
}

}  // namespace viaduct::guest
