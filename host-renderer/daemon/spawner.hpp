// The spawner: a small process, forked by viaductd before it gives its privileges up, that starts
// confined workers and removes the sockets when viaductd is gone.
//
// What a worker or an OpenGL server is (binary, environment, view, confinement) is fixed when the spawner
// is forked: the daemon, which parses guests' bytes, can only ask for one more of either. The spawner lives
// until its socket closes, however the daemon ended; by then the workers' report sockets have closed too,
// which ends them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "host-renderer/daemon/listen_sockets.hpp"
#include "host-renderer/sandbox/launch.hpp"

namespace viaduct::host::daemon {

struct SpawnerOptions {
  sandbox::LaunchConfig launch;             // workers; its `worker` is empty where there can be none
  std::optional<sandbox::LaunchConfig> gl;  // OpenGL servers
  Leftovers leftovers;
};

// The daemon's ends of what a worker is born with.
struct SpawnedWorker {
  UniqueFd link;    // ToWorker and ToDaemon messages
  UniqueFd report;  // sandbox::Report datagrams; closing it kills the worker
  UniqueFd log;     // what the worker and its driver print
};

class Spawner {
 public:
  // Call in a single-threaded process.
  [[nodiscard]] static Result<Spawner> start(const SpawnerOptions& options);
  Spawner(Spawner&& other) noexcept
      : socket_(std::move(other.socket_)), pid_(std::exchange(other.pid_, -1)) {}
  Spawner& operator=(Spawner&&) = delete;
  ~Spawner() { stop(); }

  [[nodiscard]] Result<SpawnedWorker> spawn();
  // An OpenGL server, which is born with its guest's connection (it stays the caller's too) and may map
  // that many bytes at most.
  [[nodiscard]] Result<SpawnedWorker> spawn_gl(int guest, uint64_t address_space);

  // Waits until the spawner has tidied up and ended, for some seconds at most. Close the workers' report
  // sockets before.
  void stop();
  // Readable when the spawner has died.
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  [[nodiscard]] Result<SpawnedWorker> ask(uint32_t kind, int guest, uint64_t address_space);
  Spawner(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace viaduct::host::daemon
