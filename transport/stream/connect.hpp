// connect: the control stream to the place that a URL names.
//
// Blocks until connected or the deadline has passed; errors are those of the stream's kind
// (UnixStream::connect, NetStream), or unsupported where the kind of place cannot carry the kind of region.
#pragma once

#include <memory>

#include "transport/stream/stream.hpp"
#include "transport/url.hpp"

namespace viaduct::transport {

Result<std::unique_ptr<Stream>> connect(const Url& url, Deadline deadline);

}  // namespace viaduct::transport
