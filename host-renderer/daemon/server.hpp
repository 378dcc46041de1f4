// The daemon's event loop: listens for tenants, admits sessions, answers administrators.
//
// It never sees a Vulkan or OpenGL command. A connection's first frame decides what it is: a SessionHello
// makes a session of the tenant whose socket it came in by, or whose VM or token it shows between machines;
// an AdminRequest is answered if the peer is root or the service's own user on this machine. Where OpenGL is
// lent, a connection of this machine may begin as vtest does instead, and is a session too. Until that frame
// is there, a connection is a handshake: bounded in number for each tenant or machine, in bytes, and in time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host-renderer/daemon/config.hpp"
#include "host-renderer/daemon/gpu_scheduler.hpp"
#include "host-renderer/daemon/guest_socket.hpp"
#include "host-renderer/daemon/live_session.hpp"
#include "host-renderer/daemon/net_sockets.hpp"
#include "host-renderer/daemon/service_manager.hpp"
#include "host-renderer/daemon/vm_memories.hpp"
#include "host-renderer/daemon/worker_pool.hpp"
#include "host-renderer/http/http_server.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host::daemon {

struct ServerOptions {
  Config config;
  std::vector<BoundSocket> sockets;
  Tokens tokens;
  VmMemories memories;
  uid_t service_uid = 0;
  std::string sandbox;  // what confines workers, for people
  bool sandbox_complete = false;
  ServiceManager manager;
  UniqueFd http;  // listens; empty: no HTTP
  std::string http_token;
  std::string no_vulkan;  // why there is no driver for workers, where OpenGL is all there is; else empty
};

class Server {
 public:
  Server(ServerOptions options, Spawner spawner);
  ~Server();

  // Until SIGTERM, SIGINT or a fatal error; returns the process's exit status.
  int run();
  // Starts one worker, prints its GPUs, ends.
  int list_gpus();

 private:
  friend class AdminService;
  struct Tenant;
  struct Door;
  struct Handshake;
  struct Offer;

  void add_listener(BoundSocket socket);
  void add_doorbells(BoundSocket socket);
  std::shared_ptr<Tenant> tenant_of(const std::string& name);
  void on_connection(const std::shared_ptr<Door>& door, GuestSocket socket);
  void make_room(Door& door, const std::string& machine);
  void on_frame(const std::shared_ptr<Handshake>& handshake, Result<transport::Frame> frame);
  // Finds out whose connection it is; refuses it and gives false if nobody's.
  bool identify(Handshake& handshake, const std::string& token);
  void begin_session(const std::shared_ptr<Handshake>& handshake, transport::Frame frame);
  // The rest of begin_session: with shared memory, after the guest has proved that it sees it.
  void offer_region(const std::shared_ptr<Handshake>& handshake, protocol::Hello hello);
  void on_proof(const std::shared_ptr<Handshake>& handshake, Result<transport::Frame> frame);
  void go_without_memory(Handshake& handshake, protocol::Hello hello, const std::string& why);
  void launch(Handshake& handshake, const protocol::Hello& hello, protocol::RegionKind region,
              std::unique_ptr<Offer> offer = nullptr);
  void begin_gl_session(const std::shared_ptr<Handshake>& handshake, const std::string& program);
  [[nodiscard]] std::string objection(const Tenant& tenant) const;
  [[nodiscard]] SessionOptions session_options(const Handshake& handshake, const std::string& program);
  [[nodiscard]] LiveSession::Over on_over(const std::shared_ptr<Tenant>& tenant);
  void answer_device(const std::shared_ptr<Handshake>& handshake, const transport::Frame& frame);
  void begin_admin(const std::shared_ptr<Handshake>& handshake, const transport::Frame& frame);
  void refuse(Handshake& handshake, protocol::RefusalCode code, const std::string& message);
  std::string check_worker(const control::WorkerReady& ready);
  void watch_spawner();
  // The service manager is told once, as soon as it is known whether workers start.
  void tell_ready(const std::string& status);
  void feed_watchdog();
  void stop(int status);

  ServerOptions options_;
  boost::asio::io_context loop_;
  Spawner spawner_;
  WorkerPool pool_;
  GpuScheduler scheduler_;
  boost::asio::signal_set signals_;
  boost::asio::posix::stream_descriptor spawner_watch_;
  boost::asio::steady_timer ready_timer_;
  boost::asio::steady_timer watchdog_timer_;
  std::map<std::string, std::shared_ptr<Tenant>> tenants_;  // by name
  std::map<std::string, std::shared_ptr<Door>> doors_;      // by place
  std::map<uint32_t, std::shared_ptr<LiveSession>> sessions_;
  std::shared_ptr<http::Server> http_;
  control::WorkerReady last_ready_;
  bool seen_ready_ = false;
  uint32_t next_session_ = 1;
  uint64_t started_ = 0;
  uint64_t refused_ = 0;
  int exit_status_ = 0;
  bool stopping_ = false;
  bool told_ready_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// Does "0" or "radeon" name one of these? Index, or part of the name in any case.
int find_gpu(const control::WorkerReady& ready, const std::string& wanted);

}  // namespace viaduct::host::daemon
