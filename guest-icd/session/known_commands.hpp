// Which commands the host executes as this build encodes them, by the handshake's hashes, and what follows
// for what the driver may offer: an extension needs all of its commands, a core version all of its own.
// Immutable, any thread.
#pragma once

#include <vulkan/vulkan.h>

#include <bitset>
#include <cstdint>
#include <span>

#include "generated/protocol/commands.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::guest {

class KnownCommands {
 public:
  /// Everything is known: what a host means that names no commands.
  KnownCommands() noexcept { known_.set(); }
  explicit KnownCommands(std::span<const protocol::CommandHashes> hosts);

  bool knows(protocol::Command command) const noexcept {
    return known_.test(static_cast<std::size_t>(command));
  }
  /// The name of a command without which there is no session (Vulkan 1.0, or Viaduct's own); null if all are
  /// known.
  const char* missing_necessity() const noexcept;
  /// The highest version of Vulkan all of whose commands are known.
  std::uint32_t core_version() const noexcept;
  /// Whether all commands of the extension are known; the commands that never travel do not matter.
  bool allows_extension(const char* name) const noexcept;

 private:
  std::bitset<protocol::kCommandCount> known_;
};

}  // namespace viaduct::guest
