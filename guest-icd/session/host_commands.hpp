// Which commands of this build the host understands in the form in which this build sends them. Built once a
// session from the welcome; read from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "generated/protocol/commands.hpp"
#include "protocol/control/handshake.hpp"
#include "protocol/wire/peer_structs.hpp"

namespace viaduct::guest {

class HostCommands {
 public:
  /// Everything is known: a host of the same build.
  HostCommands() = default;
  /// No commands at all in the welcome: the same.
  explicit HostCommands(std::span<const protocol::Known> welcome);

  protocol::PeerForm form(protocol::Command command) const noexcept {
    return forms_[static_cast<std::size_t>(command)];
  }
  /// False only for what would have to travel and cannot. Commands without a wire form are the guest's own.
  bool can_call(protocol::Command command) const noexcept {
    return form(command) == protocol::PeerForm::kSame;
  }

 private:
  // One more: Command::kCount stands for window-system commands, which never travel.
  std::array<protocol::PeerForm, protocol::kCommandCount + 1> forms_{};
};

}  // namespace viaduct::guest
