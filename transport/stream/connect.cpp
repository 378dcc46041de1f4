#include "transport/stream/connect.hpp"

#include "transport/stream/unix_stream.hpp"

namespace viaduct::transport {

Result<std::unique_ptr<Stream>> connect(const Url& url, Deadline deadline) {
  if (url.kind != UrlKind::unix_socket)
    return fail(Errc::unsupported, "connect: this build has unix:// only");
  if (url.region == RegionChoice::ivshmem || url.region == RegionChoice::none) {
    return fail(Errc::unsupported, "connect: a unix:// place shares a memfd region only");
  }
  auto stream = UnixStream::connect(url.path, deadline);
  if (!stream) return tl::unexpected(stream.error());
  return std::unique_ptr<Stream>(std::move(*stream));
}

}  // namespace viaduct::transport
