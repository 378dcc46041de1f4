#include "host-renderer/daemon/worker_pool.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/log.hpp"

namespace viaduct::host::daemon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRefillAfterTake{150};
constexpr milliseconds kFirstPause{500};
constexpr milliseconds kLongestPause{30'000};
// How many may warm up at the same time: drivers' start-ups are mostly processor time.
constexpr std::size_t kMaxStarting = 8;

}  // namespace

WorkerPool::WorkerPool(boost::asio::io_context& loop, Spawner& spawner, uint32_t warm)
    : loop_(loop), spawner_(spawner), timer_(loop), target_(warm), pause_(kFirstPause) {}

WorkerPool::Ticket WorkerPool::take(std::function<void(Taken)> callback) {
  const Ticket ticket = next_ticket_++;
  waiters_.push_back({ticket, std::move(callback)});
  boost::asio::post(loop_, [this] { serve_waiters(); });
  return ticket;
}

void WorkerPool::cancel(Ticket ticket) {
  std::erase_if(waiters_, [ticket](const Waiter& waiter) { return waiter.ticket == ticket; });
}

void WorkerPool::serve_waiters() {
  bool taken = false;
  while (!waiters_.empty() && !warm_.empty()) {
    const Waiter waiter = std::move(waiters_.front());
    waiters_.pop_front();
    const auto worker = std::move(warm_.front());
    warm_.pop_front();
    worker->set_events({});
    waiter.callback(worker);
    taken = true;
  }
  if (!waiters_.empty()) {
    refill();
  } else if (taken) {
    refill_later(kRefillAfterTake);
  }
}

void WorkerPool::refill_later(milliseconds pause) {
  timer_.expires_after(pause);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) refill();
  });
}

void WorkerPool::refill() {
  if (stopped_) return;
  // Somebody waits: as many as wait. Otherwise up to the target.
  const std::size_t wanted = std::max<std::size_t>(target_, waiters_.size());
  while (warm_.size() + starting_.size() < wanted && starting_.size() < kMaxStarting) {
    const std::size_t before = starting_.size();
    launch();
    if (starting_.size() == before) return;
  }
}

void WorkerPool::launch() {
  auto ends = spawner_.spawn();
  if (!ends) return on_failed(nullptr, "the spawner does not answer: " + to_string(ends.error()));
  const auto worker = WorkerProcess::watch(loop_, std::move(*ends));
  starting_.insert(worker);
  const std::weak_ptr<WorkerProcess> weak = worker;
  worker->set_events({
      .ready =
          [this, weak](const control::WorkerReady& ready) {
            if (const auto self = weak.lock()) on_ready(self, ready);
          },
      .started = {},
      .wants_gpu = {},
      .ended =
          [this, weak](const std::string& cause, bool) {
            if (const auto self = weak.lock()) on_failed(self, cause);
          },
  });
}

void WorkerPool::on_ready(const std::shared_ptr<WorkerProcess>& worker, const control::WorkerReady& ready) {
  if (starting_.erase(worker) == 0) return;
  if (const std::string objection = check_ ? check_(ready) : ""; !objection.empty()) {
    worker->kill();
    return on_failed(nullptr, objection);
  }
  pause_ = kFirstPause;
  last_failure_.clear();
  warm_.push_back(worker);
  serve_waiters();
}

void WorkerPool::on_failed(const std::shared_ptr<WorkerProcess>& worker, const std::string& reason) {
  if (stopped_) return;
  if (worker) {
    starting_.erase(worker);
    std::erase(warm_, worker);
  }
  last_failure_ = reason;
  if (on_failure_) on_failure_(reason);
  if (!waiters_.empty()) {
    const Waiter waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter.callback(tl::unexpected(reason));
  }
  refill_later(pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void WorkerPool::stop() {
  stopped_ = true;
  timer_.cancel();
  for (const auto& worker : starting_) worker->kill();
  for (const auto& worker : warm_) worker->kill();
  starting_.clear();
  warm_.clear();
  waiters_.clear();
}

}  // namespace viaduct::host::daemon
