#include "guest-icd/session/session.hpp"

#include <pthread.h>

#include <algorithm>
#include <cinttypes>
#include <exception>

#include "base/log.hpp"

namespace viaduct::guest {
namespace {

constexpr int kConnectMs = 10'000;
constexpr std::uint64_t kMaxTransportReserve = 64u << 20;

// Leaked on purpose: it must outlive every static destructor of the application.
struct Process {
  std::mutex mutex;
  std::weak_ptr<Session> current;
  std::shared_ptr<Session> forking;  // the session during fork
};

Process& process() {
  static Process* const instance = new Process;
  return *instance;
}

// The publish lock is held across fork, so that the child does not inherit it from a thread it has not got.
void before_fork() {
  process().mutex.lock();
  process().forking = process().current.lock();
  if (process().forking != nullptr) process().forking->channel().order().release();
}
void after_fork_in_parent() {
  const std::shared_ptr<Session> session = std::move(process().forking);
  if (session != nullptr) session->channel().leave_order();
  process().mutex.unlock();
}
void after_fork_in_child() {
  // Left referenced for ever: ending it would tell the host of the parent's end.
  if (Session* inherited = process().forking.get()) {
    inherited->channel().abandon();
    new std::shared_ptr<Session>(std::move(process().forking));
  }
  process().current.reset();
  process().mutex.unlock();
}

// For people, viaduct-doctor's among them.
void log_carrier(const Connection& connection) noexcept {
  if (connection.mirror) {
    VIADUCT_LOG_INFO("session", "region: stream only: no memory is shared with the host");
    return;
  }
  const std::uint64_t mebibytes = connection.region.layout().region_size >> 20;
  if (connection.region.fd() >= 0) {
    VIADUCT_LOG_INFO("session",
                     "region: %" PRIu64
                     " MiB of memory shared with the host, by a descriptor over the Unix socket",
                     mebibytes);
    return;
  }
  VIADUCT_LOG_INFO(
      "session",
      "region: %" PRIu64
      " MiB of memory shared with the host, a slice of this machine's memory device, %s, host woken by %s",
      mebibytes, connection.region.view().cached() ? "cached" : "not cached",
      connection.device_doorbell ? "its doorbell" : "the stream");
}

std::uint64_t transport_reserve(std::uint64_t arena) { return std::min(arena / 8, kMaxTransportReserve); }

}  // namespace

std::shared_ptr<Session> Session::acquire() noexcept {
  try {
    Process& self = process();
    static const int registered = ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    (void)registered;
    const std::lock_guard lock(self.mutex);
    auto session = self.current.lock();
    // A lost session stays with the instances that have it; a new instance gets a new one.
    if (session != nullptr && !session->channel().check_lost()) return session;
    std::string tried;
    auto connection = connect_to_host(Deadline::after_ms(kConnectMs), tried);
    if (!connection) {
      VIADUCT_LOG_ERROR("session", "no renderer host: tried %s", tried.c_str());
      return nullptr;
    }
    log_carrier(*connection);
    session = std::make_shared<Session>(std::move(*connection));
    log_set_context("guest", "", session->id());
    self.current = session;
    return session;
  } catch (const std::exception& error) {
    VIADUCT_LOG_ERROR("session", "no session: %s", error.what());
    return nullptr;
  }
}

Session::Session(Connection connection)
    : connection_(std::move(connection)),
      view_(connection_.view()),
      parker_(view_, connection_.to_guest(), connection_.hang_up_fd()),
      ring_(view_, connection_.to_host()),
      chunks_(view_),
      replies_(view_),
      arena_(view_.layout().arena_offset(), view_.layout().arena_size(),
             transport_reserve(view_.layout().arena_size())),
      objects_(std::make_unique<ObjectTables>()),
      channel_({view_, ring_, chunks_, replies_, parker_, arena_, connection_.mirror.get()}) {}

Session::~Session() { channel_.flush(); }

std::optional<Session::QueueSlot> Session::take_queue_slot() noexcept {
  const std::lock_guard lock(slots_mutex_);
  for (std::uint32_t i = 0; i < transport::kCompletionSlots; ++i) {
    if (!slot_taken_[i]) {
      slot_taken_[i] = true;
      return QueueSlot{i, slot_value_[i]};
    }
  }
  return std::nullopt;
}

void Session::return_queue_slot(std::uint32_t index, std::uint64_t value) noexcept {
  const std::lock_guard lock(slots_mutex_);
  slot_value_[index] = value;
  if (transport::load_completion(view_, index).result == 0) slot_taken_[index] = false;
}

}  // namespace viaduct::guest
