// The last door of a worker: a seccomp allow-list for the whole process.
//
// Called once by the worker's main thread, after the driver has been warmed and before the first
// guest byte is read; it covers the threads the driver has started by then (TSYNC) and all later
// ones. What is not on the list fails with EPERM (calls with a fallback in libc: ENOSYS). A denied
// call is not logged by the kernel, since a guest could fill a disk that way.
#pragma once

#include "base/result.hpp"

namespace viaduct::host::sandbox {

struct LockdownProfile {
  // Opening files stays possible by default: the loader and drivers read manifests and device nodes
  // when an instance is made, and the mount namespace holds nothing else.
  bool allow_open = true;
};

// Errc::unsupported if the kernel has no seccomp; nothing has changed then.
[[nodiscard]] Result<> lock_down(const LockdownProfile& profile = {});

// The coarser filter that the spawner installs before a worker is exec'd, so that the driver's
// start-up cannot make sockets, trace, signal or fork either. Async-signal-safe it is not: call it in
// a single-threaded process.
[[nodiscard]] Result<> restrict_before_exec();

}  // namespace viaduct::host::sandbox
