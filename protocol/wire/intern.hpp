// Strings that a reply points the application at. The Vulkan API lets the driver own them for as long as the
// instance lives; equal strings share one copy, which is kept until the process ends.
#pragma once

#include "protocol/wire/reader.hpp"

namespace viaduct::protocol {

// Reads a string from a reply; null when it is null or the reply is malformed. Any thread.
const char* read_interned(Reader& reader);

}  // namespace viaduct::protocol
