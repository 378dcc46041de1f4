#include "host-renderer/daemon/gpu_scheduler.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::chrono::milliseconds kTick{2};
constexpr uint64_t kIdleAfterNs = 100'000'000;
// Enough that the GPU has the next submission when it ends one, and no more: what lies in the driver cannot
// be held back.
constexpr uint32_t kDepth = 2;

uint64_t read(const std::atomic<uint64_t>& word) { return word.load(std::memory_order_acquire); }

}  // namespace

struct GpuScheduler::Tenant {
  GpuAllowance allowance;
  TenantTurn turn;
  std::vector<Seat*> seats;
  uint64_t step_ns = 0;
  bool wants = false;

  [[nodiscard]] bool active() const {
    return std::any_of(seats.begin(), seats.end(), [](const Seat* seat) { return !seat->idle_; });
  }
};

GpuScheduler::Seat::Seat(GpuScheduler& scheduler, Tenant& tenant, UniqueFd fd, Mapping page,
                         const GateClaims& claims)
    : scheduler_(scheduler), tenant_(tenant), fd_(std::move(fd)), page_(std::move(page)), claims_(claims) {
  // The worker's first submission calls.
  this->page().call.store(1, std::memory_order_release);
  this->page().depth.store(kDepth, std::memory_order_relaxed);
  set_frames_per_second(tenant.allowance.frames_per_second);
}

GpuScheduler::Seat::~Seat() { scheduler_.leave(*this); }

void GpuScheduler::Seat::set_gate(Gate gate) {
  std::atomic<uint32_t>& word = page().gate;
  if (word.exchange(static_cast<uint32_t>(gate), std::memory_order_acq_rel) == static_cast<uint32_t>(gate))
    return;
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void GpuScheduler::Seat::set_frames_per_second(uint32_t rate) {
  page().frame_interval_ns.store(rate == 0 ? 0 : 1'000'000'000u / rate, std::memory_order_relaxed);
}

void GpuScheduler::Seat::on_call() {
  last_want_ns_ = now_ns();
  if (!std::exchange(idle_, false)) return;
  seen_busy_ns_ = busy_ns();
  scheduler_.begin();
}

// Since when it is busy is read first: a submission that ends in between is counted twice once, and as much
// too little by the next steps.
uint64_t GpuScheduler::Seat::busy_ns() const {
  const uint64_t since = read(claims_.busy_since_ns);
  const uint64_t done = read(claims_.busy_ns);
  const uint64_t now = now_ns();
  return done + (since != 0 && since < now ? now - since : 0);
}

uint64_t GpuScheduler::Seat::waited_ns() const { return read(claims_.waited_ns); }

GpuScheduler::GpuScheduler(boost::asio::io_context& loop, SharePolicy policy)
    : timer_(loop), policy_(policy) {}

GpuScheduler::~GpuScheduler() = default;

Result<std::unique_ptr<GpuScheduler::Seat>> GpuScheduler::seat(const std::string& tenant,
                                                               const Mapping& stats) {
  UniqueFd fd(::memfd_create("viaduct-gate", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), kGatePageBytes) != 0) return fail(Errc::io, "make the gate's page", errno);
  auto page = Mapping::map(fd.get(), kGatePageBytes);
  if (!page) return tl::unexpected(page.error());
  // Only this mapping may write.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
    return fail(Errc::io, "seal the gate's page", errno);
  Tenant& owner = tenant_of(tenant);
  const auto& claims = *reinterpret_cast<const GateClaims*>(stats.data() + kGateClaimsOffset);
  std::unique_ptr<Seat> made(new Seat(*this, owner, std::move(fd), std::move(*page), claims));
  owner.seats.push_back(made.get());
  return made;
}

GpuScheduler::Tenant& GpuScheduler::tenant_of(const std::string& name) {
  std::unique_ptr<Tenant>& tenant = tenants_[name];
  if (!tenant) tenant = std::make_unique<Tenant>();
  return *tenant;
}

void GpuScheduler::leave(Seat& seat) { std::erase(seat.tenant_.seats, &seat); }

void GpuScheduler::set_policy(SharePolicy policy) {
  if (policy == policy_) return;
  VIADUCT_LOG_INFO("schedule", "the policy is %s, no longer %s", share_policy_name(policy),
                   share_policy_name(policy_));
  policy_ = policy;
  for (const auto& [name, tenant] : tenants_) tenant->turn = {};
  begin();
}

void GpuScheduler::allow(const std::string& tenant, const GpuAllowance& allowance) {
  Tenant& owner = tenant_of(tenant);
  owner.allowance = allowance;
  for (Seat* seat : owner.seats) seat->set_frames_per_second(allowance.frames_per_second);
}

GpuAllowance GpuScheduler::allowance(const std::string& tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? GpuAllowance{} : found->second->allowance;
}

std::vector<GpuScheduler::Tenant*> GpuScheduler::active() const {
  std::vector<Tenant*> found;
  for (const auto& [name, tenant] : tenants_) {
    if (tenant->active()) found.push_back(tenant.get());
  }
  return found;
}

bool GpuScheduler::needed() const {
  switch (policy_) {
    case SharePolicy::best_effort:
      return false;
    case SharePolicy::equal_share:
      return active().size() > 1;
    case SharePolicy::fixed_share:
      return !active().empty();
  }
  return false;
}

void GpuScheduler::open_all() {
  for (const auto& [name, tenant] : tenants_) {
    tenant->turn = {};
    for (Seat* seat : tenant->seats) seat->set_gate(Gate::free);
  }
}

void GpuScheduler::begin() {
  if (!needed()) {
    if (std::exchange(ticking_, false)) {
      timer_.cancel();
      open_all();
    }
    return;
  }
  if (std::exchange(ticking_, true)) return;
  last_tick_ns_ = now_ns();
  // What was used before nobody is charged with.
  for (Tenant* tenant : active()) {
    for (Seat* seat : tenant->seats) {
      seat->seen_busy_ns_ = seat->busy_ns();
      seat->last_want_ns_ = last_tick_ns_;
    }
  }
  tick();
}

void GpuScheduler::wait() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && ticking_) tick();
  });
}

void GpuScheduler::tick() {
  const uint64_t now = now_ns();
  const uint64_t passed = now - std::exchange(last_tick_ns_, now);
  charge(now, passed);
  notice_idle(now);
  if (!needed()) {
    ticking_ = false;
    return open_all();
  }
  step(passed);
  wait();
}

// What every session says it has taken since the last look, made disjoint.
void GpuScheduler::charge(uint64_t now, uint64_t passed) {
  std::vector<Seat*> seats;
  std::vector<uint64_t> taken;
  for (const auto& [name, tenant] : tenants_) {
    tenant->step_ns = 0;
    tenant->wants = false;
    for (Seat* seat : tenant->seats) {
      if (seat->idle_) continue;
      const uint64_t busy = seat->busy_ns();
      // Nobody can have taken more than has passed.
      const uint64_t since = std::min(busy > seat->seen_busy_ns_ ? busy - seat->seen_busy_ns_ : 0, passed);
      seat->seen_busy_ns_ = std::max(seat->seen_busy_ns_, busy);
      const bool wants = read(seat->claims_.busy_since_ns) != 0 ||
                         read(seat->claims_.waiting_since_ns) != 0 || since > passed / 2;
      if (wants || since != 0) seat->last_want_ns_ = now;
      tenant->wants = tenant->wants || wants;
      seats.push_back(seat);
      taken.push_back(since);
    }
  }
  divide_overlap(passed, taken);
  for (std::size_t i = 0; i < seats.size(); ++i) seats[i]->tenant_.step_ns += taken[i];
}

void GpuScheduler::notice_idle(uint64_t now) {
  for (const auto& [name, tenant] : tenants_) {
    for (Seat* seat : tenant->seats) {
      if (seat->idle_ || now - seat->last_want_ns_ < kIdleAfterNs) continue;
      seat->idle_ = true;
      seat->set_gate(Gate::free);
      // A submission that is being made now does not see this; the next one does.
      seat->page().call.fetch_add(1, std::memory_order_acq_rel);
    }
  }
}

void GpuScheduler::step(uint64_t passed) {
  const std::vector<Tenant*> tenants = active();
  uint32_t given = 0;
  std::size_t without = 0;
  for (const Tenant* tenant : tenants) without += tenant->allowance.share_percent == 0 ? 1 : 0;
  for (const auto& [name, tenant] : tenants_) given += tenant->allowance.share_percent;
  const double left = given >= 100 ? 1 : 100 - given;
  std::vector<TenantTurn*> turns;
  for (Tenant* tenant : tenants) {
    const uint32_t share = tenant->allowance.share_percent;
    tenant->turn.share = share != 0 ? share : left / static_cast<double>(without);
    tenant->turn.used_ns = tenant->step_ns;
    tenant->turn.wants = tenant->wants;
    turns.push_back(&tenant->turn);
  }
  step_turns(policy_, passed, turns);
  for (const Tenant* tenant : tenants) {
    for (Seat* seat : tenant->seats) {
      if (!seat->idle_) seat->set_gate(tenant->turn.closed ? Gate::closed : Gate::open);
    }
  }
}

}  // namespace viaduct::host::daemon
