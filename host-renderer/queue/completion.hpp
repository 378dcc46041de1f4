// One queue's completions: a hidden timeline semaphore that every submission signals with the guest's value,
// and a thread that waits for it and publishes {value, VkResult} into the region (decision 5).
//
// The decode thread owns the object and calls submitted() after each submission that the driver took, lost()
// when the driver (or the guest's own invalid submission) lost the device. The thread touches the semaphore,
// the device's entry points and the sink, nothing else. The destructor stops it within 100 ms whatever the
// device does.
#pragma once

#include "generated/host/driver_tables.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace viaduct::host {

struct Device;

// Where a queue's progress is published. Called from completion threads and from the decode thread (losses).
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  // Before the value is published: in shadow mode the guest's memory is brought up to date here.
  virtual void before_completion(Device& device) noexcept = 0;
  virtual void complete(std::uint32_t slot, std::uint64_t value) noexcept = 0;
  // Latched by the sink: the first result stays.
  virtual void fail(std::uint32_t slot, VkResult result) noexcept = 0;
};

class CompletionThread {
 public:
  CompletionThread(Device& device, CompletionSink& sink, std::uint32_t slot, std::uint64_t initial_value);
  ~CompletionThread();
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  // VK_SUCCESS, or why there is no semaphore; then nothing may be submitted.
  VkResult status() const noexcept { return status_; }
  VkSemaphore semaphore() const noexcept { return semaphore_; }
  std::uint32_t slot() const noexcept { return slot_; }
  std::uint64_t last_submitted() const noexcept { return submitted_; }

  void submitted(std::uint64_t value) noexcept;
  void lost(VkResult result) noexcept;

 private:
  void work() noexcept;
  bool wait_for(std::uint64_t value) noexcept;

  Device& device_;
  CompletionSink& sink_;
  const std::uint32_t slot_;
  VkSemaphore semaphore_ = VK_NULL_HANDLE;
  VkResult status_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t submitted_;
  std::uint64_t completed_;  // the thread's own
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace viaduct::host
