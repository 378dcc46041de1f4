// Command pools and their buffers: a buffer's name ends with its pool.
#pragma once

#include "host-renderer/objects/objects.hpp"

namespace viaduct::host {

class Session;

// Destroys the pool and forgets its buffers' names and its own.
void drop_command_pool(Session& session, CommandPool& pool) noexcept;

}  // namespace viaduct::host
