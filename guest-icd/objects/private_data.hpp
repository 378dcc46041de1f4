// Private data of objects whose handle is an address (fences, swapchains, templates): an address comes again,
// so their destruction must make their values forgotten. Objects named by ids need nothing. Any thread; cheap
// while the application has no private data slots.
#pragma once

#include <cstdint>

namespace viaduct::guest {

void forget_private_data(std::uint64_t handle) noexcept;

}  // namespace viaduct::guest
