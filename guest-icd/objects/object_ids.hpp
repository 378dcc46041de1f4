// Making and releasing names of non-dispatchable objects.
#pragma once

#include <cstdint>

#include "guest-icd/session/channel.hpp"
#include "protocol/wire/object_id.hpp"

namespace viaduct::guest {

/// 0 when the session's object limit is reached.
inline std::uint64_t new_id(Channel& channel, protocol::ObjectType type) noexcept {
  const std::uint64_t raw = channel.ids(type).allocate();
  return raw == 0 ? 0 : protocol::make_id(type, raw);
}

/// To be called after the destroy was posted: the next owner of the index comes later on the ring.
inline void release_id(Channel& channel, protocol::ObjectType type, std::uint64_t id) noexcept {
  if (id != 0) channel.ids(type).release(protocol::id_without_type(id));
}

template <class Handle>
Handle handle_of(std::uint64_t id) noexcept {
  return protocol::handle_from_bits<Handle>(id);
}

}  // namespace viaduct::guest
