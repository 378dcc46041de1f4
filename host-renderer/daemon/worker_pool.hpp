// Warm workers: processes whose driver is loaded, waiting for a session.
//
// Keeps `warm` of them. A session takes one at once if there is one, otherwise waits for the first to
// become ready; refilling starts a little after the last take, so that it does not compete with the
// start of the session itself. When a worker cannot start, one waiting session is told its reason, and
// the pool tries again with growing pauses.
//
// Event loop only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "host-renderer/daemon/worker_process.hpp"

namespace viaduct::host::daemon {

class WorkerPool {
 public:
  using Taken = tl::expected<std::shared_ptr<WorkerProcess>, std::string>;
  using Ticket = uint64_t;

  WorkerPool(boost::asio::io_context& loop, Spawner& spawner, uint32_t warm);

  // Every worker that becomes ready is shown to `check` first; a text it returns is why the worker must
  // not be used.
  void set_check(std::function<std::string(const control::WorkerReady&)> check) { check_ = std::move(check); }
  // Why no worker could be started, each time.
  void set_on_failure(std::function<void(const std::string&)> on_failure) {
    on_failure_ = std::move(on_failure);
  }

  void start() { refill(); }
  // Calls back from the loop, exactly once unless cancelled.
  Ticket take(std::function<void(Taken)> callback);
  void cancel(Ticket ticket);
  void stop();

  [[nodiscard]] std::size_t warm_count() const { return warm_.size(); }
  [[nodiscard]] uint32_t target() const { return target_; }
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  struct Waiter {
    Ticket ticket;
    std::function<void(Taken)> callback;
  };
  void refill();
  void refill_later(std::chrono::milliseconds pause);
  void launch();
  void on_ready(const std::shared_ptr<WorkerProcess>& worker, const control::WorkerReady& ready);
  void on_failed(const std::shared_ptr<WorkerProcess>& worker, const std::string& reason);
  void serve_waiters();

  boost::asio::io_context& loop_;
  Spawner& spawner_;
  boost::asio::steady_timer timer_;
  uint32_t target_;
  std::set<std::shared_ptr<WorkerProcess>> starting_;
  std::deque<std::shared_ptr<WorkerProcess>> warm_;
  std::deque<Waiter> waiters_;
  Ticket next_ticket_ = 1;
  std::chrono::milliseconds pause_;
  bool stopped_ = false;
  std::string last_failure_;
  std::function<std::string(const control::WorkerReady&)> check_;
  std::function<void(const std::string&)> on_failure_;
};

}  // namespace viaduct::host::daemon
