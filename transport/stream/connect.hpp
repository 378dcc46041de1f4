// connect: the control stream to the place that a URL names.
//
// Blocks until connected or the deadline has passed; errors are those of the stream's kind
// (UnixStream::connect), or unsupported for kinds of place that this build does not have.
#pragma once

#include <memory>

#include "transport/stream/stream.hpp"
#include "transport/url.hpp"

namespace viaduct::transport {

Result<std::unique_ptr<Stream>> connect(const Url& url, Deadline deadline);

}  // namespace viaduct::transport
