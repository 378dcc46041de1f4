// The file descriptors that stand for exported payloads (VK_KHR_external_memory_fd, _semaphore_fd,
// _fence_fd).
//
// An application is given the read end of a pipe in which nothing ever stands; the write end is kept here.
// The pipe's inode, which nobody else can have while one end is open, tells which payload a descriptor means,
// whatever it was duplicated to. When the application has closed the last one, the kept end says so, and
// collect() lets the payload go. A descriptor of another session, process or driver is not found.
//
// Any thread. Handle type: OPAQUE_FD alone.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <vulkan/vulkan.h>

#include "base/unique_fd.hpp"

namespace viaduct::guest {

class Channel;
class FencePayload;

struct ExternalPayload {
  enum class Kind { kMemory, kSemaphore, kFence };
  Kind kind;
  std::uint64_t number = 0;  ///< the host's name of it; 0 for what lives in the guest
  VkSemaphoreType semaphore_type = VK_SEMAPHORE_TYPE_BINARY;
  std::shared_ptr<FencePayload> fence{};
};

class ExternalHandles {
 public:
  /// As many as the host keeps.
  static constexpr std::size_t kMost = 1024;

  /// A number that no payload has had.
  std::uint64_t new_number() noexcept { return next_number_.fetch_add(1, std::memory_order_relaxed); }

  /// Makes a descriptor that stands for the payload. Failure: VK_ERROR_TOO_MANY_OBJECTS or
  /// VK_ERROR_OUT_OF_HOST_MEMORY, and *fd is as it was.
  VkResult hand_out(ExternalPayload payload, int* fd) noexcept;
  /// What the descriptor stands for; nullopt when it is none of ours, or of another kind.
  std::optional<ExternalPayload> find(int fd, ExternalPayload::Kind kind) noexcept;
  /// Lets go of what no descriptor stands for any more, on the host too.
  void collect(Channel& channel) noexcept;
  std::size_t size() const noexcept;

 private:
  struct Entry {
    ExternalPayload payload;
    UniqueFd kept;
    dev_t device;
    ino_t inode;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::atomic<std::uint64_t> next_number_{1};
};

}  // namespace viaduct::guest
