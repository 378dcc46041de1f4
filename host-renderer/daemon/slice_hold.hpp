// Keeps the slice of a session that is over until nobody can write there any more: its worker's process has
// ended, and the guest has closed its end of the control stream. A guest whose session the host has ended may
// live on with its memory mapped, and store to it. A VM that is gone without a word is noticed by the
// stream's own means (keep-alive, vsock's reset).
//
// Event loop only; it goes on by itself, as long as it takes.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <utility>

#include "base/unique_fd.hpp"
#include "host-renderer/daemon/guest_watch.hpp"
#include "host-renderer/vm/vm_memory.hpp"

namespace viaduct::host::daemon {

// `keep` lives until `fd` is readable.
template <class Keep>
void keep_until_readable(const boost::asio::any_io_executor& loop, UniqueFd fd, Keep keep) {
  const auto descriptor = std::make_shared<boost::asio::posix::stream_descriptor>(loop, fd.release());
  descriptor->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [descriptor, keep = std::move(keep)](boost::system::error_code) {});
}

// `stream`: a copy of the control stream, not shut for receiving. `worker`: a pidfd; empty where no worker
// ever had the slice.
inline void hold_slice(const boost::asio::any_io_executor& loop, std::shared_ptr<vm::Slice> slice,
                       UniqueFd stream, UniqueFd worker) {
  if (worker) keep_until_readable(loop, std::move(worker), slice);
  UniqueFd left = watch_hang_up(stream.get());
  if (!left) return;
  keep_until_readable(loop, std::move(left), std::pair(std::move(slice), std::move(stream)));
}

}  // namespace viaduct::host::daemon
