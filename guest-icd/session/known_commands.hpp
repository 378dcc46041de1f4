// Which commands the host executes as this build encodes them, by the handshake's hashes, and what follows
// for what the driver may offer: a core version needs all of its commands, a session those of Vulkan 1.0.
// Immutable, any thread.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "generated/protocol/commands.hpp"
#include "protocol/control/handshake.hpp"
#include "protocol/wire/peer_structs.hpp"

namespace viaduct::guest {

class KnownCommands {
 public:
  /// Everything is known: what a host means that names no commands.
  KnownCommands() = default;
  explicit KnownCommands(std::span<const protocol::Known> hosts);

  protocol::PeerForm form(protocol::Command command) const noexcept {
    return forms_[static_cast<std::size_t>(command)];
  }
  /// False only for what would have to travel and cannot. Commands without a wire form are the guest's own.
  bool can_call(protocol::Command command) const noexcept {
    return form(command) == protocol::PeerForm::kSame;
  }
  /// The name of a command without which there is no session (Vulkan 1.0, or Viaduct's own); null if all are
  /// known.
  const char* missing_necessity() const noexcept;
  /// The highest version of Vulkan all of whose commands are known.
  std::uint32_t core_version() const noexcept;

 private:
  // One more: Command::kCount stands for window-system commands, which never travel.
  std::array<protocol::PeerForm, protocol::kCommandCount + 1> forms_{};
};

}  // namespace viaduct::guest
