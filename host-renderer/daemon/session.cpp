#include "host-renderer/daemon/session.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "host-renderer/daemon/slice_hold.hpp"
#include "transport/region/region.hpp"
#include "transport/wait/doorbell.hpp"

namespace viaduct::host::daemon {
namespace {

constexpr std::chrono::milliseconds kLastWords{200};

Result<UniqueFd> make_stats_memfd() {
  UniqueFd fd(::memfd_create("viaduct-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), kStatsBytes) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail(Errc::io, "make the statistics page", errno);
  }
  return fd;
}

const StatsPage* page(const Mapping& mapping) {
  return mapping ? reinterpret_cast<const StatsPage*>(mapping.data()) : nullptr;
}

const char* region_name(protocol::RegionKind kind) {
  switch (kind) {
    case protocol::RegionKind::memfd:
      return "memfd";
    case protocol::RegionKind::ivshmem:
      return "ivshmem";
    case protocol::RegionKind::none:
      break;
  }
  return "stream";
}

const char* mode_name(uint64_t mode) {
  switch (static_cast<MemoryMode>(mode)) {
    case MemoryMode::none:
      return "none yet";
    case MemoryMode::import:
      return "import";
    case MemoryMode::dma_buf:
      return "dma-buf";
    case MemoryMode::shadow:
      return "shadow";
  }
  return "unknown";
}

// What the worker's status word adds to the log line; empty if nothing.
const char* state_text(const StatsPage* stats) {
  if (stats == nullptr) return "";
  switch (static_cast<SessionState>(stats->status.load(std::memory_order_relaxed))) {
    case SessionState::bad_data:
      return "; the guest's data was malformed";
    case SessionState::device_lost:
      return "; the driver had lost the device";
    case SessionState::internal:
      return "; the worker had failed";
    default:
      return "";
  }
}

}  // namespace

Session::Session(GuestSocket socket, Peer peer, SessionOptions options, Over over)
    : LiveSession(std::move(options)),
      socket_(std::move(socket)),
      pid_(peer.pid),
      over_(std::move(over)),
      watch_(socket_, std::move(peer.process)),
      timer_(socket_.get_executor()) {}

std::string Session::label() const {
  return "session " + std::to_string(options_.id) + " (tenant " + options_.tenant + ", " + options_.program +
         ", pid " + std::to_string(pid_) + ")";
}

void Session::start(WorkerPool& pool) {
  pool_ = &pool;
  // What the guest sends is the worker's business.
  watch_.start([weak = weak_from_this()](const char* how) {
    if (const auto self = weak.lock()) self->on_guest_gone(how);
  });
  timer_.expires_after(options_.start_timeout);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->phase_ == Phase::running || self->phase_ == Phase::over) return;
    std::string message = "the renderer did not start within " +
                          std::to_string(self->options_.start_timeout.count()) +
                          " ms (pool.start_timeout_ms)";
    if (self->pool_ != nullptr && !self->pool_->last_failure().empty()) {
      message += "; the last attempt failed: " + self->pool_->last_failure();
    }
    self->refuse(protocol::RefusalCode::no_worker, message);
  });
  ticket_ = pool.take([weak = weak_from_this()](WorkerPool::Taken taken) {
    if (const auto self = weak.lock(); self && self->phase_ == Phase::waiting) {
      self->ticket_.reset();
      self->on_worker(std::move(taken));
    }
  });
}

void Session::on_worker(WorkerPool::Taken taken) {
  if (!taken)
    return refuse(protocol::RefusalCode::no_worker, "the renderer could not start: " + taken.error());
  worker_ = std::move(*taken);
  phase_ = Phase::granted;
  const std::weak_ptr<Session> weak = weak_from_this();
  worker_->set_events({
      .ready = {},
      .started =
          [weak] {
            if (const auto self = weak.lock()) self->on_started();
          },
      .wants_gpu =
          [weak] {
            if (const auto self = weak.lock(); self && self->seat_) self->seat_->on_call();
          },
      .ended =
          [weak](const std::string& cause, bool expected) {
            if (const auto self = weak.lock()) self->on_worker_ended(cause, expected);
          },
  });
  if (const auto handed = hand_over(*worker_); !handed) {
    refuse(protocol::RefusalCode::no_worker, "the session could not be set up: " + to_string(handed.error()));
  }
}

Result<> Session::hand_over(WorkerProcess& worker) {
  const transport::RegionLayout layout{transport::kDefaultControlSize + options_.limits.arena_bytes,
                                       transport::kDefaultControlSize};
  auto stats = make_stats_memfd();
  if (!stats) return tl::unexpected(stats.error());
  auto mapped = Mapping::map(stats->get(), kStatsBytes, 0, false);
  if (!mapped) return tl::unexpected(mapped.error());
  stats_ = std::move(*mapped);
  auto seat = options_.scheduler->seat(options_.tenant, stats_);
  if (!seat) return tl::unexpected(seat.error());
  seat_ = std::move(*seat);

  control::WorkerStart start;
  start.set_session_id(options_.id);
  start.set_tenant(options_.tenant);
  start.set_program(options_.program);
  start.set_guest_pid(static_cast<uint32_t>(pid_));
  start.set_gpu(options_.gpu);
  start.set_hello(options_.hello.data(), options_.hello.size());
  control::SessionLimits& limits = *start.mutable_limits();
  limits.set_control_bytes(layout.control_size);
  limits.set_arena_bytes(options_.limits.arena_bytes);
  limits.set_max_objects(options_.limits.max_objects);
  limits.set_device_memory_bytes(options_.limits.device_memory_bytes);
  start.set_region_kind(static_cast<uint32_t>(options_.region));
  start.set_compression(options_.limits.compression);
  if (options_.region == protocol::RegionKind::none) {
    return worker.grant(start, std::array{socket_.native_handle(), stats->get(), seat_->fd()});
  }
  if (options_.slice) {
    start.set_slice_offset(options_.slice->offset());
    std::vector<int> fds{socket_.native_handle(), stats->get(), seat_->fd(), options_.slice->fd()};
    if (options_.bell) fds.push_back(options_.bell->fd());
    return worker.grant(start, fds);
  }
  auto region = transport::Region::create_memfd("viaduct-region", layout);
  if (!region) return tl::unexpected(region.error());
  auto to_host = transport::EventDoorbell::create_eventfd();
  if (!to_host) return tl::unexpected(to_host.error());
  auto to_guest = transport::EventDoorbell::create_eventfd();
  if (!to_guest) return tl::unexpected(to_guest.error());
  const std::array fds{socket_.native_handle(), stats->get(),   seat_->fd(),
                       region->get(),           to_host->get(), to_guest->get()};
  return worker.grant(start, fds);
}

void Session::on_started() {
  if (phase_ != Phase::granted) return;
  phase_ = Phase::running;
  timer_.cancel();
  options_.hello.clear();
  options_.hello.shrink_to_fit();
  VIADUCT_LOG_INFO("session", "%s started; worker %d, region %s", label().c_str(),
                   static_cast<int>(worker_->pid()), region_name(options_.region));
}

void Session::on_worker_ended(const std::string& cause, bool expected) {
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::granted) {
    return refuse(protocol::RefusalCode::no_worker, "the renderer could not start this session: " + cause);
  }
  if (expected) {
    VIADUCT_LOG_INFO("session", "%s ended after %" PRIu64 " frames: %s", label().c_str(), frames(),
                     cause.c_str());
  } else {
    VIADUCT_LOG_WARN("session", "%s lost its device after %" PRIu64 " frames: worker %s%s", label().c_str(),
                     frames(), cause.c_str(), state_text(page(stats_)));
  }
  finish();
}

void Session::on_guest_gone(const char* how) {
  if (phase_ == Phase::over || phase_ == Phase::closing) return;
  if (options_.slice) options_.slice->set_leaving();
  const auto over = [how](Session& session) {
    VIADUCT_LOG_INFO("session", "%s ended after %" PRIu64 " frames: %s", session.label().c_str(),
                     session.frames(), how);
    session.finish();
  };
  if (phase_ != Phase::running) return over(*this);
  phase_ = Phase::closing;
  timer_.expires_after(kLastWords);
  timer_.async_wait([weak = weak_from_this(), over](boost::system::error_code error) {
    if (const auto self = weak.lock(); self && !error && self->phase_ == Phase::closing) over(*self);
  });
}

uint64_t Session::frames() const {
  const StatsPage* stats = page(stats_);
  return stats == nullptr ? 0 : stats->frames.load(std::memory_order_relaxed);
}

void Session::end(const std::string& cause) {
  if (phase_ == Phase::over) return;
  VIADUCT_LOG_INFO("session", "%s ended: %s", label().c_str(), cause.c_str());
  finish();
}

void Session::refuse(protocol::RefusalCode code, const std::string& message) {
  if (phase_ == Phase::over) return;
  refused_ = true;
  VIADUCT_LOG_WARN("session", "%s refused: %s", label().c_str(), message.c_str());
  send_frame_now(socket_, transport::FrameKind::refused, protocol::encode_refusal({code, message}));
  finish();
}

void Session::finish() {
  phase_ = Phase::over;
  timer_.cancel();
  if (ticket_ && pool_ != nullptr) pool_->cancel(*ticket_);
  if (options_.slice) leave_slice();
  if (worker_) worker_->kill();
  seat_.reset();
  // The worker's copy of the socket may live a moment longer: hang up now.
  watch_.hang_up();
  const auto keep = shared_from_this();
  if (const auto over = std::exchange(over_, nullptr)) over(*this);
}

// Guest and worker may write to it for a while yet.
void Session::leave_slice() {
  UniqueFd stream(::fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0));
  ::shutdown(socket_.native_handle(), SHUT_WR);
  watch_.close();
  hold_slice(socket_.get_executor(), std::move(options_.slice), std::move(stream),
             worker_ ? worker_->process() : UniqueFd());
}

const char* Session::phase_name() const {
  switch (phase_) {
    case Phase::waiting:
    case Phase::granted:
      return "starting";
    case Phase::running:
      return "running";
    case Phase::closing:
    case Phase::over:
      break;
  }
  return "ending";
}

void Session::fill_status(control::SessionStatus& status) const {
  status.set_kind("vulkan");
  status.set_session_id(options_.id);
  status.set_guest_pid(static_cast<uint32_t>(pid_));
  status.set_program(options_.program);
  const auto age = std::chrono::steady_clock::now() - began_;
  status.set_age_ms(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(age).count()));
  status.set_state(phase_name());
  status.set_region(region_name(options_.region));
  if (worker_) {
    status.set_worker_pid(static_cast<uint32_t>(worker_->pid()));
    status.set_sandbox(worker_->sandbox());
  }
  status.set_device_memory_limit(options_.limits.device_memory_bytes);
  status.set_arena_limit(options_.limits.arena_bytes);
  const StatsPage* stats = page(stats_);
  if (stats == nullptr) {
    status.set_memory_mode(mode_name(0));
    return;
  }
  const auto read = [](const std::atomic<uint64_t>& word) { return word.load(std::memory_order_relaxed); };
  status.set_frames(read(stats->frames));
  status.set_commands(read(stats->commands));
  status.set_submits(read(stats->submits));
  status.set_bytes(read(stats->bytes));
  status.set_device_memory_bytes(read(stats->device_memory_bytes));
  status.set_arena_bytes(read(stats->arena_bytes));
  status.set_memory_mode(mode_name(read(stats->memory_mode)));
  status.set_validation_messages(read(stats->validation_messages));
  if (seat_) {
    status.set_gpu_busy_ns(seat_->busy_ns());
    status.set_gpu_waited_ns(seat_->waited_ns());
  }
  if (static_cast<SessionState>(read(stats->status)) == SessionState::device_lost) status.set_state("lost");
}

void Session::fill_frame_times(control::FrameTimes& times) const {
  const StatsPage* stats = page(stats_);
  if (stats == nullptr) return;
  times.set_sum_ns(stats->frame_times_ns.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < stats->frame_times.size(); ++i) {
    const uint64_t count = stats->frame_times[i].load(std::memory_order_relaxed);
    if (count == 0) continue;
    if (times.counts().empty()) times.set_first(static_cast<uint32_t>(i));
    while (times.first() + static_cast<uint32_t>(times.counts_size()) < i) times.add_counts(0);
    times.add_counts(count);
  }
}

}  // namespace viaduct::host::daemon
