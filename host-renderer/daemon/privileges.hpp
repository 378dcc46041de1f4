// Who viaductd and its workers are when root starts them.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.hpp"

namespace viaduct::host::daemon {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

// The service user `viaduct` if the system has one, otherwise an unused high uid. Without root: itself.
Identity service_identity();

// The uid of the worker with this serial number: from a range that nobody else uses, each in turn.
uid_t throw_away_uid(uint32_t serial);

// Gives root up for good. Does nothing if the process is not root.
[[nodiscard]] Result<> become(const Identity& identity);

// As many descriptors as the system lets a process have.
void raise_descriptor_limit();

}  // namespace viaduct::host::daemon
