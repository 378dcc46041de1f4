#include "host-renderer/daemon/gl_session.hpp"

#include <poll.h>

#include <utility>

#include "base/log.hpp"
#include "host-renderer/daemon/gl_setup.hpp"

namespace viaduct::host::daemon {

GlSession::GlSession(GuestSocket socket, Peer peer, SessionOptions options, Over over)
    : LiveSession(std::move(options)),
      socket_(std::move(socket)),
      pid_(peer.pid),
      over_(std::move(over)),
      watch_(socket_, std::move(peer.process)),
      timer_(socket_.get_executor()) {}

std::string GlSession::label() const {
  return "session " + std::to_string(options_.id) + " (tenant " + options_.tenant + ", " + options_.program +
         ", pid " + std::to_string(pid_) + ", OpenGL)";
}

void GlSession::start(boost::asio::io_context& loop, Spawner& spawner) {
  const std::weak_ptr<GlSession> weak = weak_from_this();
  auto ends = spawner.spawn_gl(socket_.native_handle(), gl_address_space(options_.limits));
  if (!ends) return refuse("the spawner does not answer: " + to_string(ends.error()));
  server_ = WorkerProcess::watch(loop, std::move(*ends));
  server_->set_label("tenant=" + options_.tenant + " session=" + std::to_string(options_.id));
  server_->set_events({
      .ready =
          [weak](const control::WorkerReady& ready) {
            if (const auto self = weak.lock()) self->on_ready(ready);
          },
      .started = {},
      .wants_gpu = {},
      .ended =
          [weak](const std::string& cause, bool) {
            if (const auto self = weak.lock()) self->on_server_ended(cause);
          },
  });
  watch_.start([weak](const char* how) {
    if (const auto self = weak.lock()) self->end(how);
  });
  timer_.expires_after(options_.start_timeout);
  timer_.async_wait([weak](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->running_ || self->ended_) return;
    self->refuse("the OpenGL server did not start within " +
                 std::to_string(self->options_.start_timeout.count()) + " ms (pool.start_timeout_ms)");
  });
}

void GlSession::on_ready(const control::WorkerReady& ready) {
  if (ended_ || std::exchange(running_, true)) return;
  timer_.cancel();
  if (!ready.locked_down()) {
    if (options_.require_sandbox) {
      return refuse("it could not install its seccomp filter: " + ready.lockdown_error() +
                    "; --require-sandbox refuses that");
    }
    VIADUCT_LOG_WARN("session", "%s: its OpenGL server is not fully confined: %s", label().c_str(),
                     ready.lockdown_error().c_str());
  }
  VIADUCT_LOG_INFO("session", "%s started; OpenGL server %d", label().c_str(),
                   static_cast<int>(server_->pid()));
}

bool GlSession::guest_hung_up() {
  pollfd polled{socket_.native_handle(), POLLHUP, 0};
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLHUP) != 0;
}

void GlSession::on_server_ended(const std::string& cause) {
  if (ended_) return;
  if (!running_) return refuse("the OpenGL server could not start: " + cause);
  // A server that sees its guest leave may be quicker than the news of it.
  if (guest_hung_up()) return end("it closed the connection");
  // It tells its reasons in what it prints, and exits with 0 when it has given a client up.
  VIADUCT_LOG_WARN("session", "%s lost its OpenGL server: %s; what it printed stands above", label().c_str(),
                   cause.c_str());
  finish();
}

void GlSession::end(const std::string& cause) {
  if (ended_) return;
  VIADUCT_LOG_INFO("session", "%s ended: %s", label().c_str(), cause.c_str());
  finish();
}

void GlSession::refuse(const std::string& why) {
  if (ended_) return;
  refused_ = true;
  VIADUCT_LOG_WARN("session", "%s refused: %s", label().c_str(), why.c_str());
  finish();
}

void GlSession::finish() {
  ended_ = true;
  timer_.cancel();
  if (server_) server_->kill();
  watch_.hang_up();
  const auto keep = shared_from_this();
  if (const auto over = std::exchange(over_, nullptr)) over(*this);
}

void GlSession::fill_status(control::SessionStatus& status) const {
  status.set_kind("virgl");
  status.set_session_id(options_.id);
  status.set_guest_pid(static_cast<uint32_t>(pid_));
  status.set_program(options_.program);
  const auto age = std::chrono::steady_clock::now() - began_;
  status.set_age_ms(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(age).count()));
  status.set_memory_mode("vtest");
  status.set_state(ended_ ? "ending" : running_ ? "running" : "starting");
  if (!server_) return;
  status.set_worker_pid(static_cast<uint32_t>(server_->pid()));
  status.set_sandbox(server_->sandbox());
}

}  // namespace viaduct::host::daemon
