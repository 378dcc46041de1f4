// Threads on which pipelines and shader objects are made while the decode thread goes on: a program that
// compiles in the background keeps its frame rate, and one that compiles on several threads gets several.
//
// What the guest sees stays one order:
//   - A creation's record is decoded on the decode thread, so its names mean what they mean at its place. The
//     driver's call and the reply are a compile thread's.
//   - Until then the names of what it makes are pending (protocol/wire/handle_table.hpp): whoever uses one,
//     the decode thread or a recorder, waits for it.
//   - What a creation was given must live while it runs: destructions of such objects (policy.toml,
//     host.kept_for_compiles) are kept back until the creations before them have ended.
//   - drain() is for what depends on their ends in another way: the cache's data, the device's destruction.
//
// Threads start when they are needed and sleep when idle; what waits is bounded, and the decode thread waits
// for room. wait(): any thread but these. Everything else: the decode thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "base/arena.hpp"
#include "generated/protocol/commands.hpp"
#include "host-renderer/worker/command_context.hpp"
#include "host-renderer/worker/reply_builder.hpp"
#include "protocol/wire/decoder.hpp"

namespace viaduct::host {

// How a creation is done in two steps. Generated (generated/host/compiles.cpp).
struct Compile {
  // Decodes, and makes the names pending. Null: the decoder says why.
  void* (*prepare)(CommandContext&);
  // Calls the driver, settles the names and replies.
  void (*finish)(CommandContext&, void* prepared);
};
// Null for a command that is no such creation.
const Compile* find_compile(protocol::Command command) noexcept;

// A creation on its way. `ctx` and what it refers to are its own.
class CompileJob {
 public:
  // `reply` may be empty. The record is copied; `body` is where its header ends.
  CompileJob(Session& session, std::span<const std::byte> record, std::size_t body, ReplyBuilder reply);
  CompileJob(const CompileJob&) = delete;
  CompileJob& operator=(const CompileJob&) = delete;

  // False: the decoder says why, and nothing is pending.
  bool prepare(const Compile& compile);
  const protocol::Decoder& decoder() const noexcept { return decoder_; }
  std::size_t bytes() const noexcept { return record_.size() * sizeof(std::uint64_t) + arena_.used(); }
  void finish() { finish_(ctx_, prepared_); }

 private:
  std::vector<std::uint64_t> record_;
  Arena arena_;
  protocol::Decoder decoder_;
  ReplyBuilder reply_;
  CommandContext ctx_;
  void* prepared_ = nullptr;
  void (*finish_)(CommandContext&, void*) = nullptr;
};

class CompileThreads final : public protocol::PendingObjects {
 public:
  static constexpr unsigned kMaxThreads = 4;
  static constexpr std::size_t kMaxJobs = 256;
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  // Threads: at most `threads`; 0: there are none, and nobody may call run().
  explicit CompileThreads(unsigned threads = suitable_threads()) : threads_allowed_(threads) {}
  ~CompileThreads();  // ends what runs, drops what has not begun

  // As many as there are cores, at most kMaxThreads; none where VIADUCT_PERF says no_compile_threads.
  static unsigned suitable_threads() noexcept;

  bool available() const noexcept { return threads_allowed_ != 0; }
  bool busy() const noexcept { return pending_.load(std::memory_order_acquire) != 0; }

  void run(std::unique_ptr<CompileJob> job);
  // At once where nothing is being made, otherwise on a compile thread.
  void destroy_later(std::function<void()> destroy);
  // Until every creation has ended, and every destruction that was kept back.
  void drain() noexcept;

  void wait(const protocol::HandleSlot& slot) noexcept override;

 private:
  struct Queued {
    std::uint64_t ordinal;
    std::unique_ptr<CompileJob> job;
  };
  struct KeptBack {
    std::uint64_t ordinal;  // after the creations of smaller ordinals
    std::function<void()> destroy;
  };

  void work(bool own_thread);
  void start_thread();
  // The kept-back destructions whose time has come. With the lock held.
  std::vector<KeptBack> take_due();

  const unsigned threads_allowed_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> pending_{0};  // creations and destructions

  std::mutex mutex_;
  std::condition_variable queued_;    // for the threads
  std::condition_variable progress_;  // for everybody else
  std::deque<Queued> jobs_;
  std::set<std::uint64_t> unfinished_;  // ordinals of the creations
  std::deque<KeptBack> kept_back_;
  std::uint64_t next_ordinal_ = 1;
  std::size_t bytes_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

// A destruction (of what host.kept_for_compiles lists), now or after the creations that may use the object.
template <class Destroy>
void destroy_after_compiles(CompileThreads& threads, Destroy destroy) {
  if (threads.busy()) {
    threads.destroy_later(destroy);
  } else {
    destroy();
  }
}

}  // namespace viaduct::host
