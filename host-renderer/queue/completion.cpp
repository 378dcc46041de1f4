#include "host-renderer/queue/completion.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "host-renderer/objects/objects.hpp"
#include "host-renderer/schedule/gpu_gate.hpp"

#include <system_error>
#include <utility>

namespace viaduct::host {
namespace {

constexpr std::uint64_t kStopCheckNs = 100'000'000;

}  // namespace

CompletionThread::CompletionThread(Device& device, CompletionSink& sink, std::uint32_t slot,
                                   std::uint64_t initial_value)
    : device_(device), sink_(sink), slot_(slot), submitted_(initial_value), counts_(sink.gate() != nullptr) {
  VkFence first = VK_NULL_HANDLE;
  status_ = make_fence(&first);
  if (status_ == VK_SUCCESS) {
    free_.push_back(first);
    thread_ = std::thread([this] { work(); });
  }
}

CompletionThread::~CompletionThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  stop_counting();
  for (const Pending& pending : pending_) {
    free_.push_back(pending.fence);
  }
  for (const VkFence fence : free_) {
    device_.table.vkDestroyFence(device_.handle, fence, nullptr);
  }
}

VkResult CompletionThread::make_fence(VkFence* fence) noexcept {
  VkFenceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  return device_.table.vkCreateFence(device_.handle, &info, nullptr, fence);
}

VkFence CompletionThread::take_fence() noexcept {
  VkFence fence = VK_NULL_HANDLE;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      fence = free_.back();
      free_.pop_back();
      return fence;
    }
  }
  return make_fence(&fence) == VK_SUCCESS ? fence : VK_NULL_HANDLE;
}

void CompletionThread::submitted(std::uint64_t value, VkFence fence, std::uint64_t began_ns) noexcept {
  submitted_ = value;
  const std::lock_guard lock(mutex_);
  if (counts_) sink_.gate()->submitted(began_ns);
  pending_.push_back({value, fence, now_ns()});
}

void CompletionThread::announce() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (announced_ == pending_.size()) return;
    announced_ = pending_.size();
  }
  changed_.notify_one();
}

bool CompletionThread::watchable() noexcept {
  const std::lock_guard lock(mutex_);
  return pending_.size() == 1 && announced_ == 0;
}

bool CompletionThread::poll() noexcept {
  // Nobody else takes away what is not announced.
  const Pending oldest = pending_.front();
  const VkResult result = device_.table.vkGetFenceStatus(device_.handle, oldest.fence);
  if (result == VK_NOT_READY) return false;
  static_cast<void>(settle(oldest, result));
  const std::lock_guard lock(mutex_);
  retire_oldest();  // after a loss too: nothing is submitted any more
  return true;
}

void CompletionThread::retire_oldest() noexcept {
  spin_.learn(now_ns() - pending_.front().since_ns);
  free_.push_back(pending_.front().fence);
  pending_.pop_front();
  if (counts_) sink_.gate()->completed();
}

// What is lost does not end any more.
void CompletionThread::stop_counting() noexcept {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(counts_, false)) return;
  for (std::size_t i = 0; i < pending_.size(); ++i) sink_.gate()->completed();
}

void CompletionThread::unused(VkFence fence) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(fence);
}

void CompletionThread::lost(VkResult result) noexcept {
  device_.lost.store(true, std::memory_order_relaxed);
  stop_counting();
  sink_.fail(slot_, result);
}

void CompletionThread::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_.load(std::memory_order_relaxed) || announced_ != 0; });
    if (stop_.load(std::memory_order_relaxed)) {
      return;
    }
    const Pending oldest = pending_.front();
    lock.unlock();
    const bool goes_on = wait_for(oldest);
    lock.lock();
    if (!goes_on) {
      return;
    }
    retire_oldest();
    --announced_;
  }
}

// False when the thread has to end.
bool CompletionThread::wait_for(const Pending& pending) noexcept {
  const DeviceTable& table = device_.table;
  VkResult result = VK_TIMEOUT;
  while (result == VK_TIMEOUT && !stop_.load(std::memory_order_relaxed)) {
    result = table.vkWaitForFences(device_.handle, 1, &pending.fence, VK_TRUE, kStopCheckNs);
    if (result == VK_TIMEOUT && device_.lost.load(std::memory_order_relaxed)) {
      result = VK_ERROR_DEVICE_LOST;
    }
  }
  if (result == VK_TIMEOUT) {
    return false;  // told to stop
  }
  return settle(pending, result);
}

// Publishes the value and leaves the fence unsignalled; false when the device is lost.
bool CompletionThread::settle(const Pending& pending, VkResult result) noexcept {
  if (result == VK_SUCCESS) {
    sink_.before_completion(device_);
    sink_.complete(slot_, pending.value);
    result = device_.table.vkResetFences(device_.handle, 1, &pending.fence);
  }
  if (result != VK_SUCCESS) {
    VIADUCT_LOG_ERROR("queue", "waiting for completion slot %u failed: VkResult %d", slot_, result);
    lost(VK_ERROR_DEVICE_LOST);
    return false;
  }
  return true;
}

}  // namespace viaduct::host
