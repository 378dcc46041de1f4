#include "transport/stream/connect.hpp"

#include "transport/stream/net_stream.hpp"
#include "transport/stream/unix_stream.hpp"

namespace viaduct::transport {

namespace {
template <class T>
Result<std::unique_ptr<Stream>> as_stream(Result<std::unique_ptr<T>> stream) {
  if (!stream) return tl::unexpected(stream.error());
  return std::unique_ptr<Stream>(std::move(*stream));
}
}  // namespace

Result<std::unique_ptr<Stream>> connect(const Url& url, Deadline deadline) {
  if (url.kind == UrlKind::unix_socket) {
    if (url.region == RegionChoice::ivshmem) {
      return fail(Errc::unsupported, "connect: a unix:// place shares no VM's memory; leave ?region away");
    }
    return as_stream(UnixStream::connect(url.path, deadline));
  }
  if (url.region == RegionChoice::memfd) {
    return fail(Errc::unsupported, "connect: a memfd region needs unix://; leave ?region away");
  }
  if (url.kind == UrlKind::vsock) return as_stream(NetStream::connect_vsock(url.cid, url.port, deadline));
  return as_stream(NetStream::connect_tcp(url.host, url.port, deadline));
}

}  // namespace viaduct::transport
