#include "transport/stream/stream.hpp"

namespace viaduct::transport {

Result<> Stream::receive_all(std::span<std::byte> buffer, std::vector<UniqueFd>* fds, Deadline deadline) {
  while (!buffer.empty()) {
    const auto n = receive(buffer, fds, deadline);
    if (!n) return tl::unexpected(n.error());
    buffer = buffer.subspan(*n);
  }
  return {};
}

}  // namespace viaduct::transport
