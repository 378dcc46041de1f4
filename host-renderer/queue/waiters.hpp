// Threads for the few driver calls that may block (vkWaitSemaphores, vkGetQueryPoolResults with WAIT): the
// decode thread hands the call over, complete with its reply, and goes on.
//
// Bounded by the reply slots: every job owns one, so a guest has at most as many as there are slots. Threads
// are made on demand and kept. run() may be called from one thread only. A job must look at stopping() at
// least every 100 ms; the destructor waits for all of them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace viaduct::host {

class Waiters {
 public:
  Waiters() = default;
  ~Waiters();
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  void run(std::function<void()> job);
  bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  std::size_t idle_ = 0;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace viaduct::host
