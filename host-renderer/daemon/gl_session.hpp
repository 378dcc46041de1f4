// One OpenGL session: a guest process whose Mesa speaks vtest, and the confined virgl_test_server that is
// born with its connection.
//
//   opening seen ─► launching ─► running ─► over
//
// The daemon reads none of the guest's bytes (it looked at the first without taking them); it keeps a copy of
// the connection only to notice that the guest is gone, and to hang it up when the server is. Whatever ends
// first takes the other along at once: guest, server, an administrator.
//
// Event loop only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "host-renderer/daemon/guest_watch.hpp"
#include "host-renderer/daemon/live_session.hpp"
#include "host-renderer/daemon/worker_process.hpp"

namespace viaduct::host::daemon {

class GlSession : public LiveSession, public std::enable_shared_from_this<GlSession> {
 public:
  GlSession(GuestSocket socket, Peer peer, SessionOptions options, Over over);

  void start(boost::asio::io_context& loop, Spawner& spawner);
  void end(const std::string& cause) override;
  void fill_status(control::SessionStatus& status) const override;

 private:
  void on_ready(const control::WorkerReady& ready);
  void on_server_ended(const std::string& cause);
  // It never came to render.
  void refuse(const std::string& why);
  void finish();
  [[nodiscard]] bool guest_hung_up();
  [[nodiscard]] std::string label() const;

  GuestSocket socket_;
  pid_t pid_;
  Over over_;
  GuestWatch watch_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<WorkerProcess> server_;
  bool running_ = false;
  bool ended_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace viaduct::host::daemon
