// The one queue whose submission the decode thread watches itself while it has nothing to decode, so that
// short work ends without a thread being woken for it. Whenever the decode thread turns to anything else, the
// submission becomes the queue's own thread's (CompletionThread).
//
// Decode thread only, unless it says otherwise. VIADUCT_PERF=no_completion_poll switches it off.
#pragma once

#include <thread>

#include "base/switches.hpp"
#include "host-renderer/queue/completion.hpp"
#include "transport/wait/spin.hpp"

namespace viaduct::host {

class CompletionWatch {
 public:
  // The calling thread is the decode thread from now on; before, nothing is watched.
  void begin() noexcept {
    if (transport::spinning_allowed() && perf_enabled(PerfSwitch::completion_poll)) {
      thread_ = std::this_thread::get_id();
    }
  }

  // A submission was made on this queue. Any thread, after begin().
  void submitted(CompletionThread& completion) noexcept {
    if (std::this_thread::get_id() != thread_) return completion.announce();
    let_go();
    if (completion.watchable()) {
      watched_ = &completion;
    } else {
      completion.announce();
    }
  }

  // Watches until has_work() is true, the work has ended or it takes too long.
  template <class HasWork>
  void look(const HasWork& has_work) noexcept {
    if (watched_ == nullptr) return;
    watched_->spin().spin([&] { return has_work() || watched_->poll(); }, Deadline::never());
    let_go();
  }

  // The calling thread is about to wait: what it watches, if anything, it hands on. Any thread.
  void stand_aside() noexcept {
    if (std::this_thread::get_id() == thread_) let_go();
  }

  // Hands on what is watched, if anything.
  void let_go() noexcept {
    if (watched_ == nullptr) return;
    watched_->announce();
    watched_ = nullptr;
  }

 private:
  std::thread::id thread_;
  CompletionThread* watched_ = nullptr;
};

}  // namespace viaduct::host
