// One queue's completions: a fence for every submission, and a thread that waits for them in order and
// publishes {the guest's value, VkResult} into the region.
//
// Fences and not one timeline semaphore: SwiftShader signals semaphores when it has queued a batch's draws
// and fences when they have executed (its Queue::submitQueue), and a fence costs no batch of its own.
//
// The decode thread owns the object, takes a fence for each submission and calls submitted() or unused()
// after it, and lost() when the driver (or the guest's own invalid submission) lost the device. The queue's
// thread waits for what was announced; what is not yet, the decode thread may look for with poll(). The
// thread touches fences, the device's entry points and the sink, nothing else. The destructor stops it within
// 100 ms whatever the device does.
#pragma once

#include "generated/host/driver_tables.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "transport/wait/spin.hpp"

namespace viaduct::host {

struct Device;
class GpuGate;

// Where a queue's progress is published. Called from completion threads and from the decode thread (losses).
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  // Before the value is published: in shadow mode the guest's memory is brought up to date here.
  virtual void before_completion(Device& device) noexcept = 0;
  virtual void complete(std::uint32_t slot, std::uint64_t value) noexcept = 0;
  // Latched by the sink: the first result stays.
  virtual void fail(std::uint32_t slot, VkResult result) noexcept = 0;
  // Where submissions' times are counted; null: nowhere.
  virtual GpuGate* gate() noexcept { return nullptr; }
};

class CompletionThread {
 public:
  CompletionThread(Device& device, CompletionSink& sink, std::uint32_t slot, std::uint64_t initial_value);
  ~CompletionThread();
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  // VK_SUCCESS, or why there is no fence; then nothing may be submitted.
  VkResult status() const noexcept { return status_; }
  std::uint32_t slot() const noexcept { return slot_; }
  std::uint64_t last_submitted() const noexcept { return submitted_; }

  // Whether everything that was submitted is known to have executed.
  bool idle() noexcept {
    const std::lock_guard lock(mutex_);
    return pending_.empty();
  }

  // An unsignalled fence for the next submission; null where the driver makes no more.
  VkFence take_fence() noexcept;
  // Not announced yet: announce() follows, or poll() until it gives true. `began_ns`: when the driver was
  // asked.
  void submitted(std::uint64_t value, VkFence fence, std::uint64_t began_ns) noexcept;
  // The thread waits for everything that was submitted.
  void announce() noexcept;
  // Whether exactly one submission is pending, and not announced.
  bool watchable() noexcept;
  // Of a watchable one: looks, and publishes its end. True when there is nothing more to look for.
  bool poll() noexcept;
  // How long it is worth while to look; learns from how long submissions take.
  transport::AdaptiveSpin& spin() noexcept { return spin_; }
  void unused(VkFence fence) noexcept;
  void lost(VkResult result) noexcept;

 private:
  void work() noexcept;
  struct Pending {
    std::uint64_t value;
    VkFence fence;
    std::uint64_t since_ns;
  };
  bool wait_for(const Pending& pending) noexcept;
  bool settle(const Pending& pending, VkResult result) noexcept;
  void retire_oldest() noexcept;
  void stop_counting() noexcept;
  VkResult make_fence(VkFence* fence) noexcept;

  Device& device_;
  CompletionSink& sink_;
  const std::uint32_t slot_;
  VkResult status_;
  std::uint64_t submitted_;  // the decode thread's own

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> pending_;
  std::size_t announced_ = 0;  // of the pending ones, from the oldest
  std::vector<VkFence> free_;  // unsignalled
  bool counts_;                // pending ones count at the gate
  transport::AdaptiveSpin spin_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace viaduct::host
