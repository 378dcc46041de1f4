// Recorders: threads on which command buffers are recorded while the decode thread goes on, and one that
// submits them.
//
// One thread is the bound of a session whose application records faster than the worker decodes; then the
// decode thread hands on a command buffer's span, and the recorder copies it out of the ring. What the guest
// sees stays one order:
//   - Each job has an ordinal, its place in the order of publication. All spans of one command pool go to one
//     recorder while any of them is pending (a pool is externally synchronised, Vulkan 3.6).
//   - A submission is handed on too, as its record; the submitting thread executes it when every span before
//     it is recorded. Recorders wait for nobody, so nothing can lock up, whatever the guest publishes.
//   - A span that executes other command buffers runs on the decode thread, after drain(): the secondaries
//     before it are recorded, and nobody records them anew meanwhile.
//   - Every other record of the stream runs on the decode thread: those that may run beside recording
//     (policy.toml, host.beside_recording) at once, all others after drain().
// Nothing is handed on unless it pays: the caller asks worthwhile(). Threads start at the first span and
// sleep when idle; what waits is bounded in number and bytes, and the decode thread waits for room.
//
// hand_on(), submit(), drain(), wait_for(), worthwhile(), busy(): the decode thread. failed() and
// attention_fd(): any.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "host-renderer/worker/record_runner.hpp"
#include "transport/ring/ring.hpp"
#include "transport/wait/spin.hpp"

namespace viaduct::host {

// Memory that a span was copied to.
struct SpanCopy {
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte, Free> memory;
  std::size_t capacity = 0;

  // Room for `size` bytes; false when there is no memory. What was there is lost.
  bool reserve(std::size_t size) noexcept;
};

class Recorders {
 public:
  // From so many spans that wait behind one it is handed on.
  static constexpr std::uint64_t kWorthwhileBacklog = 2;
  static constexpr unsigned kMaxThreads = 4;
  // So many copies may wait for one recorder: more would only leave the caches.
  static constexpr std::uint64_t kCopiesAhead = 8;

  // `threads` recorders (1 to kMaxThreads), and the submitting thread. `always`: hand on every span (tests).
  Recorders(Session& session, const CommandTable& table, unsigned threads, bool always);
  ~Recorders();  // what has not begun is dropped
  Recorders(const Recorders&) = delete;
  Recorders& operator=(const Recorders&) = delete;

  // How many recorders this machine should have: none where guest, driver and decode thread leave no core
  // over, or where VIADUCT_PERF says no_recorders.
  static unsigned suitable_threads() noexcept;

  // Whether a span behind which `backlog` others wait should be handed on. While anything is pending all
  // must be.
  bool worthwhile(std::uint64_t backlog) const noexcept {
    return !unavailable_ && (always_ || backlog >= kWorthwhileBacklog || busy());
  }
  bool busy() const noexcept { return pending_.load(std::memory_order_acquire) != 0; }

  // Whether the recorder of this command buffer's next span should copy it out of the ring itself: where
  // others work beside it, or it is behind by much. Otherwise the decode thread has the time, and the
  // recorder has not.
  bool copies_itself(const CommandBuffer& command_buffer) const noexcept;
  // A span of the ring, which lives as long as this: the recorder copies and releases it. False: there is no
  // thread, the span is still the caller's; then nothing is pending.
  bool hand_on(transport::RingConsumer& ring, const transport::Span& span, CommandBuffer& command_buffer);
  // One that is copied already: takes the copy (and gives another one in its place, perhaps empty).
  bool hand_on(SpanCopy& copy, const transport::Span& span, CommandBuffer& command_buffer);
  // A submission's record, which is copied. False as above.
  bool submit(std::span<const std::byte> record, std::uint64_t sequence);
  // Until everything that was handed on is done.
  void drain() noexcept;
  // Until everything of this pool is done.
  void wait_for(const CommandPool& pool) noexcept;

  // The bytes of a job made no sense; nothing is executed any more. The descriptor is readable from then on.
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  // Only after failed().
  const ExecuteFailure& failure() const noexcept { return failure_; }
  int attention_fd() const noexcept { return attention_.get(); }

 private:
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  // of copies
  static constexpr std::size_t kMaxJobs = 1024;
  static constexpr std::size_t kKeptCopies = 64;
  static constexpr std::uint64_t kIdle = UINT64_MAX;

  struct Job {
    SpanCopy copy;
    transport::RingConsumer* ring = nullptr;  // that holds the bytes; otherwise the copy does
    transport::Span span;
    CommandBuffer* command_buffer = nullptr;  // null for a submission
    std::uint64_t ordinal = 0;
  };
  struct Lane {
    Lane(Session& session, const CommandTable& table) : runner(session, table) {}
    RecordRunner runner;
    SpanCopy copy;  // of what it runs
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<Job> jobs;                      // the first is the one that runs
    std::atomic<std::uint64_t> oldest{kIdle};  // its ordinal
    std::atomic<std::uint64_t> count{0};       // of jobs
    transport::AdaptiveSpin spin;
    std::thread thread;
  };

  bool start() noexcept;
  void push_recording(Job job);
  void push(Lane& lane, Job job);
  Lane& lane_for(CommandPool& pool) noexcept;
  void work(Lane& lane, bool submits) noexcept;
  void execute(Lane& lane, Job& job, bool submits) noexcept;
  void finish(Lane& lane) noexcept;
  void set_failure(const ExecuteFailure& failure) noexcept;
  // Until every span of a smaller ordinal is recorded.
  void wait_for_earlier(std::uint64_t ordinal) noexcept;
  bool earlier_done(std::uint64_t ordinal) const noexcept;
  template <class Done>
  void wait_until(const Done& done) noexcept;
  SpanCopy spare_copy() noexcept;

  Session& session_;
  const CommandTable& table_;
  const unsigned threads_;
  const bool always_;
  bool started_ = false;
  bool unavailable_ = false;  // threads could not be started
  std::vector<std::unique_ptr<Lane>> recorders_;
  std::unique_ptr<Lane> submitter_;
  std::uint64_t next_ordinal_ = 1;
  std::atomic<std::uint64_t> pending_{0};
  std::atomic<std::size_t> pending_bytes_{0};
  std::atomic<bool> stopping_{false};

  // Everybody who waits for progress.
  std::mutex progress_mutex_;
  std::condition_variable progress_;
  std::atomic<std::uint32_t> sleepers_{0};
  transport::AdaptiveSpin spin_;

  std::mutex spare_mutex_;
  std::vector<SpanCopy> spare_;

  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  ExecuteFailure failure_;
  UniqueFd attention_;
};

}  // namespace viaduct::host
