#include "host-renderer/worker/compile_threads.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "base/switches.hpp"
#include "host-renderer/worker/record_runner.hpp"
#include "host-renderer/worker/session.hpp"

namespace viaduct::host {
namespace {

std::vector<std::uint64_t> copy_of(std::span<const std::byte> record) {
  std::vector<std::uint64_t> words((record.size() + 7) / 8);
  std::memcpy(words.data(), record.data(), record.size());
  return words;
}

}  // namespace

CompileJob::CompileJob(Session& session, std::span<const std::byte> record, std::size_t body,
                       ReplyBuilder reply)
    : record_(copy_of(record)),
      arena_(RecordRunner::kMaxArguments),
      decoder_({reinterpret_cast<const std::byte*>(record_.data()), record.size()}, body, arena_,
               session.objects().tables()),
      reply_(std::move(reply)),
      ctx_{decoder_, session, nullptr, nullptr, reply_ ? &reply_ : nullptr, nullptr} {}

bool CompileJob::prepare(const Compile& compile) {
  finish_ = compile.finish;
  prepared_ = compile.prepare(ctx_);
  return prepared_ != nullptr;
}

CompileThreads::~CompileThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_all();
  progress_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

unsigned CompileThreads::suitable_threads() noexcept {
  if (!perf_enabled(PerfSwitch::compile_threads)) return 0;
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  return std::clamp(static_cast<unsigned>(std::max(cores, 1L)), 1u, kMaxThreads);
}

void CompileThreads::start_thread() {
  try {
    threads_.emplace_back([this] { work(true); });
  } catch (const std::system_error& error) {
    VIADUCT_LOG_WARN("decode", "no further thread for pipelines: %s", error.what());
  }
}

void CompileThreads::run(std::unique_ptr<CompileJob> job) {
  {
    std::unique_lock lock(mutex_);
    progress_.wait(lock,
                   [this] { return unfinished_.size() < kMaxJobs && (bytes_ < kMaxBytes || bytes_ == 0); });
    bytes_ += job->bytes();
    const std::uint64_t ordinal = next_ordinal_++;
    unfinished_.insert(ordinal);
    jobs_.push_back({ordinal, std::move(job)});
    pending_.fetch_add(1, std::memory_order_relaxed);
    if (idle_ < jobs_.size() && threads_.size() < threads_allowed_) start_thread();
    if (!threads_.empty()) {
      lock.unlock();
      queued_.notify_one();
      return;
    }
  }
  // Not even one thread: what is queued is this thread's.
  work(false);
}

void CompileThreads::destroy_later(std::function<void()> destroy) {
  {
    const std::lock_guard lock(mutex_);
    if (!unfinished_.empty()) {
      kept_back_.push_back({next_ordinal_, std::move(destroy)});
      pending_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  destroy();
}

std::vector<CompileThreads::KeptBack> CompileThreads::take_due() {
  const std::uint64_t oldest = unfinished_.empty() ? UINT64_MAX : *unfinished_.begin();
  std::vector<KeptBack> due;
  while (!kept_back_.empty() && kept_back_.front().ordinal <= oldest) {
    due.push_back(std::move(kept_back_.front()));
    kept_back_.pop_front();
  }
  return due;
}

void CompileThreads::work(bool own_thread) {
  if (own_thread) ::prctl(PR_SET_NAME, "viaduct-compile");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (own_thread) {
      ++idle_;
      queued_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      --idle_;
    }
    if (stopping_ || jobs_.empty()) return;
    Queued next = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    const std::size_t bytes = next.job->bytes();
    next.job->finish();
    next.job.reset();
    lock.lock();
    bytes_ -= bytes;
    unfinished_.erase(next.ordinal);
    std::vector<KeptBack> due = take_due();
    progress_.notify_all();
    if (!due.empty()) {
      lock.unlock();
      for (const KeptBack& kept : due) kept.destroy();
      lock.lock();
    }
    pending_.fetch_sub(1 + due.size(), std::memory_order_release);
    progress_.notify_all();
  }
}

void CompileThreads::drain() noexcept {
  if (!busy()) return;
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [this] { return !busy(); });
}

void CompileThreads::wait(const protocol::HandleSlot& slot) noexcept {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return stopping_ || protocol::slot_flags(slot) != protocol::kSlotPending; });
}

}  // namespace viaduct::host
