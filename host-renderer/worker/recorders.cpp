#include "host-renderer/worker/recorders.hpp"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "base/switches.hpp"

namespace viaduct::host {

void SpanCopy::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

bool SpanCopy::reserve(std::size_t size) noexcept {
  constexpr std::size_t kKept = std::size_t{1} << 20;
  // A long span is the exception: its memory is not kept.
  if (size > capacity || (capacity > kKept && size <= kKept)) {
    const std::size_t wanted = std::max((size + 63) & ~std::size_t{63}, std::size_t{64} << 10);
    memory.reset(static_cast<std::byte*>(std::aligned_alloc(64, wanted)));
    capacity = memory ? wanted : 0;
  }
  return memory != nullptr;
}

unsigned Recorders::suitable_threads() noexcept {
  if (debug_enabled(DebugSwitch::recorders)) return 2;
  if (!perf_enabled(PerfSwitch::recorders)) return 0;
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 4 ? 0 : std::min(kMaxThreads, static_cast<unsigned>(cores / 2));
}

Recorders::Recorders(Session& session, const CommandTable& table, unsigned threads, bool always)
    : session_(session),
      table_(table),
      threads_(std::clamp(threads, 1u, kMaxThreads)),
      always_(always),
      attention_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Recorders::~Recorders() {
  stopping_.store(true);
  const auto stop = [](Lane& lane) {
    { const std::lock_guard lock(lane.mutex); }
    lane.filled.notify_all();
  };
  { const std::lock_guard lock(progress_mutex_); }
  progress_.notify_all();
  for (const auto& lane : recorders_) stop(*lane);
  if (submitter_) stop(*submitter_);
  for (const auto& lane : recorders_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
  if (submitter_ && submitter_->thread.joinable()) submitter_->thread.join();
}

bool Recorders::start() noexcept {
  if (started_) return !unavailable_;
  started_ = true;
  try {
    if (!attention_) throw std::system_error(errno, std::generic_category(), "eventfd");
    for (unsigned i = 0; i < threads_; ++i) recorders_.push_back(std::make_unique<Lane>(session_, table_));
    auto submitter = std::make_unique<Lane>(session_, table_);
    const auto run = [this](Lane& lane, bool submits) {
      lane.thread = std::thread([this, &lane, submits] { work(lane, submits); });
    };
    for (const auto& lane : recorders_) run(*lane, false);
    run(*submitter, true);
    submitter_ = std::move(submitter);
    return true;
  } catch (const std::exception& error) {
    // The decode thread does it all; threads that did start sleep until the end.
    VIADUCT_LOG_WARN("decode", "no threads to record on: %s", error.what());
    unavailable_ = true;
    return false;
  }
}

Recorders::Lane& Recorders::lane_for(CommandPool& pool) noexcept {
  if (pool.pending.load(std::memory_order_acquire) == 0) {
    unsigned best = 0;
    for (unsigned i = 1; i < recorders_.size(); ++i) {
      if (recorders_[i]->count.load(std::memory_order_relaxed) <
          recorders_[best]->count.load(std::memory_order_relaxed)) {
        best = i;
      }
    }
    pool.recorder = best;
  }
  return *recorders_[pool.recorder];
}

bool Recorders::copies_itself(const CommandBuffer& command_buffer) const noexcept {
  if (!perf_enabled(PerfSwitch::copy_ahead)) return true;
  const CommandPool& pool = *command_buffer.pool;
  const bool continues = pool.pending.load(std::memory_order_acquire) != 0;
  for (unsigned i = 0; i < recorders_.size(); ++i) {
    const std::uint64_t jobs = recorders_[i]->count.load(std::memory_order_relaxed);
    if (jobs > (continues && i == pool.recorder ? kCopiesAhead : 0)) return true;
  }
  return false;
}

SpanCopy Recorders::spare_copy() noexcept {
  const std::lock_guard lock(spare_mutex_);
  if (spare_.empty()) return {};
  SpanCopy copy = std::move(spare_.back());
  spare_.pop_back();
  return copy;
}

bool Recorders::hand_on(transport::RingConsumer& ring, const transport::Span& span,
                        CommandBuffer& command_buffer) {
  if (!start()) return false;
  Job job;
  job.ring = &ring;
  job.span = span;
  job.command_buffer = &command_buffer;
  push_recording(std::move(job));
  return true;
}

bool Recorders::hand_on(SpanCopy& copy, const transport::Span& span, CommandBuffer& command_buffer) {
  if (!start()) return false;
  Job job;
  job.copy = std::exchange(copy, spare_copy());
  job.span = span;
  job.command_buffer = &command_buffer;
  push_recording(std::move(job));
  return true;
}

void Recorders::push_recording(Job job) {
  // Bounded: a guest may publish faster than the driver records.
  wait_until([&] {
    const std::uint64_t pending = pending_.load(std::memory_order_acquire);
    return pending == 0 || (pending < kMaxJobs && pending_bytes_.load(std::memory_order_relaxed) < kMaxBytes);
  });
  CommandPool& pool = *job.command_buffer->pool;
  Lane& lane = lane_for(pool);
  pool.pending.fetch_add(1, std::memory_order_relaxed);
  push(lane, std::move(job));
}

bool Recorders::submit(std::span<const std::byte> record, std::uint64_t sequence) {
  if (!start()) return false;
  Job job;
  job.copy = spare_copy();
  if (!job.copy.reserve(record.size())) return false;
  std::memcpy(job.copy.memory.get(), record.data(), record.size());
  job.span.size = static_cast<std::uint32_t>(record.size());
  job.span.sequence = sequence;
  push(*submitter_, std::move(job));
  return true;
}

void Recorders::push(Lane& lane, Job job) {
  job.ordinal = next_ordinal_++;
  pending_.fetch_add(1, std::memory_order_relaxed);
  pending_bytes_.fetch_add(job.copy.capacity, std::memory_order_relaxed);
  {
    const std::lock_guard lock(lane.mutex);
    if (lane.jobs.empty()) lane.oldest.store(job.ordinal, std::memory_order_seq_cst);
    lane.jobs.push_back(std::move(job));
    lane.count.fetch_add(1, std::memory_order_release);
  }
  lane.filled.notify_one();
}

void Recorders::work(Lane& lane, bool submits) noexcept {
  ::prctl(PR_SET_NAME, submits ? "viaduct-submit" : "viaduct-record");
  const auto has_work = [&] {
    return lane.count.load(std::memory_order_acquire) != 0 || stopping_.load(std::memory_order_relaxed);
  };
  for (;;) {
    lane.spin.wait(has_work, Deadline::never(), [&] {
      std::unique_lock lock(lane.mutex);
      lane.filled.wait(lock, has_work);
    });
    if (stopping_.load(std::memory_order_relaxed)) return;
    Job* job = nullptr;
    {
      const std::lock_guard lock(lane.mutex);
      job = &lane.jobs.front();  // a deque's elements stay where they are while others are pushed
    }
    if (!failed()) execute(lane, *job, submits);
    finish(lane);
  }
}

void Recorders::execute(Lane& lane, Job& job, bool submits) noexcept {
  try {
    if (submits) wait_for_earlier(job.ordinal);
    if (stopping_.load(std::memory_order_relaxed) || failed()) return;
    const SpanCopy* copy = &job.copy;
    if (job.ring != nullptr) {
      if (!lane.copy.reserve(job.span.size)) {
        return set_failure({"no memory for a span", "", job.span.size, job.span.sequence});
      }
      job.ring->copy_span(job.span, lane.copy.memory.get());
      job.ring->release(job.span.sequence);
      copy = &lane.copy;
    }
    const SpanOwner owner{job.command_buffer, job.span.command_buffer_id};
    if (!lane.runner.run({copy->memory.get(), job.span.size}, owner, job.span.sequence, nullptr)) {
      set_failure(lane.runner.failure());
    }
  } catch (const std::bad_alloc&) {
    set_failure({"no memory for a command", "", 0, job.span.sequence});
  }
}

void Recorders::finish(Lane& lane) noexcept {
  Job done;
  {
    const std::lock_guard lock(lane.mutex);
    done = std::move(lane.jobs.front());
    lane.jobs.pop_front();
    lane.count.fetch_sub(1, std::memory_order_relaxed);
    lane.oldest.store(lane.jobs.empty() ? kIdle : lane.jobs.front().ordinal, std::memory_order_seq_cst);
  }
  if (done.command_buffer != nullptr) {
    done.command_buffer->pool->pending.fetch_sub(1, std::memory_order_seq_cst);
  }
  pending_bytes_.fetch_sub(done.copy.capacity, std::memory_order_relaxed);
  if (done.copy.memory != nullptr) {
    const std::lock_guard lock(spare_mutex_);
    try {
      if (spare_.size() < kKeptCopies) spare_.push_back(std::move(done.copy));
    } catch (const std::bad_alloc&) {  // then it is freed
    }
  }
  // After this the pool, the command buffer and this job's session may go.
  pending_.fetch_sub(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) != 0) {
    { const std::lock_guard lock(progress_mutex_); }
    progress_.notify_all();
  }
}

template <class Done>
void Recorders::wait_until(const Done& done) noexcept {
  const auto over = [&] { return done() || stopping_.load(std::memory_order_relaxed); };
  spin_.wait(over, Deadline::never(), [&] {
    std::unique_lock lock(progress_mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    progress_.wait(lock, over);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  });
}

void Recorders::drain() noexcept {
  wait_until([this] { return pending_.load(std::memory_order_seq_cst) == 0; });
}

void Recorders::wait_for(const CommandPool& pool) noexcept {
  wait_until([&pool] { return pool.pending.load(std::memory_order_seq_cst) == 0; });
}

bool Recorders::earlier_done(std::uint64_t ordinal) const noexcept {
  return std::all_of(recorders_.begin(), recorders_.end(), [ordinal](const auto& lane) {
    return lane->oldest.load(std::memory_order_seq_cst) >= ordinal;
  });
}

void Recorders::wait_for_earlier(std::uint64_t ordinal) noexcept {
  wait_until([this, ordinal] { return earlier_done(ordinal) || failed(); });
}

void Recorders::set_failure(const ExecuteFailure& failure) noexcept {
  const std::lock_guard lock(failure_mutex_);
  if (failed()) return;
  failure_ = failure;
  failed_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  (void)!::write(attention_.get(), &one, sizeof(one));
}

}  // namespace viaduct::host
