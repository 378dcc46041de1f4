// What every dispatchable guest object begins with. The loader writes its dispatch pointer over loader_data,
// the protocol's encoders read the id, and Channel::of() finds the session: all three need nothing but this
// prefix, so Instance, PhysicalDevice, Device, Queue and CommandBuffer derive from it and have no virtual
// functions.
#pragma once

#include <vulkan/vk_icd.h>

#include <cstdint>

#include "protocol/wire/object_id.hpp"

namespace viaduct::guest {

class Session;
class Channel;

struct Dispatchable {
  explicit Dispatchable(Session& owner, Channel& its_channel, std::uint64_t object_id) noexcept
      : session(&owner), channel(&its_channel) {
    header.id = object_id;
    set_loader_magic_value(&header);
  }

  protocol::DispatchableHeader header{};
  Session* session;
  Channel* channel;
};

}  // namespace viaduct::guest
