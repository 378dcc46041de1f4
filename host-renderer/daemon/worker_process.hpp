// One viaduct-worker, or an OpenGL server, as the daemon sees it: from the moment it is asked for until it is
// gone.
//
//   spawn ─► launching ─► ready (warm, in the pool) ─► granted ─► started (Welcome sent) ─► ended
//   spawn_gl ─► launching ─► ready (about to read its guest's bytes) ─► ended
//
// Lives on the daemon's event loop. Callbacks are called from the loop, never from inside a call of the
// owner's, and never again after kill(). Destroying the last reference kills the process.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "generated/protocol/control/control.pb.h"
#include "host-renderer/daemon/spawner.hpp"
#include "host-renderer/daemon/worker_log.hpp"

namespace viaduct::host::daemon {

class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
 public:
  struct Events {
    std::function<void(const control::WorkerReady&)> ready;
    std::function<void()> started;
    std::function<void()> wants_gpu;
    // Once, the last event: why the process is gone or useless ("killed by signal 9 (Killed)", or what it
    // said itself). `expected` if it ended by itself with nothing wrong.
    std::function<void(const std::string& cause, bool expected)> ended;
  };

  static std::shared_ptr<WorkerProcess> watch(boost::asio::io_context& loop, SpawnedWorker&& ends);
  ~WorkerProcess() = default;

  void set_events(Events events) { events_ = std::move(events); }
  // Whose driver's lines in the log these are: "tenant=alice session=3". grant() does it too.
  void set_label(const std::string& label) { log_->set_label(label); }
  // Hands a session to the worker.
  [[nodiscard]] Result<> grant(const control::WorkerStart& start, std::span<const int> fds);
  // The process and all its memory are gone within milliseconds. No event follows.
  void kill();

  [[nodiscard]] pid_t pid() const { return pid_; }  // 0 until it is ready
  // A pidfd, readable once the process and its memory are gone; empty if there is none to be had.
  [[nodiscard]] UniqueFd process() const;
  // What confines it, for people.
  [[nodiscard]] std::string sandbox() const { return sandbox::describe_measures(measures_, locked_down_); }
  [[nodiscard]] bool locked_down() const { return locked_down_; }

 private:
  WorkerProcess(boost::asio::io_context& loop, SpawnedWorker&& ends);
  void wait_link();
  void wait_report();
  void on_link();
  void on_report();
  void handle(const control::ToDaemon& message);
  void end(const std::string& cause, bool expected);

  boost::asio::posix::stream_descriptor link_;
  boost::asio::posix::stream_descriptor report_;
  std::shared_ptr<WorkerLog> log_;
  Events events_;
  pid_t pid_ = 0;
  UniqueFd process_;
  uint32_t measures_ = 0;
  bool locked_down_ = false;
  std::string said_;  // the worker's own last words
};

// "killed by signal 9 (Killed)", "exited with status 3".
std::string describe_wait_status(int status);

}  // namespace viaduct::host::daemon
