// liblz4, linked: for the host, whose sandboxed workers can load nothing later. A library of its own, since
// what runs in an application's process must not need it.
#pragma once

#include "transport/mirror/lz4.hpp"

namespace viaduct::transport {

const Lz4& linked_lz4() noexcept;

}  // namespace viaduct::transport
