#include "guest-icd/objects/external_handles.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "generated/guest/calls.hpp"
#include "guest-icd/objects/fence.hpp"
#include "guest-icd/session/channel.hpp"

namespace viaduct::guest {

VkResult ExternalHandles::hand_out(ExternalPayload payload, int* fd) noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return VK_ERROR_TOO_MANY_OBJECTS;
  UniqueFd given(ends[0]);
  UniqueFd kept(ends[1]);
  // Nothing is ever written: one page of the user's allowance for pipes is enough. If it cannot be, more will
  // do.
  ::fcntl(kept.get(), F_SETPIPE_SZ, 4096);
  struct stat identity {};
  if (::fstat(kept.get(), &identity) != 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMost) return VK_ERROR_TOO_MANY_OBJECTS;
  try {
    entries_.push_back({std::move(payload), std::move(kept), identity.st_dev, identity.st_ino});
  } catch (const std::bad_alloc&) {
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  *fd = given.release();
  return VK_SUCCESS;
}

std::optional<ExternalPayload> ExternalHandles::find(int fd, ExternalPayload::Kind kind) noexcept {
  struct stat identity {};
  if (fd < 0 || ::fstat(fd, &identity) != 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.device == identity.st_dev && entry.inode == identity.st_ino) {
      return entry.payload.kind == kind ? std::optional(entry.payload) : std::nullopt;
    }
  }
  return std::nullopt;
}

void ExternalHandles::collect(Channel& channel) noexcept {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < entries_.size();) {
    pollfd end{entries_[i].kept.get(), 0, 0};
    // POLLERR: the pipe has no reader any more.
    if (::poll(&end, 1, 0) <= 0 || (end.revents & POLLERR) == 0) {
      ++i;
      continue;
    }
    if (entries_[i].payload.number != 0) post_viaductReleasePayload(channel, entries_[i].payload.number);
    if (i + 1 < entries_.size()) entries_[i] = std::move(entries_.back());
    entries_.pop_back();
  }
}

std::size_t ExternalHandles::size() const noexcept {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace viaduct::guest
