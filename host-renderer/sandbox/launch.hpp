// Starting one confined worker: what the privileged spawner does for each.
//
//   viaductd ── spawner ── init of the worker's pid namespace ── viaduct-worker
//
// The small init process exists because a process that is pid 1 of its namespace ignores most signals,
// and because it turns two things into one close(2): it holds the far end of the report socket, so
// when the daemon closes its end (or dies) init exits and the kernel kills what is left in the
// namespace; and it reports how the worker died. It runs with the worker's throw-away uid, without
// capabilities.
//
// Not thread-safe: for single-threaded processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "host-renderer/sandbox/view.hpp"

namespace viaduct::host::sandbox {

enum class Mode {
  root_namespaces,  // started by root: throw-away uid, namespaces, private root
  user_namespaces,  // started by a user: the same inside a user namespace
  uid_only,         // root, but no namespaces to be had: throw-away uid, Landlock
  none,             // neither: Landlock if the kernel has it
};

struct LaunchConfig {
  Mode mode = Mode::none;
  std::string worker;                    // absolute path of viaduct-worker, or of another program
  std::string name = "viaduct-worker";   // what its process is called
  std::vector<std::string> arguments;    // after its name
  std::vector<std::string> environment;  // NAME=VALUE, the whole of it
  View view;
  std::vector<gid_t> groups;   // supplementary groups kept (root only)
  uid_t uid = 0;               // this worker's throw-away uid and gid (root only)
  uint64_t address_space = 0;  // most bytes that it may map; 0 = no limit
};

// What init says on the report socket, each a datagram of this struct.
struct Report {
  enum Kind : uint32_t { launched = 1, exited = 2, failed = 3 };
  uint32_t kind = 0;
  int32_t value = 0;      // exited: wait status; failed: errno
  uint32_t measures = 0;  // launched: Measure bits in force
  char text[244] = {};    // failed: what was tried
};
static_assert(sizeof(Report) == 256);

enum Measure : uint32_t {
  kThrowAwayUid = 1u << 0,
  kUserNamespace = 1u << 1,
  kMountNamespace = 1u << 2,
  kPidNamespace = 1u << 3,
  kNetNamespace = 1u << 4,
  kLandlock = 1u << 5,
  kEarlyFilter = 1u << 6,  // seccomp before exec; the full list follows in the worker
};

// "throw-away uid, own mounts, pids and network, seccomp".
std::string describe_measures(uint32_t measures, bool locked_down);

// The far ends of what a worker is born with.
struct LaunchFds {
  UniqueFd link;     // the worker's descriptor 3
  UniqueFd report;   // init's; Report datagrams
  UniqueFd log;      // standard output and error of both
  UniqueFd guest{};  // a guest's connection, descriptor 5 of a program that is born with one; may be empty
};

// The descriptors of a worker beside the standard ones.
inline constexpr int kLinkFd = 3;
inline constexpr int kGuestFd = 5;

// Forks init, which forks and execs the worker. The outcome arrives on the near end of `report`: launched or
// failed. An error here means that not even a process could be made.
[[nodiscard]] Result<> launch_worker(const LaunchConfig& config, LaunchFds fds);

// Goes through the motions of a launch in `config.mode` without a worker; empty = it works, else what
// failed, for people.
std::string probe(const LaunchConfig& config);

// The best mode that works here; `why_not_better` says why nothing stronger does (empty if complete).
Mode choose_mode(LaunchConfig config, std::string& why_not_better);

}  // namespace viaduct::host::sandbox
