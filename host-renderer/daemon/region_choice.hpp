// Which kind of region a session gets: the best that its guest can take, its control stream can carry and its
// tenant has. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "protocol/control/handshake.hpp"

namespace viaduct::host::daemon {

// What workers of this version serve.
inline constexpr uint32_t kServedRegions = protocol::kAllRegionKinds;

struct Surroundings {
  bool local = false;   // the stream is a Unix socket, which carries descriptors
  bool memory = false;  // the tenant's VM has shared memory
  uint32_t served = kServedRegions;
};

// The error is the refusal's sentence.
[[nodiscard]] tl::expected<protocol::RegionKind, std::string> choose_region(const protocol::Hello& hello,
                                                                            const Surroundings& around);

}  // namespace viaduct::host::daemon
