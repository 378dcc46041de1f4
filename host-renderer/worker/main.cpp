// viaduct-worker: replays one guest process's commands on the host's driver. Started by viaductd, never by
// hand.
//
// Order of its life: driver loaded and warmed, sandbox closed, Ready, grant (from here on everything that
// arrives in the region is hostile), Welcome, decode loop, exit. It exits without tearing the driver down:
// the kernel is quicker.
#include "base/log.hpp"
#include "generated/protocol/chain_structs.hpp"
#include "generated/protocol/commands.hpp"
#include "host-renderer/sandbox/lockdown.hpp"
#include "host-renderer/schedule/gpu_gate.hpp"
#include "host-renderer/worker/carrier.hpp"
#include "host-renderer/worker/executor.hpp"
#include "host-renderer/worker/session_loop.hpp"
#include "host-renderer/worker/warm.hpp"
#include "host-renderer/worker/worker_link.hpp"
#include "protocol/control/handshake.hpp"
#include "transport/stream/frame.hpp"
#include "transport/stream/unix_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace viaduct::host {
namespace {

constexpr std::uint64_t kProbeBytes = std::uint64_t{64} << 10;

[[noreturn]] void leave(int status) {
  std::fflush(nullptr);
  ::_exit(status);
}

Result<> send_welcome(Grant& grant, transport::Stream& stream, const std::string& driver_name) {
  protocol::Welcome welcome;
  welcome.session_id = grant.session_id;
  welcome.region_size = grant.limits.control_bytes + grant.limits.arena_bytes;
  welcome.control_size = grant.limits.control_bytes;
  welcome.registry_version = protocol::kRegistryHeaderVersion;
  welcome.region = grant.region_kind;
  welcome.driver_name = driver_name;
  for (const protocol::CommandInfo& info : protocol::kCommandInfo) {
    if ((info.flags & protocol::kCommandNoWire) == 0) {
      welcome.commands.push_back({info.name_hash, info.form_hash});
    }
  }
  for (const protocol::ChainStructInfo& info : protocol::kChainStructs) {
    welcome.structs.push_back({info.s_type, info.form_hash});
  }
  const std::vector<std::byte> payload = protocol::encode_welcome(welcome);
  std::vector<int> fds;
  if (grant.region_kind == protocol::RegionKind::memfd) {
    fds = {grant.region.get(), grant.doorbell_to_host.get(), grant.doorbell_to_guest.get()};
  }
  return transport::write_frame(stream, transport::FrameKind::welcome, payload, fds,
                                Deadline::after_ms(5000));
}

// A guest whose stream made no sense is not just gone.
SessionOutcome settle_outcome(SessionOutcome outcome, const transport::HostMirror* mirror, StatsPage& stats) {
  const char* reason = mirror != nullptr ? mirror->error() : nullptr;
  if (reason == nullptr || outcome.end != SessionEnd::kGuestGone) return outcome;
  outcome = {SessionEnd::kBadData, std::string("bad data on the control stream: ") + reason};
  VIADUCT_LOG_ERROR("decode", "session ends: %s", outcome.cause.c_str());
  stats.status.store(static_cast<std::uint64_t>(SessionState::bad_data), std::memory_order_relaxed);
  return outcome;
}

// Whether the daemon or the guest is gone.
bool hung_up(int link, int control) {
  pollfd polled[] = {{link, 0, 0}, {control, POLLRDHUP, 0}};
  return ::poll(polled, 2, 0) > 0;
}

// Why the session could not be started, or how it ended.
Result<std::string> serve(WorkerLink& link, const Driver& driver, WarmDriver& warm, Grant grant) {
  auto hello = protocol::decode_hello(grant.hello);
  if (!hello) {
    return tl::unexpected(hello.error());
  }
  const transport::RegionLayout layout{grant.limits.control_bytes + grant.limits.arena_bytes,
                                       grant.limits.control_bytes};
  auto made = Carrier::make(grant, *hello, layout);
  if (!made) {
    return tl::unexpected(made.error());
  }
  Carrier& carrier = **made;
  const transport::Region* region = &carrier.region();
  auto stats_pages = Mapping::map(grant.stats.get(), kStatsBytes);
  if (!stats_pages) {
    return tl::unexpected(stats_pages.error());
  }
  auto& stats = *reinterpret_cast<StatsPage*>(stats_pages->data());
  if (driver.validation() != nullptr) {
    driver.validation()->count_into(stats);
  }

  auto gate_page = Mapping::map(grant.gate.get(), kGatePageBytes, 0, false);
  if (!gate_page) {
    return tl::unexpected(gate_page.error());
  }
  auto& claims = *reinterpret_cast<GateClaims*>(stats_pages->data() + kGateClaimsOffset);
  const int control_fd = grant.control.get();
  GpuGate gate(*reinterpret_cast<const GatePage*>(gate_page->data()), claims,
               {.call_daemon = [&link] { (void)link.send_wants_gpu(); },
                .gone = [&link, control_fd] { return hung_up(link.fd(), control_fd); }});

  SessionOptions options;
  options.gate = &gate;
  options.max_objects = grant.limits.max_objects != 0 ? grant.limits.max_objects : options.max_objects;
  options.device_memory_bytes = grant.limits.device_memory_bytes;
  options.gpu = grant.gpu;
  options.guest_api_version = std::max(hello->registry_version, VK_API_VERSION_1_1);
  const std::uint64_t probe_bytes = std::min(kProbeBytes, layout.arena_size());
  const UniqueFd udmabuf = open_udmabuf();
  options.region = {region->view().base(), region->fd(), udmabuf.get()};
  options.probes = warm.probe(options.region, {region->view().bytes(layout.arena_offset()), probe_bytes});
  (void)region->punch(layout.arena_offset(), probe_bytes);
  for (const ProbeResult& probe : options.probes) {
    VIADUCT_LOG_INFO("memory", "mapped memory is shared by %s", to_string(probe.mode));
  }

  options.publisher = carrier.mirror();
  transport::PeerWaker waker(region->view().guest().parked, carrier.bell());
  GuestMemory memory(region->view(), waker);
  Session session(driver, memory, stats, std::move(options));
  transport::RingConsumer ring(region->view(), waker);
  Executor executor(session, hello->commands);
  const int watched[] = {link.fd(), executor.attention_fd()};
  transport::HostParker parker(region->view(), carrier.ear(), carrier.gone_fd(), watched);

  transport::UnixStream stream(UniqueFd(::dup(control_fd)));
  const std::string driver_name = warm.gpus().empty() ? "" : warm.gpus().front().driver_name;
  // The daemon hears of it before the guest does: whatever a guest that was welcomed sees next, its death by
  // our end included, is then the end of a session and never a refusal.
  if (auto started = link.send_started(); !started) {
    return tl::unexpected(started.error());
  }
  if (auto sent = send_welcome(grant, stream, driver_name); !sent) {
    return tl::unexpected(sent.error());
  }
  if (auto begun = carrier.start(); !begun) {
    return tl::unexpected(begun.error());
  }
  warm.release_devices();
  const SessionOutcome outcome =
      settle_outcome(run_session(session, executor, ring, parker), carrier.mirror(), stats);
  // The guest's threads wake by the hang-up; then the whole process goes, with whatever the driver still
  // does.
  carrier.hang_up();
  (void)link.send_ended(outcome.cause);
  leave(outcome.end == SessionEnd::kBadData ? 2 : 0);
}

int run() {
  log_set_default_level(LogLevel::info);
  log_set_context("worker", "", 0);
  auto link = WorkerLink::from_fd();
  if (!link) {
    VIADUCT_LOG_ERROR("worker", "%s; viaduct-worker is started by viaductd", to_string(link.error()).c_str());
    return 1;
  }
  auto driver = Driver::load(nullptr);
  if (!driver) {
    const std::string reason = to_string(driver.error());
    (void)link->send_failed("no Vulkan loader on the host: " + reason);
    return 1;
  }
  auto warm = WarmDriver::start(**driver);
  if (!warm) {
    (void)link->send_failed("the host's Vulkan driver does not start: " + to_string(warm.error()));
    return 1;
  }
  WorkerReadyInfo ready;
  ready.gpus = (*warm)->gpus();
  const auto locked = sandbox::lock_down();
  ready.locked_down = locked.has_value();
  ready.lockdown_error = locked ? "" : to_string(locked.error());
  if (!link->send_ready(ready)) {
    return 1;
  }
  auto grant = link->wait_for_grant();
  if (!grant) {
    return grant.error().code == Errc::closed ? 0 : 1;
  }
  log_set_context("worker", grant->tenant.c_str(), grant->session_id);
  const auto served = serve(*link, **driver, **warm, std::move(*grant));
  const std::string reason = served ? *served : to_string(served.error());
  VIADUCT_LOG_ERROR("worker", "cannot serve: %s", reason.c_str());
  (void)link->send_failed(reason);
  return 1;
}

}  // namespace
}  // namespace viaduct::host

int main() { viaduct::host::leave(viaduct::host::run()); }
