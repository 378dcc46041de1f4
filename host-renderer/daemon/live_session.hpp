// A session as the server and the administration see it, whatever serves it: a worker (Session) or an OpenGL
// server (GlSession). Event loop only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generated/protocol/control/control.pb.h"
#include "host-renderer/daemon/config.hpp"
#include "host-renderer/daemon/doorbell_server.hpp"
#include "host-renderer/vm/vm_memory.hpp"
#include "protocol/control/handshake.hpp"

namespace viaduct::host::daemon {

class GpuScheduler;

struct SessionOptions {
  uint32_t id = 0;
  std::string tenant;
  std::string socket;  // the path it came in by
  std::string program;
  std::string gpu;
  TenantConfig limits;
  std::chrono::milliseconds start_timeout{};
  bool require_sandbox = false;
  std::vector<std::byte> hello;  // the guest's, without its token; empty for OpenGL
  protocol::RegionKind region = protocol::RegionKind::memfd;
  std::shared_ptr<vm::Slice> slice;   // of the VM's memory, where the region is ivshmem
  GpuScheduler* scheduler = nullptr;  // outlives the session; OpenGL's sessions have no seat there
  std::shared_ptr<Bell> bell;         // what the guest's doorbell rings, if its device has one
};

class LiveSession {
 public:
  // Called from the loop, once, when the session is over; the owner then drops its reference.
  using Over = std::function<void(LiveSession&)>;

  explicit LiveSession(SessionOptions options) : options_(std::move(options)) {}
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;
  virtual ~LiveSession() = default;

  // Ends it from the host's side.
  virtual void end(const std::string& cause) = 0;
  virtual void fill_status(control::SessionStatus& status) const = 0;
  // Nothing where nobody counts them.
  virtual void fill_frame_times(control::FrameTimes& /*times*/) const {}
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  [[nodiscard]] bool was_refused() const { return refused_; }

 protected:
  SessionOptions options_;
  bool refused_ = false;
};

}  // namespace viaduct::host::daemon
