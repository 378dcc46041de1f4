// The worker's end of its private socket to viaductd.
//
// One worker process has one WorkerLink, used from its main thread: from_fd() first, then
// send_ready() once the driver is warm and the process locked down, then wait_for_grant(), which
// blocks until a session is given to this worker (warm workers spend their life there). When the
// socket closes, the daemon is gone and the worker exits: wait_for_grant() then fails with
// Errc::closed, and a running session polls fd() for POLLHUP. What the grant carries comes from the
// daemon and is trusted, except `hello` and whatever the granted memory holds: those are the guest's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host {

// Where the spawner leaves the socket in a worker's process.
inline constexpr int kWorkerLinkFd = 3;

struct GpuInfo {
  std::string name;
  uint32_t type = 0;  // VkPhysicalDeviceType
  uint32_t vendor_id = 0;
  uint32_t device_id = 0;
  uint32_t api_version = 0;
  std::string driver_name;
  std::string driver_info;
};

struct WorkerReadyInfo {
  std::vector<GpuInfo> gpus;
  bool locked_down = false;    // what sandbox::lock_down() returned
  std::string lockdown_error;  // why not
};

struct SessionLimits {
  uint64_t control_bytes = 0;        // size of the region's control area
  uint64_t arena_bytes = 0;          // region size = control_bytes + arena_bytes
  uint32_t max_objects = 0;          // per object type
  uint64_t device_memory_bytes = 0;  // 0 = the driver's own limit
};

// A session: everything that this worker will ever touch of it.
struct Grant {
  uint32_t session_id = 0;
  std::string tenant;
  std::string program;  // printable
  uint32_t guest_pid = 0;
  std::string gpu;  // name or index; empty = every GPU
  SessionLimits limits;
  std::vector<std::byte> hello;  // hostile: protocol::decode_hello() checks it
  protocol::RegionKind region_kind = protocol::RegionKind::memfd;
  bool compression = false;  // may be offered, if the region is none
  UniqueFd control;          // the guest's control socket; the Welcome goes there
  UniqueFd stats;            // memfd with one StatsPage (host-renderer/daemon/stats_page.hpp)
  UniqueFd gate;             // memfd with one GatePage, to be read (host-renderer/schedule/gate_page.hpp)
  // Of shared memory: a memfd of control_bytes + arena_bytes, sealed against resizing; or a VM's whole
  // memory, of which the session has that many bytes from slice_offset on.
  UniqueFd region;
  uint64_t slice_offset = 0;
  UniqueFd doorbell_to_host;  // eventfd, non-blocking; of a slice only where its VM has doorbells
  // Of a memfd region only:
  UniqueFd doorbell_to_guest;  // eventfd, non-blocking
};

class WorkerLink {
 public:
  // Takes the descriptor over. Also makes sure that the process dies with its parent.
  [[nodiscard]] static Result<WorkerLink> from_fd(int fd = kWorkerLinkFd);

  [[nodiscard]] Result<> send_ready(const WorkerReadyInfo& info);
  // The driver cannot be loaded, or this guest cannot be served: the reason reaches the guest.
  [[nodiscard]] Result<> send_failed(std::string_view reason);
  // Blocks until a session is granted.
  [[nodiscard]] Result<Grant> wait_for_grant();
  // The Welcome is on its way to the guest.
  [[nodiscard]] Result<> send_started();
  // It is about to submit, and was asked to say so (GatePage::call).
  [[nodiscard]] Result<> send_wants_gpu();
  // Why the session is over, for the daemon's log line; exit next.
  [[nodiscard]] Result<> send_ended(std::string_view cause);

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit WorkerLink(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace viaduct::host
