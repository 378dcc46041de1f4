#include "tests/unit/host/recording_log.hpp"

#include "base/clock.hpp"

namespace viaduct::host::testing {

std::vector<std::vector<std::uint32_t>> RecordingLog::submitted() {
  const std::lock_guard lock(mutex_);
  return submitted_;
}

void RecordingLog::reset() {
  const std::lock_guard lock(mutex_);
  fill_ns = 0;
  two_threads_in_a_pool = 0;
  fills_of_destroyed_buffers = 0;
  unfinished_submissions = 0;
  unfinished_secondaries = 0;
  most_threads = 0;
  buffers_.clear();
  inside_.clear();
  destroyed_.clear();
  submitted_.clear();
}

void RecordingLog::allocated(VkCommandPool pool, VkCommandBuffer buffer) {
  const std::lock_guard lock(mutex_);
  buffers_[buffer].pool = pool;
  if (inside_[pool] != 0) ++two_threads_in_a_pool;
}

void RecordingLog::begin(VkCommandBuffer buffer) {
  const std::lock_guard lock(mutex_);
  buffers_[buffer].ended = false;
  buffers_[buffer].fills.clear();
}

void RecordingLog::fill(VkCommandBuffer buffer, VkBuffer filled, std::uint32_t data) {
  VkCommandPool pool = VK_NULL_HANDLE;
  {
    const std::lock_guard lock(mutex_);
    pool = buffers_[buffer].pool;
    if (++inside_[pool] > 1) ++two_threads_in_a_pool;
    if (++threads_ > most_threads) most_threads = threads_;
    buffers_[buffer].fills.push_back(data);
  }
  for (const Deadline until = Deadline::after_ns(fill_ns); fill_ns != 0 && !until.expired();) {
  }
  const std::lock_guard lock(mutex_);
  if (destroyed_.contains(filled)) ++fills_of_destroyed_buffers;
  --inside_[pool];
  --threads_;
}

void RecordingLog::end(VkCommandBuffer buffer) {
  const std::lock_guard lock(mutex_);
  buffers_[buffer].ended = true;
}

void RecordingLog::execute(const VkCommandBuffer* secondaries, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < count; ++i) unfinished_secondaries += buffers_[secondaries[i]].ended ? 0 : 1;
}

void RecordingLog::reset_pool(VkCommandPool pool) {
  const std::lock_guard lock(mutex_);
  if (inside_[pool] != 0) ++two_threads_in_a_pool;
}

void RecordingLog::submit(const VkCommandBuffer* buffers, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < count; ++i) {
    unfinished_submissions += buffers_[buffers[i]].ended ? 0 : 1;
    submitted_.push_back(buffers_[buffers[i]].fills);
  }
}

void RecordingLog::destroy(VkBuffer buffer) {
  const std::lock_guard lock(mutex_);
  destroyed_.insert(buffer);
}

}  // namespace viaduct::host::testing
