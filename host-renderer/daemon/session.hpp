// One session: a guest process, its worker, and what is left to clean up when either ends.
//
//   hello received ─► waiting for a worker ─► granted ─► running ─► over
//
// The daemon keeps the guest's socket only to notice that the guest is gone, and to hang it up when the
// worker is: the worker speaks on it. Whatever ends first takes the other along: the guest closing its
// socket, the guest's process (a forked child may still hold the socket), the worker, an administrator.
// A worker whose guest is gone has a moment to say why (it may have hung up itself, on malformed data).
// Nothing of a memfd stays with the daemon after the grant, so the session's memory dies with worker and
// guest; a slice of a VM's memory is held until both have left it.
//
// Event loop only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mapping.hpp"
#include "host-renderer/daemon/gpu_scheduler.hpp"
#include "host-renderer/daemon/guest_watch.hpp"
#include "host-renderer/daemon/live_session.hpp"
#include "host-renderer/daemon/stats_page.hpp"
#include "host-renderer/daemon/worker_pool.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host::daemon {

class Session : public LiveSession, public std::enable_shared_from_this<Session> {
 public:
  Session(GuestSocket socket, Peer peer, SessionOptions options, Over over);

  void start(WorkerPool& pool);
  // The guest sees its device lost.
  void end(const std::string& cause) override;
  // The counters as the worker last wrote them.
  void fill_status(control::SessionStatus& status) const override;
  void fill_frame_times(control::FrameTimes& times) const override;

 private:
  enum class Phase { waiting, granted, running, closing, over };

  void on_worker(WorkerPool::Taken taken);
  [[nodiscard]] Result<> hand_over(WorkerProcess& worker);
  void on_started();
  void on_worker_ended(const std::string& cause, bool expected);
  void on_guest_gone(const char* how);
  [[nodiscard]] uint64_t frames() const;
  [[nodiscard]] const char* phase_name() const;
  void refuse(protocol::RefusalCode code, const std::string& message);
  void finish();
  void leave_slice();
  [[nodiscard]] std::string label() const;

  GuestSocket socket_;
  pid_t pid_;
  Over over_;
  GuestWatch watch_;
  boost::asio::steady_timer timer_;
  WorkerPool* pool_ = nullptr;
  std::optional<WorkerPool::Ticket> ticket_;
  std::shared_ptr<WorkerProcess> worker_;
  Mapping stats_;
  std::unique_ptr<GpuScheduler::Seat> seat_;  // from the grant to the end
  Phase phase_ = Phase::waiting;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace viaduct::host::daemon
