#include "host-renderer/queue/waiters.hpp"

#include "base/log.hpp"

#include <system_error>
#include <utility>

namespace viaduct::host {

Waiters::~Waiters() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Waiters::run(std::function<void()> job) {
  bool need_thread = false;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    need_thread = jobs_.size() > idle_;
  }
  if (need_thread) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The process's limit of threads: the job waits for one of those that exist.
      VIADUCT_LOG_WARN("queue", "no thread for a waiting call; %zu exist", threads_.size());
    }
  }
  ready_.notify_one();
}

void Waiters::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    ready_.wait(lock, [this] { return stopping() || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) {
      return;
    }
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace viaduct::host
