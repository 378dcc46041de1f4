// Shares the GPU out among tenants: the daemon's side of the gates that workers pass before they submit.
//
// Every session has a seat: a page by which its worker is told whether it may submit, and the worker's claims
// of the time that its submissions take. While at least two tenants want the GPU (under fixed-share: one),
// the scheduler looks at the claims every two milliseconds, charges tenants, and opens and closes gates by
// the policy (host-renderer/schedule/fair_shares.hpp). Otherwise it does nothing at all: a session that was
// quiet for a while is asked to call when it submits again. All sessions count as users of one GPU.
//
// Event loop only. Seats must not outlive the scheduler.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "host-renderer/schedule/fair_shares.hpp"
#include "host-renderer/schedule/gate_page.hpp"

namespace viaduct::host::daemon {

class GpuScheduler {
 public:
  class Seat;

  GpuScheduler(boost::asio::io_context& loop, SharePolicy policy);
  ~GpuScheduler();
  GpuScheduler(const GpuScheduler&) = delete;
  GpuScheduler& operator=(const GpuScheduler&) = delete;

  // `stats`: the session's statistics, which outlive the seat.
  [[nodiscard]] Result<std::unique_ptr<Seat>> seat(const std::string& tenant, const Mapping& stats);
  void set_policy(SharePolicy policy);
  [[nodiscard]] SharePolicy policy() const { return policy_; }
  void allow(const std::string& tenant, const GpuAllowance& allowance);
  [[nodiscard]] GpuAllowance allowance(const std::string& tenant) const;

 private:
  struct Tenant;

  Tenant& tenant_of(const std::string& name);
  void begin();
  void wait();
  void tick();
  void charge(uint64_t now, uint64_t passed);
  void notice_idle(uint64_t now);
  void step(uint64_t passed);
  void leave(Seat& seat);
  [[nodiscard]] bool needed() const;
  void open_all();
  [[nodiscard]] std::vector<Tenant*> active() const;

  boost::asio::steady_timer timer_;
  SharePolicy policy_;
  std::map<std::string, std::unique_ptr<Tenant>> tenants_;
  bool ticking_ = false;
  uint64_t last_tick_ns_ = 0;
};

class GpuScheduler::Seat {
 public:
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // The page, for the worker: it can be mapped read-only and no other way.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The worker called.
  void on_call();

  [[nodiscard]] uint64_t busy_ns() const;
  [[nodiscard]] uint64_t waited_ns() const;

 private:
  friend class GpuScheduler;
  Seat(GpuScheduler& scheduler, Tenant& tenant, UniqueFd fd, Mapping page, const GateClaims& claims);
  [[nodiscard]] GatePage& page() { return *reinterpret_cast<GatePage*>(page_.data()); }
  void set_gate(Gate gate);
  void set_frames_per_second(uint32_t rate);

  GpuScheduler& scheduler_;
  Tenant& tenant_;
  UniqueFd fd_;
  Mapping page_;
  const GateClaims& claims_;
  uint64_t seen_busy_ns_ = 0;
  uint64_t step_ns_ = 0;  // of the step that is being charged
  uint64_t last_want_ns_ = 0;
  bool idle_ = true;  // and asked to call
};

}  // namespace viaduct::host::daemon
